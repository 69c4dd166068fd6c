// The pages' client (the real WebAssembly and its TypeScript face) against a real server: a copy of a table, changes once
// and in order, a server that is killed and comes back, and a token that is replaced.
import WebSocket from 'ws';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { caller } from '../hostile/wire.mjs';
import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const require = createRequire(`${web}package.json`);
const { buildSync } = createRequire(require.resolve('vite'))('esbuild');
const out = `${web}node_modules/.live-${process.pid}/`;

function load() {
    buildSync({
        entryPoints: [`${web}src/live/client.ts`],
        bundle: true,
        platform: 'node',
        format: 'esm',
        packages: 'external',
        loader: { '.wasm': 'file' },
        outExtension: { '.js': '.mjs' },
        outdir: out,
    });
    return import(pathToFileURL(`${out}client.mjs`).href);
}

const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

function* readTapes(file) {
    const all = readFileSync(file);
    for (let at = 0; at < all.length; ) {
        const size = Number(all.readBigUInt64LE(at + 8));
        yield { hash: all.readBigUInt64LE(at), script: all.subarray(at + 16, at + 16 + size) };
        at += 16 + size;
    }
}

await test('what a device did in the simulation, gcc, clang and WebAssembly do again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'homebake-trace-'));
    const tapes = join(folder, 'tapes');
    try {
        execFileSync(path('bindings/wasm/build.sh'), ['--trace', folder]);
        execFileSync(path('build/homebake-sim'), ['--seeds', '8', '--devices', '12', '--night', '500', '--tapes', tapes]);
        const count = [...readTapes(tapes)].length;
        assert.ok(count > 50, `${count} tapes`);
        for (const compiler of ['gcc', 'clang'])
            assert.equal(execFileSync(join(folder, `trace-${compiler}`), [tapes], { encoding: 'utf8' }), `${count} tapes are what they were\n`);
        const wasm = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(join(folder, 'trace.wasm')))).exports;
        const play = (script) => {
            const at = wasm.hb_alloc(script.length);
            new Uint8Array(wasm.memory.buffer).set(script, at);
            const hash = BigInt.asUintN(64, wasm.trace(at, script.length));
            wasm.hb_free(at);
            return hash;
        };
        for (const { hash, script } of readTapes(tapes)) assert.equal(play(script), hash);
        const { script } = readTapes(tapes).next().value;
        assert.equal(play(script.subarray(0, script.length - 1)), 0n, 'half a tape is none');
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});

globalThis.WebSocket = WebSocket;
globalThis.requestAnimationFrame = (paint) => setTimeout(paint, 16);
globalThis.cancelAnimationFrame = clearTimeout;
const { createClient } = await load().finally(() => rmSync(out, { recursive: true, force: true }));
const module = new WebAssembly.Module(readFileSync(`${web}src/live/client.wasm`));

const bakery = makeBakery();
const { anon, service_role: service } = keys(bakery.data);
let server = await serve(bakery.data);
const { url } = server;
const call = caller(url, anon);

async function signIn(who) {
    const { body } = await call('POST', '/auth/v1/token?grant_type=password', { body: bakery.people[who] });
    return body.access_token;
}

const ok = ({ status, body, text }) => (assert.ok(status < 300, text), body);
const rest = (method, path, body) => call(method, `/rest/v1/${path}`, { token: service, body }).then(ok);

// A copy made of deltas alone; anything told twice or out of turn is a fault.
class Copy {
    rows = new Map();
    told = [];
    faults = [];
    wholes = 0;
    seq = 0;
    state = '';

    onRows = (changes, isWhole, seq) => {
        if (seq < this.seq) this.faults.push(`${seq} after ${this.seq}`);
        this.seq = seq;
        if (isWhole) {
            this.wholes++;
            this.rows.clear();
        }
        for (const { op, key, row } of changes) {
            if ((op === 'insert') === this.rows.has(key)) this.faults.push(`${op} ${key}`);
            if (op === 'delete') this.rows.delete(key);
            else this.rows.set(key, row);
            if (!isWhole) this.told.push(`${op} ${row.name}`);
        }
    };
    onState = (state) => {
        this.state = state;
    };
    onError = (error) => this.faults.push(error.message);
}

