// The command line: wrong words, wrong places, and a server that is told to end, or is killed.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { assert, test, until } from '../support/harness.mjs';
import { homebake, keys, makeBakery, serve } from '../support/server.mjs';
import { caller, connect, live, pause } from './wire.mjs';

const program = resolve(process.env.HOMEBAKE_BIN ?? new URL('../../build/homebake', import.meta.url).pathname);

// { code, out, said }: the exit code, standard output and standard error.
function run(args, { input = '', ...options } = {}) {
    const { status, stdout, stderr, signal } = spawnSync(program, args, { input, encoding: 'utf8', timeout: 15000, ...options });
    assert.equal(signal, null, `${args.join(' ')}: ${signal} ${stderr}`);
    return { code: status, out: stdout, said: stderr };
}

const one = (text) => text.trim().split('\n').length === 1 && text.startsWith('homebake');

export async function commands() {
    const folder = mkdtempSync(join(tmpdir(), 'homebake-'));
    const data = join(folder, 'data');
    const bakery = makeBakery();
    const init = (at, ...more) => ['init', '--data', at, '--owner-email', 'a@bakery.example', ...more];
    try {
        await test('a wrong command line ends with 2 and says why on standard error', async () => {
            const wrong = [[], ['fly'], ['help', 'fly'], ['serve'], ['serve', '--data'], ['serve', '--data', data], ['serve', '--data', data, '--listen', ':0', 'x'], ['serve', '--data', data, '--listen', ':0', '--shards', '0'],
                ['serve', '--data', data, '--listen', ':0', '--shards', '99999999999999999999'], ['serve', '--data', data, '--listen', ':0', '--shards', '-1'], ['serve', '--data', data, '--listen', ':0', '--log', 'loud'],
                ['serve', '--data', data, '--listen', ':0', '--tls-cert', 'x'], ['serve', '--data', data, '--data', data, '--listen', ':0'], ['user'], ['user', 'fly'], ['user', 'add', '--data', data], ['user', 'disable', '--data', data],
                ['user', 'list'], ['keys'], ['init'], ['init', '--data', data], ['demo'], ['verify'], ['backup'], ['backup', '--data', data], ['policy'], ['policy', 'fly', '--data', data], ['--nothing'], ['-v']];
            for (const args of wrong) {
                const { code, out, said } = run(args);
                assert.equal(code, 2, args.join(' '));
                assert.equal(out, '', args.join(' '));
                assert.ok(said.length > 0, args.join(' '));
            }
            assert.ok(!existsSync(data));
        });

        await test('help and version end with 0, on standard output', async () => {
            for (const args of [['help'], ['--help'], ['-h'], ['version'], ['--version'], ...['init', 'serve', 'keys', 'user', 'demo', 'verify', 'backup', 'policy'].flatMap((c) => [['help', c], [c, '--help'], [c, '-h']])]) {
                const { code, out, said } = run(args);
                assert.deepEqual([code, said], [0, ''], args.join(' '));
                assert.ok(out.length > 0);
            }
        });

        await test('a folder that is none, is somebody\'s, or is there already: 1, and one line', async () => {
            writeFileSync(join(folder, 'file'), '');
            mkdirSync(join(folder, 'empty'));
            for (const command of [['keys'], ['verify'], ['backup', '--to', '/nonexistent'], ['policy', 'check'], ['user', 'list'], ['user', 'disable', '--email', 'a@bakery.example'], ['serve', '--listen', '127.0.0.1:0']]) {
                for (const at of [join(folder, 'nowhere'), join(folder, 'file'), join(folder, 'empty'), '/proc', '', 'a'.repeat(5000)]) {
                    const { code, out, said } = run([...command, '--data', at]);
                    assert.equal(code, 1, `${command.join(' ')} ${at.slice(0, 60)}: ${said}`);
                    assert.ok(one(said), `${command.join(' ')} ${at.slice(0, 60)}: ${said}`);
                    assert.equal(out, '');
                }
            }
            for (const at of [join(folder, 'file'), join(folder, 'file', 'x'), '/proc/x', '', 'a'.repeat(5000)]) {
                const { code, said } = run(init(at), { input: 'a long enough password\n' });
                assert.ok(code === 1 && one(said), `${at.slice(0, 60)}: ${code} ${said}`);
            }
            assert.ok(run(init(bakery.data), { input: 'a long enough password\n' }).code === 1);
            assert.ok(run(['demo', '--data', bakery.data]).code === 1);
        });

        await test('passwords, emails, names and roles are checked, and nothing half-made is left', async () => {
            for (const input of ['', '\n', 'short\n', 'x'.repeat(129) + '\n', 'a\0b c d e f g h\n', '\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n'])
                assert.equal(run(init(data), { input: Buffer.from(input, 'latin1') }).code, 1, JSON.stringify(input.slice(0, 20)));
            for (const email of ['', 'x', '@', 'a@', '@b', 'a b@c.example', `${'a'.repeat(300)}@b.example`, 'a@b@c.example', 'a\n@b.example'])
                assert.ok(run(['init', '--data', data, '--owner-email', email], { input: 'a long enough password\n' }).code > 0, JSON.stringify(email.slice(0, 20)));
            assert.ok(!existsSync(join(data, 'homebake.db')), 'a refused init leaves a bakery');
            assert.equal(run(init(data, '--owner-name', "Ada 'x' \"y\" é"), { input: 'a long enough password\n' }).code, 0);
            assert.equal(statSync(data).mode & 0o777, 0o700);
            assert.equal(statSync(join(data, 'homebake.db')).mode & 0o777, 0o600);
            const add = (email, name, role, input = 'a long enough password\n') => run(['user', 'add', '--data', data, '--email', email, '--name', name, '--role', role], { input }).code;
            assert.equal(add('a@bakery.example', 'Again', 'manager'), 1);
            assert.equal(add('A@BAKERY.example', 'Again', 'manager'), 1);
            assert.equal(add('b@bakery.example', 'B', 'emperor'), 1);
            assert.equal(add('b@bakery.example', '', 'manager'), 1);
            assert.equal(add('b@bakery.example', 'B'.repeat(101), 'manager'), 1);
            assert.equal(add('b@bakery.example', 'B', 'manager', 'short\n'), 1);
            assert.equal(add('b@bakery.example', 'B\u001b[31m', 'manager'), 0);
            assert.ok(!run(['user', 'list', '--data', data]).out.includes('\u001b'));
            assert.equal(run(['user', 'disable', '--data', data, '--email', 'nobody@bakery.example']).code, 1);
            assert.equal(run(['verify', '--data', data]).code, 0);
        });

        await test('standard output that is full is an error, not a silence', async () => {
            const full = openSync('/dev/full', 'w');
            for (const args of [['keys', '--data', data], ['user', 'list', '--data', data], ['help'], ['version'], ['verify', '--data', data], ['policy', 'check', '--data', data]])
                assert.equal(run(args, { stdio: ['pipe', full, 'pipe'] }).code, 1, args.join(' '));
            closeSync(full);
        });

        await test('addresses and certificates that are none: 1, and one line', async () => {
            for (const listen of ['', 'x', ':', '127.0.0.1', '127.0.0.1:', '127.0.0.1:x', '127.0.0.1:65536', '127.0.0.1:-1', '999.0.0.1:0', '192.0.2.1:0', '[::1', '127.0.0.1:99999999999999999999', 'a'.repeat(5000)]) {
                const { code, said } = run(['serve', '--data', data, '--listen', listen, '--log', 'off']);
                assert.ok((code === 1 || code === 2) && one(said), `${listen.slice(0, 40)}: ${code} ${said}`);
            }
            writeFileSync(join(folder, 'no.pem'), 'not a certificate');
            for (const file of ['no.pem', 'nothing.pem', '.']) {
                const { code, said } = run(['serve', '--data', data, '--listen', '127.0.0.1:0', '--log', 'off', '--tls-cert', join(folder, file), '--tls-key', join(folder, file)]);
                assert.ok(code === 1 && one(said), said);
            }
            const taken = net.createServer().listen(0, '127.0.0.1');
            await new Promise((done) => taken.once('listening', done));
            const { code, said } = run(['serve', '--data', data, '--listen', `127.0.0.1:${taken.address().port}`, '--log', 'off']);
            assert.ok(code === 1 && one(said), said);
            taken.close();
        });

        await test('a second server on one folder is refused; the first goes on', async () => {
            const server = await serve(bakery.data);
            const { code, said } = run(['serve', '--data', bakery.data, '--listen', '127.0.0.1:0', '--log', 'off']);
            assert.ok(code === 1 && one(said), said);
            assert.equal(run(['demo', '--data', bakery.data]).code, 1);
            assert.equal((await fetch(`${server.url}/livez`)).status, 200);
            assert.equal((await server.stop()).code, 0);
        });

        await test('a damaged database is told, not served', async () => {
            const broken = makeBakery();
            truncateSync(join(broken.data, 'homebake.db'), 10000);
            for (const args of [['verify'], ['keys'], ['user', 'list'], ['serve', '--listen', '127.0.0.1:0', '--log', 'off']]) {
                const { code, said, out } = run([...args, '--data', broken.data]);
                assert.ok(code === 1 && (said + out).length > 0, `${args}: ${code}`);
            }
            writeFileSync(join(broken.data, 'homebake.db'), 'no database at all'.repeat(1000));
            assert.equal(run(['serve', '--data', broken.data, '--listen', '127.0.0.1:0', '--log', 'off']).code, 1);
            broken.remove();
        });
    } finally {
        bakery.remove();
        rmSync(folder, { recursive: true, force: true });
    }
}

