// A disk that takes nothing more: writing is refused with words, reading goes on, and all is well again when there is room.
import { execFileSync } from 'node:child_process';

import { assert, test, until } from '../support/harness.mjs';
import { keys, serve } from '../support/server.mjs';
import { caller } from './wire.mjs';

// The largest file that the server may write: a limit that can be taken back.
const bound = (pid, size) => execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:`]);

export async function fullDisk({ data }) {
    const { anon, service_role: token } = keys(data);
    const server = await serve(data, '127.0.0.1:0', '--limit', 'checkpoint-time=50ms');
    const call = caller(server.url, anon);
    const bake = (name) => call('POST', '/rest/v1/bread_types', { token, body: { name, unit_price: 5 } });
    const readiness = async () => {
        const response = await fetch(`${server.url}/readyz`);
        return { status: response.status, text: await response.text() };
    };
    try {
        await test('a full disk makes the server not ready, and it is ready again when there is room', async () => {
            assert.deepEqual(await readiness(), { status: 200, text: 'ok\n' });
            bound(server.pid, 1);
            assert.equal((await bake('no room')).status, 503);
            const { status, text } = await readiness();
            assert.equal(status, 503);
            assert.match(text, /^the data cannot be written: ./);
            assert.equal((await call('GET', '/rest/v1/bread_types?select=id&limit=1', { token })).status, 200);
            assert.equal((await fetch(`${server.url}/livez`)).status, 200);
            bound(server.pid, 'unlimited');
            await until('it is ready again', async () => (await readiness()).status === 200);
            assert.equal((await bake('there is room')).status, 201);
            const { body } = await call('GET', '/rest/v1/bread_types?name=like.*room&select=name', { token });
            assert.deepEqual(body, [{ name: 'there is room' }]);
        });
    } finally {
        await server.stop();
    }
}
