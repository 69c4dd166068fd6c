// What the pages outlive: long shifts, lost networks, killed servers, hidden tabs, floods of changes and new roles.  Each
// with two browsers, by what is on their screens and what went over their network.
import { toNumber } from './browser.mjs';
import { keepShift, passTime, setHidden, setOnline, takeDevice } from './device.mjs';
import { makeWire } from './proxy.mjs';
import { ask, card, firstBread, sellQuietly, Stage } from './stage.mjs';
import { Traffic } from './traffic.mjs';
import { assert, test, until } from '../support/harness.mjs';

const MINUTE_MS = 60_000;
const STEP_MS = 5000;
const TOKEN_LIFE_S = 300;

const stage = await Stage.set('--limit', `token-life=${TOKEN_LIFE_S}`);
const { owner, manager, rep1: rep } = stage.people;

// Signed in, at `path`, with all that goes over its network from the beginning.
async function open(person, size, path, { there = false, through = stage.url, hasDevice = false } = {}) {
    const s = await stage.screen(there ? stage.there : stage.here, size, null, {}, through);
    const traffic = new Traffic(s.page);
    if (hasDevice) await Promise.all([takeDevice(s), keepShift(s)]);
    await s.signIn(person);
    await s.go(path);
    await traffic.isQuiet();
    traffic.forget();
    return [s, traffic];
}

const isRenewal = (request) => request.includes('grant_type=refresh_token');
const keepPage = (s) => s.page.evaluate(() => (window.isSamePage = true));
const isSamePage = (s) => s.page.evaluate(() => window.isSamePage === true);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const close = (...screens) => Promise.all(screens.map((s) => s.close()));

