// What the log says of all this: one line of JSON an event, bounded, and nothing that is somebody's secret.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assert, test, until } from '../support/harness.mjs';
import { keys, serveLogging } from '../support/server.mjs';
import { caller, frame, live, raw } from './wire.mjs';

export async function logs({ data, people }) {
    const folder = mkdtempSync(join(tmpdir(), 'homebake-log-'));
    const file = openSync(join(folder, 'log'), 'w');
    const lines = () => readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(0, -1);
    const { anon } = keys(data);
    const server = await serveLogging(file, data, '127.0.0.1:0', '--log', 'debug', '--log-format', 'json');
    const call = caller(server.url, anon);
    try {
        await test('the log tells what happened, in JSON, without a secret, and a flood does not fill it', async () => {
            const { email, password } = people.rep1;
            const wrong = 'certainly not the password';
            const signIn = (body) => call('POST', '/auth/v1/token?grant_type=password', { body });
            assert.equal((await signIn({ email, password: wrong })).status, 400);
            const { body: session } = await signIn({ email, password });
            const peer = await live(server.url, anon);
            const ref = peer.join('realtime:secret-room', session.access_token, []);
            await until('joined', () => peer.reply(ref));
            peer.write(frame(3, 'x')); // an opcode nobody knows
            await until('the end', () => peer.isClosed);
            await Promise.all(Array.from({ length: 300 }, () => call('GET', '/realtime/v1/websocket?apikey=forged.token.here')));
            await raw(server.url, 'BREW /coffee HTTP/1.1\r\n\r\n');
            await server.stop();
            const events = lines().map((line) => JSON.parse(line));
            const of = (event) => events.filter((e) => e.event === event);
            for (const e of events) assert.ok(e.time && e.level && e.event, JSON.stringify(e));
            assert.match(of('server.start')[0].url, /^http:/);
            assert.ok(of('live.open').length >= 1);
            assert.deepEqual(of('live.close').map((e) => [e.reason, e.code, e.level])[0], ['broken frame', 1002, 'info']);
            assert.equal(of('live.refused')[0].status, 426);
            assert.ok(of('live.refused').length < 300, 'a flood is held back');
            assert.ok(of('http.refused').length >= 1);
            assert.ok(of('server.drain').length === 1 && of('server.stop').length === 1);
            const text = lines().join('\n');
            const secrets = { password, wrong, email, anon, token: session.access_token, refresh: session.refresh_token, forged: 'forged.token.here', room: 'secret-room' };
            for (const [what, secret] of Object.entries(secrets)) assert.ok(!text.includes(secret), `the log has the ${what}`);
        });
    } finally {
        await server.stop();
        closeSync(file);
        rmSync(folder, { recursive: true, force: true });
    }
}
