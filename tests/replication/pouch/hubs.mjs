// PouchDB 9 as a go-between of two gateways: replicates from one to the other and back, and tells what moved.
//   node hubs.mjs '{"from": "http://…/sync/notes", "to": "http://…/sync/notes", "name": "north", "password": "…"}'
// prints {forth: {read, written, failures}, back: {read, written, failures}}
import PouchDB from 'pouchdb-core';
import http from 'pouchdb-adapter-http';
import replication from 'pouchdb-replication';

PouchDB.plugin(http).plugin(replication);

const { from, to, name, password } = JSON.parse(process.argv[2]);
const options = { skip_setup: true, auth: { username: name, password } };
const [first, second] = [new PouchDB(from, options), new PouchDB(to, options)];
const moved = ({ docs_read: read, docs_written: written, doc_write_failures: failures }) => ({ read, written, failures });

const forth = moved(await first.replicate.to(second));
const back = moved(await second.replicate.to(first));
console.log(JSON.stringify({ forth, back }));
process.exit(0);