export async function endings() {
    const bakery = makeBakery();
    const { anon } = keys(bakery.data);
    const signIn = async (url) => (await caller(url, anon)('POST', '/auth/v1/token?grant_type=password', { body: bakery.people.owner })).body.access_token;
    try {
        await test('SIGTERM with open sockets of all kinds ends with 0, and quickly; live sockets get 1012', async () => {
            const server = await serve(bakery.data);
            const token = await signIn(server.url);
            const idle = Array.from({ length: 100 }, () => connect(server.url));
            await Promise.all(idle.map((wire) => wire.opened));
            const half = connect(server.url);
            await half.opened;
            await half.send('POST /rest/v1/sales_logs HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{');
            const peers = await Promise.all(Array.from({ length: 20 }, () => live(server.url, anon)));
            const refs = peers.map((peer) => peer.join('realtime:end', token, [{ event: '*', schema: 'public', table: 'stock' }]));
            await until('joined', () => peers.every((peer, i) => peer.reply(refs[i])));
            const began = Date.now();
            const { code } = await server.stop();
            const took = Date.now() - began;
            assert.equal(code, 0);
            assert.ok(took < 7000, `${took} ms`);
            await until('the sockets have heard', () => peers.every((peer) => peer.isClosed));
            assert.deepEqual(new Set(peers.map((peer) => peer.close)), new Set([1012]));
            idle.concat(half).forEach((wire) => wire.socket.destroy());
            assert.equal(run(['verify', '--data', bakery.data]).code, 0);
        });

        await test('SIGTERM twice, and while people sign in and sell, ends with 0', async () => {
            const server = await serve(bakery.data);
            const token = await signIn(server.url);
            const call = caller(server.url, anon);
            const [{ id }] = (await call('GET', '/rest/v1/bread_types?limit=1', { token })).body;
            const busy = Array.from({ length: 50 }, (_, i) =>
                (i % 5 ? call('POST', '/rest/v1/sales_logs', { token, body: { bread_type_id: id, quantity: 1 } }) : call('POST', '/auth/v1/token?grant_type=password', { body: { email: `a${i}@b.example`, password: 'x' } })).catch(() => null));
            await pause(5);
            process.kill(server.pid, 'SIGTERM');
            const { code } = await server.stop();
            assert.equal(code, 0);
            await Promise.all(busy);
            assert.equal(run(['verify', '--data', bakery.data]).code, 0);
        });

        await test('kill -9 and a restart: what was answered is there, tokens are good, the lock is free', async () => {
            const first = await serve(bakery.data);
            const token = await signIn(first.url);
            const call = caller(first.url, anon);
            const { status, body } = await call('POST', '/rest/v1/shift_feedback', { token, body: { note: 'before the end' }, headers: { prefer: 'return=representation' } });
            assert.equal(status, 201);
            await first.stop('SIGKILL');
            assert.equal(run(['verify', '--data', bakery.data]).code, 0);
            const second = await serve(bakery.data);
            const rows = (await caller(second.url, anon)('GET', `/rest/v1/shift_feedback?id=eq.${body[0].id}`, { token })).body;
            assert.equal(rows[0].note, 'before the end');
            homebake('user', 'disable', '--data', bakery.data, '--email', bakery.people.rep1.email);
            homebake('user', 'enable', '--data', bakery.data, '--email', bakery.people.rep1.email);
            assert.equal((await second.stop()).code, 0);
        });

        await test('who sits on the control socket and says nothing does not block the commands for long', async () => {
            const server = await serve(bakery.data);
            const path = join(bakery.data, 'control.sock');
            const sockets = Array.from({ length: 3 }, () => net.connect(path));
            sockets.forEach((socket) => socket.on('error', () => {}));
            await pause(50);
            const child = spawn(program, ['user', 'list', '--data', bakery.data], { stdio: 'ignore' });
            const code = await new Promise((done) => child.once('exit', done));
            assert.equal(code, 0);
            for (const text of ['garbage\n', '{}\n', '[]\n', '{"do":"nothing"}\n', '{"do":5}\n', `${'x'.repeat(1 << 20)}\n`]) {
                const socket = net.connect(path);
                socket.on('error', () => {});
                const answer = await new Promise((done) => {
                    let said = '';
                    socket.on('data', (piece) => (said += piece));
                    socket.once('close', () => done(said));
                    socket.write(text);
                });
                assert.ok(!answer.includes('"ok"'), text.slice(0, 20));
            }
            sockets.forEach((socket) => socket.destroy());
            assert.equal((await server.stop()).code, 0);
        });

        await test('a disk that is full: an honest error, and sales go on when there is room again', async () => {
            const mount = mkdtempSync(join(tmpdir(), 'homebake-'));
            if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount]).status !== 0) {
                console.log('# skipped: no mount is allowed here');
                rmSync(mount, { recursive: true });
                return;
            }
            try {
                const at = join(mount, 'data');
                assert.equal(run(['init', '--data', at, '--owner-email', 'a@bakery.example'], { input: 'a long enough password\n' }).code, 0);
                const server = await serve(at);
                const call = caller(server.url, keys(at).anon);
                const { access_token: token } = (await call('POST', '/auth/v1/token?grant_type=password', { body: { email: 'a@bakery.example', password: 'a long enough password' } })).body;
                const write = () => call('POST', '/rest/v1/shift_feedback', { token, body: Array(20).fill({ note: 'x'.repeat(1900) }) });
                let status = 201;
                let written = 0;
                for (let i = 0; i < 300 && status === 201; i++) {
                    status = (await write()).status;
                    if (status === 201) written += 20;
                }
                assert.ok(status >= 500, `${status}`);
                const kept = (await call('GET', '/rest/v1/shift_feedback?select=id', { token })).body;
                assert.equal(kept.length, written);
                assert.equal(spawnSync('mount', ['-o', 'remount,size=64m', mount]).status, 0);
                await until('it goes on', async () => (await write()).status === 201);
                assert.equal((await server.stop()).code, 0);
                assert.equal(run(['verify', '--data', at]).code, 0);
            } finally {
                spawnSync('umount', [mount]);
                rmSync(mount, { recursive: true, force: true });
            }
        });
    } finally {
        chmodSync(bakery.data, 0o700);
        bakery.remove();
    }
}
