// HTTPS and wss with a certificate of our own, and those who speak something else there.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import net from 'node:net';
import tls from 'node:tls';

import { assert, test, until } from '../support/harness.mjs';
import { keys, serve } from '../support/server.mjs';
import { connect, pause, raw, statuses } from './wire.mjs';

const require = createRequire(new URL('../clients/package.json', import.meta.url));

export async function overTls({ data, people }) {
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(data, '..', name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const server = await serve(data, '127.0.0.1:0', '--tls-cert', cert, '--tls-key', key);
    const plain = server.url.replace('https:', 'http:');
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
        await test('sign-in, REST and a subscription over TLS with supabase-js', async () => {
            const { createClient } = require('@supabase/supabase-js');
            const client = createClient(server.url, keys(data).anon, { auth: { persistSession: false, autoRefreshToken: false }, realtime: { transport: require('ws') } });
            assert.match(server.url, /^https:/);
            assert.equal((await client.auth.signInWithPassword(people.owner)).error, null);
            const events = [];
            const channel = client.channel('over-tls').on('postgres_changes', { event: '*', schema: 'public', table: 'shift_feedback' }, (e) => events.push(e));
            await new Promise((done, fail) => channel.subscribe((status, error) => (status === 'SUBSCRIBED' ? done() : fail(error ?? new Error(status)))));
            const note = 'é'.repeat(2000);
            const { error } = await client.from('shift_feedback').insert(Array.from({ length: 200 }, () => ({ note })));
            assert.equal(error, null);
            await until('the events', () => events.length === 200);
            assert.ok(events.every((e) => e.new.note === note));
            const { data: rows } = await client.from('shift_feedback').select('note').limit(200);
            assert.equal(rows.length, 200);
            await client.removeAllChannels();
            await client.auth.signOut();
        });

        await test('plain HTTP on the TLS port gets no answer in it, and the connection ends', async () => {
            const wire = await raw(plain, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n', 5);
            assert.deepEqual(statuses(wire.text), []);
            assert.ok(wire.isClosed || wire.socket.readableEnded);
        });

        await test('garbage, old versions and broken records on the TLS port end that connection alone', async () => {
            for (const bytes of [randomBytes(4096), Buffer.alloc(4096), Buffer.from('160301ffff', 'hex'), Buffer.from('1503010002020a', 'hex'), Buffer.concat([Buffer.from('16030100ff010000fb0303', 'hex'), randomBytes(244)])]) {
                const wire = connect(plain);
                await wire.opened;
                await wire.send(bytes);
                await Promise.race([wire.ended, pause(200)]);
                wire.socket.destroy();
            }
            const { hostname, port } = new URL(server.url);
            await assert.rejects(new Promise((done, fail) => tls.connect({ host: hostname, port, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' }).once('secureConnect', done).once('error', fail)));
            assert.equal((await fetch(`${server.url}/livez`)).status, 200);
        });

        await test('a session that breaks in the middle of a record ends that connection alone', async () => {
            const { hostname, port } = new URL(server.url);
            for (let i = 0; i < 10; i++) {
                const socket = net.connect(port, hostname);
                const secure = tls.connect({ socket, rejectUnauthorized: false });
                secure.on('error', () => {});
                socket.on('error', () => {});
                await new Promise((done) => secure.once('secureConnect', done));
                secure.write(`GET /livez HTTP/1.1\r\nHost: a\r\n\r\n`);
                if (i % 2) socket.write(randomBytes(100));
                await pause(5);
                socket.resetAndDestroy();
            }
            assert.equal((await fetch(`${server.url}/livez`)).status, 200);
        });

        await test('handshakes that stall hold up nobody, and end after ten seconds', async () => {
            const hello = Buffer.from('16030100ff010000fb0303', 'hex');
            const wires = Array.from({ length: 50 }, () => connect(plain));
            await Promise.all(wires.map((wire) => wire.opened));
            wires.forEach((wire) => wire.send(hello));
            const began = Date.now();
            assert.equal((await fetch(`${server.url}/livez`)).status, 200);
            assert.ok(Date.now() - began < 1000);
            await Promise.race([Promise.all(wires.map((wire) => wire.ended)), pause(14000)]);
            assert.ok(wires.every((wire) => wire.isClosed || wire.socket.readableEnded));
            wires.forEach((wire) => wire.socket.destroy());
        });
    } finally {
        const { code } = await server.stop();
        await test('a server with TLS ends in good order', async () => assert.equal(code, 0));
    }
}
