// PouchDB 9 as a foreign client: reads one JSON command from the arguments, prints one JSON answer.
//   node sync.mjs '{"url": "http://127.0.0.1:8000/sync/notes", "name": "north", "password": "…", "steps": [["pull"], …]}'
// steps   ["pull"] ["push"] ["sync"] one-shot · ["live"] start a live sync · ["wait", id, item, value] until a document has it
//         ["as", client, person] go on as another client with a database of its own, as this person
//         ["leaves", id] every leaf with its ancestry · ["settle", id, items] over REST, as the page does
//         ["put", document] ["remove", id] ["attach", id, name, type, text] · ["get", id] ["all"] ["attachment", id, name]
import PouchDB from 'pouchdb-core';
import http from 'pouchdb-adapter-http';
import memory from 'pouchdb-adapter-memory';
import replication from 'pouchdb-replication';

PouchDB.plugin(http).plugin(memory).plugin(replication);

const { url, name, password, steps } = JSON.parse(process.argv[2]);
const clients = {};
let remote = null;
let local = null;

function as(client, person) {
  clients[client] ??= {
    remote: new PouchDB(url, { skip_setup: true, auth: { username: person, password } }),
    local: new PouchDB(`client${Date.now()}${client}`, { adapter: 'memory' }),
  };
  ({ remote, local } = clients[client]);
  return client;
}
as('first', name);

const answers = [];
let live = null;

const figures = (result) => ({
  ok: result.ok, read: result.docs_read, written: result.docs_written, failures: result.doc_write_failures,
});

async function replicate(kind) {
  const denied = [];
  const run = kind === 'pull' ? local.replicate.from(remote) : local.replicate.to(remote);
  run.on('denied', (problem) => denied.push({ id: problem.id, error: problem.name }));
  return { ...figures(await run), denied };
}

async function wait(id, item, value) {
  for (let turn = 0; turn < 200; turn += 1) {
    const found = await local.get(id).catch(() => null);
    if (found && found[item] === value) return found;
    await new Promise((done) => { setTimeout(done, 50); });
  }
  throw new Error(`${id}.${item} did not become ${value}`);
}

const actions = {
  as,
  leaves: async (id) => (await local.get(id, { open_revs: 'all', revs: true }))
    .map(({ ok }) => ({ rev: ok._rev, path: ok._revisions.ids, deleted: Boolean(ok._deleted) }))
    .sort((one, other) => (one.rev < other.rev ? -1 : 1)),
  settle: async (id, items) => {
    const address = `${url.replace('/sync/', '/api/v1/databases/')}/documents/${id}/conflicts`;
    const headers = { 'Content-Type': 'application/json', Authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
    const { versions } = await (await fetch(address, { headers })).json();
    const [rev, ...others] = versions.map((version) => version._rev);
    return (await fetch(address, { method: 'POST', headers, body: JSON.stringify({ rev, others, items }) })).json();
  },
  pull: () => replicate('pull'),
  push: () => replicate('push'),
  live: () => { live = local.sync(remote, { live: true, retry: true }); return 'live'; },
  wait,
  put: async (document) => {
    const found = await local.get(document._id).catch(() => ({}));
    return local.put({ ...found, ...document });
  },
  remove: async (id) => local.remove(await local.get(id)),
  attach: async (id, file, type, text) => {
    const { _rev } = await local.get(id);
    return local.putAttachment(id, file, _rev, Buffer.from(text), type);
  },
  get: (id) => local.get(id, { conflicts: true }).catch((problem) => ({ error: problem.name })),
  all: async () => (await local.allDocs()).rows.map((row) => row.id),
  attachment: async (id, file) => (await local.getAttachment(id, file)).toString(),
  remote: () => remote.info(),
  wake: async (address, document) => { // a change by somebody else, while the live sync runs
    const headers = { 'Content-Type': 'application/json', Authorization: `Basic ${Buffer.from(`south:${password}`).toString('base64')}` };
    return (await fetch(`${address}/${document._id}`, { method: 'PUT', headers, body: JSON.stringify(document) })).json();
  },
};

for (const [action, ...details] of steps) answers.push((await actions[action](...details)) ?? null);
if (live) live.cancel();
console.log(JSON.stringify(answers));
process.exit(0);
