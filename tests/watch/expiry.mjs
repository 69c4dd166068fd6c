// A kitchen whose tokens live for ten seconds: the session is renewed, and nothing is missed or told twice meanwhile.
// Usage: node tests/watch/expiry.mjs [--long] [BUILD FOLDER]
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';

import { assert, finish, test, until } from '../support/harness.mjs';
import { makeBakery, serve } from '../support/server.mjs';
import { openBakery, putWire, startKitchen } from './stage.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const isLong = process.argv.includes('--long');
const [folder = join(root, 'build')] = process.argv.slice(2).filter((word) => word !== '--long');
const kitchen = join(resolve(folder), 'src/server/kitchen');

const bakery = makeBakery();
const server = await serve(bakery.data, '127.0.0.1:0', '--limit', 'token-life=10');
const { sell, quantities } = await openBakery(bakery.data, server.url);

// What is sold from now on, one after the other, until everybody has seen enough.
let sold = 1;
let isOver = false;
async function trade() {
    for (; !isOver; sold++) {
        await sell(server.url, sold);
        await new Promise((done) => setTimeout(done, 100));
    }
}

// Follows the trade on a wire of its own until `isEnough(granted)`, and then for three more sales: no gap in it.
async function follow(refuse, isEnough, seconds) {
    const wire = await putWire(server.url, { refuse });
    const seen = startKitchen(kitchen, wire.url, bakery.people.owner);
    await until('enough', () => isEnough(wire.granted), seconds);
    const last = sold + 3;
    await until('what is sold then', () => quantities(seen).includes(last), 60);
    const told = quantities(seen);
    assert.deepEqual(told, told.map((_, i) => told[0] + i));
    assert.equal(await seen.stop(), 'SIGTERM');
    wire.close();
    return { granted: wire.granted, errors: seen.errors };
}

const passAll = () => undefined;
const traded = trade();
await Promise.all([
    test(`the refresh token renews the session, ${isLong ? 12 : 3} times: no gap`, async () => {
        const { granted, errors } = await follow(passAll, ({ refresh_token }) => refresh_token >= (isLong ? 12 : 3), 200);
        assert.equal(granted.password, 1);
        assert.equal(errors, '');
    }, 300),
    test('a refresh token that is refused is replaced by the password: no gap', async () => {
        const no = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{"msg":"Invalid Refresh Token"}';
        const { granted } = await follow((grant) => (grant === 'refresh_token' ? no : undefined), ({ password }) => password >= 3, 200);
        assert.equal(granted.refresh_token, 0);
    }, 300),
    test(`nobody answers about the session for ${isLong ? 90 : 15} s, and then somebody does: no gap`, async () => {
        let began = 0;
        const isDown = () => ((began ||= Date.now()), Date.now() - began < (isLong ? 90000 : 15000));
        const { granted } = await follow((grant, { password }) => (password > 0 && isDown() ? '' : undefined), ({ refresh_token }) => refresh_token >= 1, 200);
        assert.equal(granted.password, 1);
    }, 300),
]);
isOver = true;
await traded;
await server.stop();
bakery.remove();
process.exitCode = finish();