const names = (rows) => [...rows].map((row) => row.name).sort();
const bread = (name) => ({ id: randomUUID(), name, size: 'large', unit_price: 5 });

let tokens = 0;
const client = await createClient({
    url,
    apikey: anon,
    module,
    token: async () => {
        tokens++;
        return { token: await signIn('owner'), expiresInMs: 3_600_000 };
    },
    onError: () => {},
});
const copy = new Copy();
const leave = client.subscribe({ table: 'bread_types', priority: 'high' }, copy);
const added = bread('Wasm 0');

await test('the copy begins with all rows', async () => {
    await until('live', () => copy.wholes && copy.state === 'live' && client.status.value.state === 'live', 30);
    assert.deepEqual(names(copy.rows.values()), names(await rest('GET', 'bread_types?select=name')));
    assert.equal(copy.wholes, 1);
});

await test('inserts, updates and deletes come once and in order', async () => {
    const first = copy.seq;
    await rest('POST', 'bread_types', added);
    await until('the insert', () => copy.told.length === 1);
    for (let i = 1; i <= 20; i++) {
        await rest('PATCH', `bread_types?id=eq.${added.id}`, { name: `Wasm ${i}` });
        await until(`update ${i}`, () => copy.rows.get(added.id).name === `Wasm ${i}`);
    }
    await rest('DELETE', `bread_types?id=eq.${added.id}`);
    await until('the delete', () => !copy.rows.has(added.id));
    const { headers } = await call('GET', '/rest/v1/bread_types?limit=1', { token: service });
    const head = Number(headers.get('homebake-seq'));
    assert.ok(copy.seq >= first + 22 && copy.seq <= head, `from ${first} to ${copy.seq}, of ${head}`);
    const updates = Array.from({ length: 20 }, (_, i) => `update Wasm ${i + 1}`);
    assert.deepEqual(copy.told, ['insert Wasm 0', ...updates, 'delete Wasm 20']);
});

await test('subscribing twice gives both all rows', async () => {
    const second = new Copy();
    const end = client.subscribe({ table: 'bread_types' }, second);
    await until('the second copy', () => second.wholes === 1);
    assert.deepEqual(second.rows, copy.rows);
    assert.equal(client.status.value.subscriptions, 1);
    end();
});

await test('a new token is taken without a new copy', async () => {
    client.setToken({ token: await signIn('owner'), expiresInMs: 3_600_000 });
    const other = bread('After the token');
    await rest('POST', 'bread_types', other);
    await until('the row', () => copy.rows.has(other.id));
    assert.equal(copy.wholes, 1);
});

await test('a token that is about to run out is asked for anew', async () => {
    const before = tokens;
    client.setToken({ token: await signIn('owner'), expiresInMs: 1000 });
    await until('another token', () => tokens > before);
});

await test('a server that is killed and comes back loses nothing and tells nothing twice', async () => {
    await server.stop('SIGKILL');
    await until('lost', () => client.status.value.state !== 'live', 30);
    server = await serve(bakery.data, new URL(url).host);
    const missed = bread('While away');
    await rest('POST', 'bread_types', missed);
    client.retry();
    await until('the missed row', () => copy.rows.has(missed.id), 30);
    assert.equal(copy.told.filter((t) => t === 'insert While away').length, 1);
    assert.deepEqual(names(copy.rows.values()), names(await rest('GET', 'bread_types?select=name')));
    assert.deepEqual(copy.faults, []);
});

await test('after the end nothing is told', async () => {
    leave();
    assert.equal(client.status.value.subscriptions, 0);
    client.close();
    await rest('POST', 'bread_types', bread('Unheard'));
    assert.ok(!copy.told.includes('insert Unheard'));
});

await server.stop('SIGTERM');
bakery.remove();
process.exit(finish());
