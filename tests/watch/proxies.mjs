// What stands between a C program and the server in other people's networks: proxies that frame the answers anew.
// Usage: node tests/watch/proxies.mjs
import { spawn } from 'node:child_process';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';

import { assert, finish, test, until } from '../support/harness.mjs';
import { makeBakery, serve } from '../support/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = resolve(process.env.HOMEBAKE_BIN ?? join(root, 'build', 'homebake'));
const bakery = makeBakery();
const server = await serve(bakery.data);

// `frame(answer, body)` gives the bytes that are sent in place of the answer; what is upgraded passes as it is.
async function putProxy(frame) {
    const { hostname, port } = new URL(server.url);
    const seen = [];
    const proxy = createServer((near, out) => {
        const { method, url: path, headers } = near;
        const far = request({ hostname, port, method, path, headers }, async (answer) => {
            const body = Buffer.concat(await answer.toArray());
            seen.push(path);
            for (const piece of frame(answer, body)) out.socket.write(piece);
            out.socket.end();
        });
        near.pipe(far);
    });
    proxy.on('upgrade', (near, socket) => {
        const far = connect(port, hostname);
        const lines = near.rawHeaders.map((word, i) => word + (i % 2 ? '\r\n' : ': '));
        far.write(`GET ${near.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
        socket.pipe(far).pipe(socket);
        socket.on('error', () => far.destroy());
        far.on('error', () => socket.destroy());
    });
    await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
    return { url: `http://127.0.0.1:${proxy.address().port}`, seen, close: () => (proxy.close(), proxy.closeAllConnections()) };
}

function head({ statusCode, headers }, ...more) {
    const kept = Object.entries(headers).filter(([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name));
    return [`HTTP/1.1 ${statusCode} Proxied`, ...kept.map(([name, value]) => `${name}: ${value}`), ...more, '', ''].join('\r\n');
}

function* chunked(answer, body) {
    yield head(answer, 'Transfer-Encoding: chunked');
    for (let at = 0; at < body.length; at += 7) {
        const piece = body.subarray(at, at + 7);
        yield `${piece.length.toString(16)};at=${at}\r\n`;
        yield piece;
        yield '\r\n';
    }
    yield '0\r\nDigest: none\r\n\r\n';
}

function* toTheClose(answer, body) {
    yield head(answer);
    yield body;
}

function* hinted(answer, body) {
    yield 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
    yield head(answer, `Content-Length: ${body.length}`);
    yield body;
}

// The eight breads, through that proxy.
async function watch(frame) {
    const proxy = await putProxy(frame);
    const child = spawn(program, ['watch', '--url', proxy.url, '--email', bakery.people.owner.email, 'bread_types', '--json']);
    let said = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => (said += piece));
    child.stderr.setEncoding('utf8').on('data', (piece) => (errors += piece));
    child.stdin.end(`${bakery.people.owner.password}\n`);
    const ended = new Promise((done) => child.once('close', done));
    try {
        await until('the eight breads', () => said.split('\n').length > 8, 40);
    } catch (error) {
        throw new Error(`${error.message}: ${errors}`);
    } finally {
        child.kill('SIGINT');
        await ended;
        proxy.close();
    }
    const rows = said.trim().split('\n').map((line) => JSON.parse(line));
    assert.equal(rows.length, 8);
    assert.ok(rows.every(({ op, row }) => op === 'INSERT' && row.name));
    assert.ok(proxy.seen.some((path) => path.startsWith('/rest/v1/bread_types')), proxy.seen.join());
}

await test('a proxy that sends chunks', () => watch(chunked));
await test('a proxy that sends until it closes', () => watch(toTheClose));
await test('a proxy that sends hints before', () => watch(hinted));
await server.stop();
bakery.remove();
process.exitCode = finish();
