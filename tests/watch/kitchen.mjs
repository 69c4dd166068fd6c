// docs/examples/kitchen.c as other people build it, with what `meson install` gives them, against the real server.
// Usage: node tests/watch/kitchen.mjs [BUILD FOLDER]
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const build = resolve(process.argv[2] ?? join(root, 'build'));
const folder = mkdtempSync(join(tmpdir(), 'homebake-kitchen-'));
const kitchen = join(folder, 'kitchen');

// The example with the installed headers, archive and pkg-config file, and nothing of this tree.
function compile() {
    const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] };
    execFileSync('meson', ['install', '-C', build, '--no-rebuild', '--tags', 'devel', '--destdir', folder], quiet);
    const found = execFileSync('find', [folder, '-name', 'homebake-client.pc'], quiet).trim();
    const env = { ...process.env, PKG_CONFIG_PATH: join(found, '..'), PKG_CONFIG_SYSROOT_DIR: folder };
    const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'homebake-client'], { ...quiet, env }).trim().split(/\s+/);
    const source = join(root, 'docs/examples/kitchen.c');
    execFileSync('cc', ['-std=c17', '-D_POSIX_C_SOURCE=200809L', '-Wall', '-Wextra', '-Werror', '-o', kitchen, source, ...flags], quiet);
}

function start(url, { email, password }) {
    const child = spawn(kitchen, [url, email], { env: { ...process.env, HOMEBAKE_PASSWORD: password } });
    const seen = { rows: [], errors: '' };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
        const parts = (rest + piece).split('\n');
        rest = parts.pop();
        seen.rows.push(...parts.map((line) => JSON.parse(line)));
    });
    child.stderr.setEncoding('utf8').on('data', (piece) => (seen.errors += piece));
    seen.ended = new Promise((done) => child.once('close', (code, signal) => done(signal)));
    seen.stop = () => (child.kill('SIGTERM'), seen.ended);
    return seen;
}

const bakery = makeBakery();
const service = keys(bakery.data).service_role;

async function write(url, table, row) {
    const headers = { apikey: service, authorization: `Bearer ${service}`, 'content-type': 'application/json', prefer: 'return=representation' };
    const answer = await fetch(`${url}/rest/v1/${table}`, { method: 'POST', headers, body: JSON.stringify({ id: randomUUID(), ...row }) });
    assert.equal(answer.status, 201, await answer.clone().text());
    return (await answer.json())[0];
}

let server = await serve(bakery.data);
const { port } = new URL(server.url);
const owner = await fetch(`${server.url}/rest/v1/users?role=eq.owner&select=id`, { headers: { apikey: service, authorization: `Bearer ${service}` } });
const [{ id: recorded_by }] = await owner.json();
const bread = await write(server.url, 'bread_types', { name: 'Kitchen bread', unit_price: 900 });
const bake = (quantity) => write(server.url, 'production_logs', { bread_type_id: bread.id, quantity, shift: 'morning', recorded_by });
const sell = (quantity) => write(server.url, 'sales_logs', { bread_type_id: bread.id, quantity, unit_price: 900, shift: 'morning', recorded_by });

await test('the example compiles with what is installed alone', async () => compile());

await test('it prints productions and sales as they happen, through a crash of the server, each once', async () => {
    const seen = start(server.url, bakery.people.owner);
    const mine = () => seen.rows.filter((row) => row.bread_type_id === bread.id).map((row) => row.quantity);
    // Nobody says when both are subscribed: what is baked before then is not for the kitchen.
    for (let tries = 0; !mine().includes(1) || !mine().includes(2); tries++) {
        assert.ok(tries < 200, seen.errors);
        await bake(1);
        await sell(2);
        await new Promise((done) => setTimeout(done, 100));
    }
    await bake(100);
    await sell(50);
    await until('both', () => mine().includes(50) && mine().includes(100), 40);
    await server.stop('SIGKILL');
    server = await serve(bakery.data, `127.0.0.1:${port}`);
    await bake(200);
    await until('what happened meanwhile', () => mine().includes(200), 40);
    await sell(60);
    await until('what happens now', () => mine().includes(60), 40);
    // Each table has its own order.
    assert.deepEqual(mine().filter((quantity) => quantity >= 100), [100, 200]);
    assert.deepEqual(mine().filter((quantity) => quantity > 2 && quantity < 100), [50, 60]);
    assert.equal(await seen.stop(), 'SIGTERM');
}, 120);

await test('it waits for a server that is not there yet', async () => {
    await server.stop();
    const seen = start(server.url, bakery.people.owner);
    await until('its complaint', () => seen.errors.includes('cannot be reached'), 40);
    server = await serve(bakery.data, `127.0.0.1:${port}`);
    const mine = () => seen.rows.filter((row) => row.quantity === 300).length;
    for (let tries = 0; mine() === 0; tries++) {
        assert.ok(tries < 300, seen.errors);
        await bake(300);
        await new Promise((done) => setTimeout(done, 100));
    }
    assert.equal(await seen.stop(), 'SIGTERM');
}, 90);

await server.stop();
bakery.remove();
rmSync(folder, { recursive: true, force: true });
process.exitCode = finish();
