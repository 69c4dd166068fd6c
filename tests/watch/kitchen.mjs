// docs/examples/kitchen.c as other people build it, with what `meson install` gives them, against the real server.
// Usage: node tests/watch/kitchen.mjs [BUILD FOLDER]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { join, resolve } from 'node:path';

import { assert, finish, test, until } from '../support/harness.mjs';
import { makeBakery, serve } from '../support/server.mjs';
import { openBakery, putWire, startKitchen } from './stage.mjs';

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

const bakery = makeBakery();
let server = await serve(bakery.data);
const { port } = new URL(server.url);
const { bake, sell, quantities } = await openBakery(bakery.data, server.url);

await test('the example compiles with what is installed alone', async () => compile());

await test('it prints productions and sales as they happen, through a crash of the server, each once', async () => {
    const seen = startKitchen(kitchen, server.url, bakery.people.owner);
    const mine = () => quantities(seen);
    // Nobody says when both are subscribed: what is baked before then is not for the kitchen.
    for (let tries = 0; !mine().includes(1) || !mine().includes(2); tries++) {
        assert.ok(tries < 200, seen.errors);
        await bake(server.url, 1);
        await sell(server.url, 2);
        await new Promise((done) => setTimeout(done, 100));
    }
    await bake(server.url, 100);
    await sell(server.url, 50);
    await until('both', () => mine().includes(50) && mine().includes(100), 40);
    await server.stop('SIGKILL');
    server = await serve(bakery.data, `127.0.0.1:${port}`);
    await bake(server.url, 200);
    await until('what happened meanwhile', () => mine().includes(200), 40);
    await sell(server.url, 60);
    await until('what happens now', () => mine().includes(60), 40);
    // Each table has its own order.
    assert.deepEqual(mine().filter((quantity) => quantity >= 100), [100, 200]);
    assert.deepEqual(mine().filter((quantity) => quantity > 2 && quantity < 100), [50, 60]);
    assert.equal(await seen.stop(), 'SIGTERM');
}, 120);

await test('a wire that is cut in the handshake, the join, a heartbeat and a message costs nothing', async () => {
    const cuts = [5000, 60, 300, 800, 2500];
    const wire = await putWire(server.url, { cuts });
    const seen = startKitchen(kitchen, wire.url, bakery.people.owner);
    let sold = 1000;
    const last = () => quantities(seen).at(-1) ?? 0;
    const trade = async () => {
        await new Promise((done) => setTimeout(done, 50));
        await sell(server.url, ++sold);
    };
    await until('five cuts', async () => (await trade(), wire.cuts.length === 0 && last() >= 1000), 90);
    const enough = sold + 3;
    await until('three more', async () => (await trade(), last() >= enough), 40);
    const told = quantities(seen);
    assert.deepEqual(told, told.map((_, i) => told[0] + i));
    assert.equal(await seen.stop(), 'SIGTERM');
    wire.close();
}, 180);

await test('it waits for a server that is not there yet', async () => {
    await server.stop();
    const seen = startKitchen(kitchen, server.url, bakery.people.owner);
    await until('its complaint', () => seen.errors.includes('cannot be reached'), 40);
    server = await serve(bakery.data, `127.0.0.1:${port}`);
    for (let tries = 0; !quantities(seen).includes(300); tries++) {
        assert.ok(tries < 300, seen.errors);
        await bake(server.url, 300);
        await new Promise((done) => setTimeout(done, 100));
    }
    assert.equal(await seen.stop(), 'SIGTERM');
}, 90);

await server.stop();
bakery.remove();
rmSync(folder, { recursive: true, force: true });
process.exitCode = finish();
