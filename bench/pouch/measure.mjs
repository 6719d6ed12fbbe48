// PouchDB 9 with LevelDB against pouchdb-server 4.2, each in a process of its own; prints seconds as JSON.
//   node measure.mjs '{"folder": "…", "documents": 100000, "pushed": 20000}'
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import PouchDB from 'pouchdb-node';

const asked = JSON.parse(process.argv[2]);
const here = dirname(fileURLToPath(import.meta.url));
const server = join(dirname(createRequire(join(here, 'x.js')).resolve('pouchdb-server/package.json')), 'bin', 'pouchdb-server');
mkdirSync(join(asked.folder, 'server'), { recursive: true });

const port = await new Promise((resolve) => {
  const free = createServer().listen(0, '127.0.0.1', () => {
    const { port } = free.address();
    free.close(() => resolve(port));
  });
});
const process_ = spawn(process.execPath, [server, '--host', '127.0.0.1', '--port', String(port), '--dir', join(asked.folder, 'server'), '--no-stdout-logs'],
  { cwd: join(asked.folder, 'server'), stdio: 'ignore' });

const url = `http://127.0.0.1:${port}/notes`;
const text = 'x'.repeat(700);
const made = (prefix, from, to) => Array.from({ length: to - from }, (_, n) => ({
  _id: `${prefix}${String(from + n).padStart(10, '0')}`, form: 'customer', code: `C2026${from + n}`, name: 'Nahua Trading', remark: text,
  level: 'A', readers: ['north', 'set1'], authors: ['north'], created_by: 'north', created_at: '2026-11-22T08:00:00.000Z',
}));

try {
  for (let tries = 0; ; tries += 1) {
    try { await fetch(`http://127.0.0.1:${port}/`); break; } catch (problem) { if (tries > 300) throw problem; }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const remote = new PouchDB(url);
  for (let from = 0; from < asked.documents; from += 1000) await remote.bulkDocs(made('d', from, Math.min(from + 1000, asked.documents)));
  const local = new PouchDB(join(asked.folder, 'local'));
  const seconds = async (work) => {
    const began = performance.now();
    await work();
    return (performance.now() - began) / 1000;
  };
  const options = { batch_size: 1000 };
  const pull = await seconds(() => local.replicate.from(remote, options));
  if ((await local.info()).doc_count !== asked.documents) throw new Error('not everything came');
  const nothing = await seconds(() => local.replicate.from(remote, options));
  for (let from = 0; from < asked.pushed; from += 1000) await local.bulkDocs(made('p', from, Math.min(from + 1000, asked.pushed)));
  const since = (await local.info()).update_seq - asked.pushed; // as after an earlier push: the pulled ones are known there
  const push = await seconds(() => local.replicate.to(remote, { ...options, since }));
  if ((await remote.info()).doc_count !== asked.documents + asked.pushed) throw new Error('not everything went');
  console.log(JSON.stringify({ pull, nothing, push }));
} finally {
  process_.kill();
}
