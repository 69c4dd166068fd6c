// The real `homebake watch` against the real server: what it prints, through a crash, over TLS, and refused.
// Usage: node tests/watch/run.mjs
import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';
import { follow } from './stage.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = resolve(process.env.HOMEBAKE_BIN ?? join(root, 'build', 'homebake'));

// Follows bread_types.
function watch(url, { email, password }, ...options) {
    const child = spawn(program, ['watch', '--url', url, '--email', email, 'bread_types', ...options]);
    child.stdin.end(`${password}\n`);
    return follow(child, 'SIGINT');
}

const bakery = makeBakery();
const service = keys(bakery.data).service_role;

async function write(url, name) {
    const headers = { apikey: service, authorization: `Bearer ${service}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ id: randomUUID(), name, unit_price: 900 });
    const answer = await fetch(`${url}/rest/v1/bread_types`, { method: 'POST', headers, body });
    assert.equal(answer.status, 201, await answer.text());
}
const named = (seen, prefix) => seen.lines.map(({ row }) => row.name).filter((name) => name.startsWith(prefix));
const names = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix} ${i}`);

let server = await serve(bakery.data);
const { port } = new URL(server.url);

await test('every change is printed once and in order, and SIGINT ends it with 0', async () => {
    const seen = watch(server.url, bakery.people.owner);
    await until('the eight breads', () => seen.lines.length === 8, 40);
    for (const name of names('Calm', 20)) await write(server.url, name);
    await until('twenty changes', () => named(seen, 'Calm').length >= 20, 40);
    assert.deepEqual(named(seen, 'Calm'), names('Calm', 20));
    assert.ok(seen.lines.every(({ op, table, key, row }) => op === 'INSERT' && table === 'bread_types' && key === row.id));
    assert.equal(await seen.stop(), 0);
});

await test('nothing is missed or doubled when the server is killed and comes back', async () => {
    const seen = watch(server.url, bakery.people.owner);
    await until('what there is', () => seen.lines.length >= 28, 40);
    await write(server.url, 'Storm 0');
    await until('the change before', () => named(seen, 'Storm').length === 1, 40);
    await server.stop('SIGKILL');
    server = await serve(bakery.data, `127.0.0.1:${port}`);
    await write(server.url, 'Storm 1');
    await until('the change in between', () => named(seen, 'Storm').length >= 2, 40);
    await write(server.url, 'Storm 2');
    await until('the change behind it', () => named(seen, 'Storm').length >= 3, 40);
    assert.deepEqual(named(seen, 'Storm'), names('Storm', 3));
    assert.equal(seen.lines.length, 31);
    assert.equal(await seen.stop(), 0);
}, 60);

await test('a wrong password is a clear error and exit code 1', async () => {
    const seen = watch(server.url, { ...bakery.people.owner, password: 'not this one' });
    assert.equal(await seen.ended, 1);
    assert.match(seen.errors, /refuses the sign-in: Invalid login credentials/);
    assert.deepEqual(seen.lines, []);
});

await test('nobody there is a clear error and exit code 1', async () => {
    const seen = watch('http://127.0.0.1:1', bakery.people.owner);
    assert.equal(await seen.ended, 1);
    assert.match(seen.errors, /127.0.0.1:1 cannot be reached/);
});
await server.stop();

await test('TLS works with an authority that is trusted, and not without', async () => {
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(bakery.data, '..', name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
        { stdio: 'ignore' });
    const secure = await serve(bakery.data, '127.0.0.1:0', '--tls-cert', cert, '--tls-key', key);
    const seen = watch(secure.url, bakery.people.owner, '--ca-file', cert);
    await until('what there is', () => seen.lines.length >= 8, 40);
    assert.equal(await seen.stop(), 0);
    const wary = watch(secure.url, bakery.people.owner);
    assert.equal(await wary.ended, 1);
    assert.match(wary.errors, /certificate is not accepted/);
    const elsewhere = watch(secure.url.replace('127.0.0.1', 'localhost'), bakery.people.owner, '--ca-file', cert);
    assert.equal(await elsewhere.ended, 1);
    assert.match(elsewhere.errors, /certificate is not accepted/);
    await secure.stop();
});

bakery.remove();
process.exitCode = finish();
