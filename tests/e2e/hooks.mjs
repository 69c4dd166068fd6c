// The hooks, as other people's pages use them: real Preact in a real browser, and the real server.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { randomUUID } from 'node:crypto';
import { launch, Screen } from './browser.mjs';
import { makeWire } from './proxy.mjs';
import { caller } from '../hostile/wire.mjs';
import { assert, finish, test } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const require = createRequire(`${web}package.json`);
const { buildSync } = createRequire(require.resolve('vite'))('esbuild');
const bakery = makeBakery();
const server = await serve(bakery.data);
const { anon, service_role: service } = keys(bakery.data);
const call = caller(server.url, anon);
const browser = await launch();

const files = new Map(
    buildSync({
        entryPoints: [`${web}test/hooks-page.tsx`],
        bundle: true,
        write: false,
        format: 'esm',
        jsx: 'automatic',
        jsxImportSource: 'preact',
        loader: { '.wasm': 'file' },
        entryNames: 'page',
        assetNames: '[name]',
        outdir: '/hooks',
        publicPath: '/hooks',
    }).outputFiles.map((f) => [f.path, Buffer.from(f.contents)]),
);
const TYPES = { '/hooks/page.js': 'text/javascript', '/hooks/client.wasm': 'application/wasm' };

// In a document of the server's that is empty but for a word.
async function open(url = server.url, options = {}) {
    const s = await Screen.open(browser, url, 'desktop');
    await s.page.addInitScript(countSockets);
    await s.page.route(`${url}/hooks/**`, (route) => {
        const { pathname } = new URL(route.request().url());
        return route.fulfill({ body: files.get(pathname), contentType: TYPES[pathname] });
    });
    await s.page.goto(`${url}/livez`);
    await s.page.addScriptTag({ url: '/hooks/page.js', type: 'module' });
    await s.page.evaluate((setup) => window.open(setup), { apikey: anon, ...bakery.people.owner, autoReconnect: true, ...options });
    return s;
}

function countSockets() {
    window.sockets = 0;
    window.WebSocket = class extends WebSocket {
        constructor(...a) {
            super(...a);
            window.sockets++;
            this.addEventListener('close', () => window.sockets--);
        }
    };
}

const set = (s, name, value) => s.page.evaluate(([n, v]) => (window.switches[n].value = v), [name, value]);
const sockets = (s) => s.page.evaluate(() => window.sockets);
const subscriptions = (s, n) => s.page.locator('#subscriptions', { hasText: new RegExp(`^${n}$`) }).waitFor();
const isLive = (s) => s.page.getByRole('button', { name: 'Live' }).waitFor();
const loaded = (s) => s.page.locator('.breads[data-state="live"]:not(:has(.loading))').first().waitFor();
const names = async (s) => (await s.page.locator('.breads').first().locator('li').allInnerTexts()).sort();
const bread = (name) => ({ id: randomUUID(), name, size: 'large', unit_price: 5 });
const add = async (row) => assert.equal((await call('POST', '/rest/v1/bread_types', { token: service, body: row })).status, 201);
const inServer = async (query = '') => {
    const { body } = await call('GET', `/rest/v1/bread_types?select=name${query}`, { token: service });
    return body.map((r) => r.name).sort();
};

await test('a part shows the table that it watches, keeps it live, and the provider says so', async () => {
    const s = await open();
    await isLive(s);
    await loaded(s);
    assert.deepEqual(await names(s), await inServer());
    const row = bread('Hook bun');
    await add(row);
    await s.page.locator('li', { hasText: 'Hook bun' }).waitFor();
    await call('PATCH', `/rest/v1/bread_types?id=eq.${row.id}`, { token: service, body: { name: 'Hook roll' } });
    await s.page.locator('li', { hasText: 'Hook roll' }).waitFor();
    await call('DELETE', `/rest/v1/bread_types?id=eq.${row.id}`, { token: service });
    await s.page.locator('li', { hasText: 'Hook roll' }).waitFor({ state: 'detached' });
    assert.deepEqual(await names(s), await inServer());
    assert.deepEqual(s.complaints, []);
    await s.close();
});

await test('parts that watch the same share a subscription, and ask the server once', async () => {
    const s = await open();
    await loaded(s);
    s.watchRequests();
    await set(s, 'parts', 4);
    await s.page.waitForFunction(() => document.querySelectorAll('.breads[data-state="live"] ul:not(:empty)').length === 4);
    await subscriptions(s, 1);
    assert.deepEqual(s.listRequests(), []);
    await s.close();
});

await test('another filter shows its own rows and no others', async () => {
    const s = await open();
    await loaded(s);
    const all = await inServer();
    await set(s, 'filter', 'unit_price=gt.1000');
    await s.page.waitForFunction((n) => {
        const shown = document.querySelectorAll('.breads li').length;
        return shown > 0 && shown < n;
    }, all.length);
    assert.deepEqual(await names(s), await inServer('&unit_price=gt.1000'));
    await subscriptions(s, 1);
    await s.close();
});

await test('a filter that cannot be read is told to the part that asked, and the rest lives', async () => {
    const s = await open();
    await loaded(s);
    await set(s, 'filter', 'no such thing');
    await s.page.locator('.error', { hasText: 'cannot be read' }).waitFor();
    await isLive(s);
    await set(s, 'filter', '');
    await loaded(s);
    assert.deepEqual(await names(s), await inServer());
    await s.close();
});

await test('twenty mounts leave no subscription behind, and the end of the provider no socket', async () => {
    const s = await open();
    for (let i = 0; i < 20; i++) {
        await set(s, 'parts', 0);
        await subscriptions(s, 0);
        await set(s, 'parts', 2);
        await loaded(s);
        await subscriptions(s, 1);
    }
    assert.equal(await sockets(s), 1);
    for (let i = 0; i < 20; i++) {
        await set(s, 'isOpen', false);
        await s.page.locator('#closed').waitFor();
        await set(s, 'isOpen', true);
        await loaded(s);
    }
    await s.page.waitForFunction(() => window.sockets === 1);
    await set(s, 'isOpen', false);
    await s.page.waitForFunction(() => window.sockets === 0);
    assert.deepEqual(s.complaints, []);
    await s.close();
});

await test('a cut wire is mended by itself, and what was missed appears once', async () => {
    const wire = await makeWire(server.url);
    const s = await open(wire.url);
    await isLive(s);
    await loaded(s);
    wire.cut();
    await s.page.getByRole('button', { name: 'Connecting' }).waitFor();
    await add(bread('Missed bun'));
    wire.mend();
    await isLive(s);
    await s.page.locator('li', { hasText: 'Missed bun' }).waitFor();
    assert.deepEqual(await names(s), await inServer());
    await s.close();
    await wire.close();
});

await test('without autoReconnect a lost connection waits for the person', async () => {
    const wire = await makeWire(server.url);
    const s = await open(wire.url, { autoReconnect: false });
    await isLive(s);
    await loaded(s);
    wire.cut();
    const status = s.page.getByRole('button', { name: 'Offline' });
    await status.waitFor();
    wire.mend();
    await add(bread('Later bun'));
    assert.equal(await sockets(s), 0);
    await status.click();
    await isLive(s);
    await s.page.locator('li', { hasText: 'Later bun' }).waitFor();
    await s.close();
    await wire.close();
});

await browser.close();
await server.stop();
bakery.remove();
process.exit(finish());