// Everything that the indicator says from now on.
function followConnection(s) {
    return s.page.evaluate(() => {
        const said = (window.said = []);
        const look = () => {
            const is = document.querySelector('[data-connection]')?.dataset.connection;
            if (is && said.at(-1) !== is) said.push(is);
        };
        look();
        new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
}
const connectionWas = (s) => s.page.evaluate(() => window.said);

async function timeTests() {
    await test('a session of thirty minutes renews its token several times, keeps its one connection, and misses nothing', async () => {
        const [[watcher, heard], [seller, told]] = await Promise.all([
            open(owner, 'phone', '/inventory', { hasDevice: true }),
            open(rep, 'desktop', '/inventory', { hasDevice: true, there: true }),
        ]);
        const bread = await firstBread(watcher);
        let left = await watcher.number('remaining', card(bread));
        await Promise.all([watcher, seller].map(followConnection));
        const second = () => Math.floor(Date.now() / 1000);
        let renewals = 0;
        await passTime([watcher, seller], [heard, told], 30 * MINUTE_MS, STEP_MS, async (ms) => {
            // Tokens that are made within one second of the server's clock, which is not pushed, are the same.
            const now = second();
            const before = renewals;
            renewals = [heard, told].flatMap((t) => t.requests.filter(isRenewal)).length;
            if (renewals > before) await until('another second', () => second() > now);
            if (ms % MINUTE_MS !== 0) return;
            await sellQuietly(seller, bread, 1);
            left--;
            await Promise.all([watcher, seller].map((s) => s.shows('remaining', left, card(bread))));
        });
        for (const [s, traffic] of [[watcher, heard], [seller, told]]) {
            const renewed = traffic.requests.filter(isRenewal).length;
            const tokens = new Set(traffic.sent('access_token').map((m) => m.payload.access_token));
            assert.ok(renewed >= 5, `${renewed} renewals`);
            assert.ok(tokens.size >= 5, `${tokens.size} tokens were told to the server`);
            assert.deepEqual(await connectionWas(s), ['live']);
            assert.equal(traffic.sockets.length, 1);
            for (const event of ['phx_close', 'phx_error', 'phx_join']) assert.deepEqual(traffic.heard(event), []);
            assert.deepEqual(traffic.sent('phx_join'), []);
        }
        await close(watcher, seller);
    }, 120);
}

async function netTests() {
    await test('a first visit asks for the settings before its script has come, and once', async () => {
        const visitors = await Promise.all([stage.here, stage.there].map((browser) => stage.screen(browser, 'phone')));
        for (const s of visitors) {
            const asked = s.page.waitForRequest('**/api/config');
            asked.catch(() => {});
            await s.page.route('**/assets/*.js', (route) => asked.then(() => route.continue()));
            await s.page.goto(stage.url);
            await s.page.getByLabel('Email').waitFor();
            assert.equal(s.requests.filter((r) => r === 'GET /api/config').length, 1);
            assert.deepEqual(s.complaints, []);
        }
        await close(...visitors);
    });

    await test('what was missed while the network was cut appears once: no reload, and no list is fetched', async () => {
        const wire = await makeWire(stage.url);
        const [[watcher, traffic], [seller]] = await Promise.all([
            open(owner, 'phone', '/inventory', { through: wire.url }),
            open(rep, 'desktop', '/sell', { there: true }),
        ]);
        const bread = await firstBread(watcher);
        const left = await watcher.number('remaining', card(bread));
        await keepPage(watcher);
        await watcher.page.locator(`${card(bread)} .bread-left`).click();
        wire.cut();
        await watcher.page.locator('[data-connection]:not([data-connection="live"])').waitFor();
        for (const n of [61, 62, 63]) await sellQuietly(seller, bread, n);
        assert.equal(await watcher.number('remaining', card(bread)), left);
        wire.mend();
        await watcher.isLive();
        await watcher.shows('ledger-left', left - 61 - 62 - 63);
        for (const n of [61, 62, 63]) assert.equal(await watcher.page.locator('.ledger .entry', { hasText: `Sold ${n}` }).count(), 1);
        await sellQuietly(seller, bread, 64);
        await watcher.shows('ledger-left', left - 61 - 62 - 63 - 64);
        assert.ok(await isSamePage(watcher));
        assert.deepEqual(traffic.lists(), []);
        await close(watcher, seller);
        await wire.close();
    });

    await test('a server killed and started again finds every page waiting: they come back by themselves and fetch no list', async () => {
        const [[stock, one], [reports, two], [seller, three]] = await Promise.all([
            open(owner, 'phone', '/inventory'),
            open(manager, 'desktop', '/reports', { there: true }),
            open(rep, 'phone', '/sell', { there: true }),
        ]);
        const pages = [stock, reports, seller];
        const bread = await firstBread(stock);
        const left = await stock.number('remaining', card(bread));
        const sold = await reports.number('report-sold');
        await Promise.all(pages.map(keepPage));
        for (const round of [1, 2]) {
            await stage.kill();
            await stage.serveAgain();
            await sellQuietly(seller, bread, 5);
            await Promise.all(pages.map((s) => s.isLive()));
            await sellQuietly(seller, bread, 2);
            await stock.shows('remaining', left - 7 * round, card(bread));
            await seller.shows('remaining', left - 7 * round, card(bread));
            await reports.shows('report-sold', sold + 7 * round);
        }
        assert.deepEqual(await Promise.all(pages.map(isSamePage)), [true, true, true]);
        assert.deepEqual([one, two, three].flatMap((t) => t.lists()), []);
        await close(...pages);
    }, 90);

    await test('a page opened without a network says so, and comes by itself when there is one, signed in or not', async () => {
        const [[known], [seller], stranger] = await Promise.all([
            open(owner, 'phone', '/inventory', { hasDevice: true }),
            open(rep, 'phone', '/sell', { there: true }),
            stage.screen(stage.there, 'phone'),
        ]);
        await takeDevice(stranger);
        const bread = await firstBread(known);
        const left = await known.number('remaining', card(bread));
        for (const s of [known, stranger]) {
            // The page's own files are on the device; what it asks for does not leave it.
            await s.page.route(/\/(api|rest|auth)\//, (route) => route.abort('internetdisconnected'));
            await s.page.addInitScript(() => window.device.setOnline(false));
            await s.page.goto(`${stage.url}/inventory`);
            await s.page.getByRole('heading', { name: 'cannot be reached' }).waitFor();
        }
        await sellQuietly(seller, bread, 3);
        for (const s of [known, stranger]) {
            await s.page.unrouteAll();
            await setOnline(s, true);
        }
        await stranger.page.getByLabel('Email').waitFor();
        await known.isLive();
        await known.shows('remaining', left - 3, card(bread));
        await sellQuietly(seller, bread, 1);
        await known.shows('remaining', left - 4, card(bread));
        await close(known, stranger, seller);
    });
}

async function screenTests() {
    await test('a page hidden for ten minutes paints nothing, and when it is seen again is up to date without a list', async () => {
        const [[watcher, traffic], [seller]] = await Promise.all([
            open(owner, 'phone', '/inventory', { hasDevice: true }),
            open(rep, 'desktop', '/sell', { there: true }),
        ]);
        const bread = await firstBread(watcher);
        const left = await watcher.number('remaining', card(bread));
        const sold = await watcher.number('day-sold', card(bread));
        await setHidden(watcher, true);
        await watcher.page.evaluate(() => {
            window.painted = [];
            new MutationObserver((all) => painted.push(...all.map((m) => m.target.textContent.slice(0, 40)))).observe(document.body, {
                subtree: true,
                childList: true,
                characterData: true,
                attributes: true,
            });
        });
        await passTime([watcher], [traffic], 10 * MINUTE_MS, STEP_MS, async (ms) => {
            if (ms % MINUTE_MS === 0) await sellQuietly(seller, bread, 1);
        });
        assert.deepEqual((await watcher.page.evaluate(() => window.painted)).slice(0, 5), []);
        await setHidden(watcher, false);
        await watcher.isLive();
        await watcher.shows('remaining', left - 10, card(bread));
        await watcher.shows('day-sold', sold + 10, card(bread));
        await sellQuietly(seller, bread, 1);
        await watcher.shows('remaining', left - 11, card(bread));
        assert.deepEqual(traffic.lists(), []);
        await close(watcher, seller);
    }, 90);

    await test('a hundred changes in a second repaint a number at most once for each frame, and end in the right one', async () => {
        const [[watcher, traffic], [seller]] = await Promise.all([
            open(owner, 'desktop', '/inventory'),
            open(rep, 'phone', '/sell', { there: true }),
        ]);
        const bread = await firstBread(watcher);
        const left = await watcher.number('remaining', card(bread));
        await watcher.page.evaluate((selector) => {
            const counted = (window.counted = { now: 0, frames: [], shown: [] });
            const number = document.querySelector(selector);
            new MutationObserver(() => {
                counted.now++;
                counted.shown.push(number.textContent);
            }).observe(number, { subtree: true, childList: true, characterData: true });
            const frame = () => {
                if (counted.now) counted.frames.push(counted.now);
                counted.now = 0;
                requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
        }, `${card(bread)} [data-figure="remaining"]`);
        // Ten at a time, so that there is more than one for a frame, be the machine fast or slow.
        for (let i = 0; i < 10; i++)
            await Promise.all([...Array.from({ length: 10 }, () => sellQuietly(seller, bread, 1)), pause(100)]);
        await watcher.shows('remaining', left - 100, card(bread));
        const { frames, shown } = await watcher.page.evaluate(() => window.counted);
        assert.equal(Math.max(...frames), 1);
        assert.ok(shown.length < 100, `${shown.length} repaints of 100 changes`);
        assert.deepEqual(shown, [...shown].sort((a, b) => toNumber(b) - toNumber(a)));
        assert.deepEqual(traffic.lists(), []);
        await close(watcher, seller);
    });
}

async function roleTests() {
    await test('who loses a role while watching loses what it showed, at once and also after a reconnect', async () => {
        const wire = await makeWire(stage.url);
        const [[boss], [other], [reports, told], [stock, heard]] = await Promise.all([
            open(owner, 'desktop', '/people'),
            open(rep, 'phone', '/inventory'),
            open(manager, 'desktop', '/reports', { there: true, through: wire.url }),
            open(manager, 'phone', '/inventory', { there: true, through: wire.url }),
        ]);
        const readers = [reports, stock];
        const leaveNote = (note) => ask(other, 'POST', '/rest/v1/shift_feedback', { note, shift: 'morning' });
        const bread = await firstBread(stock);
        const left = await stock.number('remaining', card(bread));
        const name = await nameOf(other);
        await Promise.all(readers.map(keepPage));
        await leaveNote('A note of before');
        await reports.page.getByText('A note of before').waitFor();
        await sellQuietly(other, bread, 71);
        await stock.page.locator(`${card(bread)} .bread-left`).click();
        const entry = stock.page.locator('.ledger .entry', { hasText: 'Sold 71' });
        await entry.getByText(name).waitFor();

        await changeRole(boss, 'Manager', 'Sales rep');
        await reports.page.waitForURL('**/sell');
        await entry.getByText('Somebody').waitFor();
        await stock.page.keyboard.press('Escape');
        for (const s of readers) {
            await s.isLive();
            const tabs = await s.page.locator('.tabs a').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
            assert.deepEqual(tabs, ['/inventory', '/sell', '/feedback']);
        }
        for (const traffic of [told, heard]) traffic.forget();
        await leaveNote('A note of after');
        await sellQuietly(other, bread, 72);
        for (const s of readers) await s.shows('remaining', left - 71 - 72, card(bread));

        wire.cut();
        for (const s of readers) await s.page.locator('[data-connection]:not([data-connection="live"])').waitFor();
        await leaveNote('A note of meanwhile');
        await sellQuietly(other, bread, 73);
        wire.mend();
        for (const s of readers) {
            await s.isLive();
            await s.shows('remaining', left - 71 - 72 - 73, card(bread));
            await s.go('/feedback');
            const shown = await s.page.content();
            for (const words of ['A note of', name]) assert.ok(!shown.includes(words), words);
            assert.ok(await isSamePage(s));
        }
        for (const traffic of [told, heard])
            for (const words of ['A note of', name, 'shift_totals']) assert.ok(!traffic.hasHeard(words), words);
        await changeRole(boss, 'Manager', 'Manager');
        await reports.page.locator('.tabs a[href="/reports"]').waitFor();
        await close(boss, other, ...readers);
        await wire.close();
    }, 90);
}

async function nameOf(s) {
    await s.page.getByRole('button', { name: 'Your account' }).click();
    const name = await s.page.getByRole('dialog').getByRole('heading').innerText();
    await s.page.keyboard.press('Escape');
    return name;
}

async function changeRole(boss, name, role) {
    await boss.page.locator('.entry').filter({ has: boss.page.getByText(name, { exact: true }) }).locator('.icon-button').first().click();
    const sheet = boss.page.getByRole('dialog');
    await sheet.getByLabel(role, { exact: true }).check();
    await sheet.getByRole('button', { name: 'Change the role' }).click();
    await sheet.getByRole('button', { name: 'Yes' }).click();
    await boss.toast(`is now ${role.toLowerCase()}`);
}

await stage.play(netTests, screenTests, roleTests, timeTests);
