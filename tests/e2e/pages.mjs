// What each page promises beyond its numbers: entries, people, trouble, many visits.  Two browsers where it must be live.
import { readFileSync } from 'node:fs';
import { Screen, toNumber } from './browser.mjs';
import { makeWire } from './proxy.mjs';
import { card, firstBread, sellQuietly, Stage } from './stage.mjs';
import { assert, test, until } from '../support/harness.mjs';
import { makeBakery, serve } from '../support/server.mjs';

const stage = await Stage.set();
const { here, there, url } = stage;
const { owner, manager, rep1: rep } = stage.people;
const screen = stage.screen.bind(stage);
const PAGES = ['/inventory', '/sell', '/bake', '/reports', '/breads', '/feedback', '/people'];

async function inventoryTests() {
    await test('a number touched shows the entries it is made of, and they are live', async () => {
        const [watcher, seller] = await Promise.all([screen(here, 'phone', owner), screen(there, 'phone', rep)]);
        await watcher.go('/inventory');
        const bread = await firstBread(watcher);
        const left = await watcher.number('remaining', card(bread));
        await watcher.page.locator(`${card(bread)} .bread-left`).click();
        const sheet = watcher.page.getByRole('dialog');
        await watcher.shows('ledger-left', left);
        await sellQuietly(seller, bread, 7);
        await sheet.locator('.ledger .entry').first().getByText('Sold 7').waitFor();
        await watcher.shows('ledger-left', left - 7);
        const numbers = await sheet.locator('[aria-label="Entries"] .ledger-change').allInnerTexts();
        const sum = numbers.reduce((n, t) => n + Number(t.replace('−', '-').replace(/[^\d-]/g, '')), 0);
        assert.equal(await watcher.number('ledger-before') + sum, left - 7);
        await Promise.all([watcher.close(), seller.close()]);
    });

    await test('the sheet of entries keeps the focus, ends with Escape, and gives the focus back', async () => {
        const s = await screen(here, 'desktop', owner);
        await s.go('/inventory');
        const number = s.page.locator('.bread-left').first();
        await number.focus();
        await s.page.keyboard.press('Enter');
        await s.page.getByRole('dialog').waitFor();
        for (let i = 0; i < 12; i++) {
            await s.page.keyboard.press('Tab');
            const where = await s.page.evaluate(() => {
                const is = document.activeElement;
                return is === document.body || Boolean(is?.closest('dialog'));
            });
            assert.ok(where, 'the focus left the sheet');
        }
        await s.page.keyboard.press('Escape');
        await s.page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.ok(await number.evaluate((n) => n === document.activeElement));
        await s.close();
    });

    await test('earlier entries come page by page, each once', async () => {
        const s = await screen(here, 'phone', owner);
        await s.go('/inventory');
        await s.page.locator('.bread-left').first().click();
        const more = s.page.getByRole('button', { name: 'Show earlier entries' });
        const list = s.page.locator('[aria-label="Earlier entries"] [data-entry]');
        await more.click();
        await list.first().waitFor();
        const one = await list.count();
        if (await more.isVisible()) {
            await more.click();
            await s.page.waitForFunction((n) => document.querySelectorAll('[aria-label="Earlier entries"] [data-entry]').length > n, one);
        }
        const ids = await list.evaluateAll((all) => all.map((e) => e.dataset.entry));
        assert.equal(new Set(ids).size, ids.length);
        await s.close();
    });

    await test('a search finds breads by their names, and one that finds none says so', async () => {
        const s = await screen(here, 'phone', owner);
        await s.go('/inventory');
        const all = await s.page.locator('.bread').count();
        const name = await s.page.locator('.bread h2').last().innerText();
        await s.page.getByLabel('Search').fill(name.toUpperCase());
        await s.page.waitForFunction((n) => document.querySelectorAll('.bread').length < n, all);
        assert.equal(await s.page.locator('.bread h2').first().innerText(), name);
        await s.page.getByLabel('Search').fill('no such bread');
        await s.page.getByRole('button', { name: 'Show all breads' }).click();
        await s.page.waitForFunction((n) => document.querySelectorAll('.bread').length === n, all);
        await s.close();
    });
}

async function reportTests() {
    await test('a report of one person counts their entries alone, and is live', async () => {
        const [boss, seller] = await Promise.all([screen(here, 'desktop', owner), screen(there, 'phone', rep)]);
        await seller.page.getByRole('button', { name: 'Your account' }).click();
        const name = await seller.page.getByRole('dialog').getByRole('heading').innerText();
        await boss.go('/inventory');
        const bread = await firstBread(boss);
        await boss.go('/reports');
        const everybody = await boss.number('report-sold');
        await boss.page.getByLabel('Person').selectOption({ label: name });
        await boss.page.locator('.skeletons').waitFor({ state: 'detached' });
        const sold = await boss.number('report-sold');
        assert.ok(sold > 0 && sold < everybody, `${sold} of ${everybody}`);
        boss.watchRequests();
        await sellQuietly(seller, bread, 4);
        await boss.shows('report-sold', sold + 4);
        assert.deepEqual(boss.listRequests(), []);
        await boss.page.getByLabel('Person').selectOption('');
        await boss.shows('report-sold', everybody + 4);
        await Promise.all([boss.close(), seller.close()]);
    });

    await test('what is saved as CSV adds up to what is shown', async () => {
        const s = await screen(here, 'desktop', owner);
        await s.go('/reports');
        await s.page.getByLabel('Shift', { exact: true }).selectOption('morning');
        const [file] = await Promise.all([
            s.page.waitForEvent('download'),
            s.page.getByRole('button', { name: 'Save as CSV' }).click(),
        ]);
        const [names, ...rows] = readFileSync(await file.path(), 'utf8').trim().split('\r\n').map((l) => l.replace(/"[^"]*"/g, 'quoted').split(','));
        const sum = (name) => rows.reduce((n, r) => n + Math.round(100 * Number(r[names.indexOf(name)])), 0) / 100;
        assert.ok(rows.length > 0 && rows.every((r) => r[1] === 'Morning'));
        for (const [name, figure] of [['Baked', 'baked'], ['Sold', 'sold'], ['Left over', 'left'], ['Returned', 'returned'], ['Discounts', 'discount'], ['Revenue', 'revenue']])
            assert.equal(sum(name), await s.number(`report-${figure}`), name);
        await s.close();
    });

    await test('a report on paper has its figures and its tables, and nothing to touch', async () => {
        const s = await screen(here, 'desktop', owner, { colorScheme: 'dark' });
        await s.go('/reports');
        await s.page.emulateMedia({ media: 'print', colorScheme: 'dark' });
        await s.page.evaluate(() => dispatchEvent(new Event('beforeprint')));
        await s.page.getByRole('table', { name: 'Figures for each day' }).waitFor();
        assert.equal(await s.page.evaluate(() => document.documentElement.dataset.theme), 'light');
        assert.equal(await s.page.locator('button:visible, select:visible, nav:visible').count(), 0);
        await s.figure('report-revenue').waitFor();
        await s.close();
    });
}

async function peopleTests() {
    await test('a manager who becomes a rep while reading the reports is led away from them, and back by Undo', async () => {
        const [boss, lead] = await Promise.all([screen(here, 'desktop', owner), screen(there, 'desktop', manager)]);
        await Promise.all([boss.go('/people'), lead.go('/reports')]);
        await boss.page.locator('.entry', { hasText: 'Manager' }).locator('.icon-button').click();
        const sheet = boss.page.getByRole('dialog');
        await sheet.getByLabel('Sales rep').check();
        await sheet.getByRole('button', { name: 'Change the role' }).click();
        await sheet.getByRole('button', { name: 'Yes' }).click();
        await boss.toast('is now sales rep');
        await lead.page.waitForURL('**/sell');
        await lead.page.locator('.tabs a[href="/reports"]').waitFor({ state: 'detached' });
        await lead.isLive();
        await boss.page.getByRole('button', { name: 'Undo' }).click();
        await boss.toast('is now manager');
        await lead.page.locator('.tabs a[href="/reports"]').waitFor();
        await lead.go('/reports');
        await lead.figure('report-revenue').waitFor();
        await Promise.all([boss.close(), lead.close()]);
    });

    await test('who is switched off on the people page is signed out at once, and Undo lets them in again', async () => {
        const [boss, other] = await Promise.all([screen(here, 'phone', owner), screen(there, 'phone', rep)]);
        await boss.page.getByRole('button', { name: 'Your account' }).click();
        await boss.page.getByRole('link', { name: 'People' }).click();
        await boss.page.locator('.entry', { hasText: 'Sales rep' }).locator('.icon-button').first().click();
        const sheet = boss.page.getByRole('dialog');
        const name = await sheet.getByRole('heading').innerText();
        const isTheirs = (await other.page.getByRole('button', { name: 'Your account' }).click(), await other.page.getByRole('dialog').getByRole('heading').innerText()) === name;
        await sheet.getByRole('button', { name: 'Switch off' }).click();
        await sheet.getByRole('button', { name: 'Yes' }).click();
        await boss.toast('is switched off');
        if (isTheirs) await other.page.getByText('switched off').waitFor();
        await boss.page.getByRole('button', { name: 'Undo' }).click();
        await boss.toast('may sign in again');
        assert.ok(isTheirs, `the first rep is ${name}`);
        await other.signIn(rep);
        await Promise.all([boss.close(), other.close()]);
    });

    await test('nobody but the owner comes to the people page', async () => {
        const s = await screen(here, 'desktop', manager);
        assert.equal(await s.page.locator('.tabs a[href="/people"]').count(), 0);
        await s.page.goto(`${url}/people`);
        await s.page.waitForURL('**/inventory');
        await s.close();
    });
}

async function troubleTests() {
    await test('a cut wire is told once, what was missed appears once, without a reload', async () => {
        const wire = await makeWire(url);
        const watcher = await screen(here, 'phone', owner, {}, wire.url);
        const seller = await screen(there, 'phone', rep);
        await watcher.go('/inventory');
        await watcher.page.evaluate(() => (window.isSamePage = true));
        const bread = await firstBread(watcher);
        const left = await watcher.number('remaining', card(bread));
        const sold = await watcher.number('day-sold', card(bread));
        watcher.watchRequests();
        wire.cut();
        await watcher.toast('Connection lost');
        await watcher.page.locator('[data-connection="offline"]').waitFor();
        const age = () => watcher.page.locator('.conn-age').innerText().then(toNumber);
        await until('the age of the last contact', async () => (await age()) > 0);
        const before = await age();
        await until('its counting up', async () => (await age()) > before);
        await sellQuietly(seller, bread, 6);
        assert.equal(await watcher.number('remaining', card(bread)), left);
        await watcher.page.locator('.conn').click();
        assert.match(await watcher.figure('trouble').innerText(), /connection was lost|No connection could be made/);
        assert.match(await watcher.figure('latency').innerText(), /^\d+ ms$/);
        assert.ok((await watcher.number('retries')) >= 1);
        wire.mend();
        await watcher.page.getByRole('button', { name: 'Reconnect now' }).click();
        await watcher.page.keyboard.press('Escape');
        await watcher.toast('Live again');
        await watcher.shows('remaining', left - 6, card(bread));
        await watcher.shows('day-sold', sold + 6, card(bread));
        await sellQuietly(seller, bread, 1);
        await watcher.shows('remaining', left - 7, card(bread));
        assert.equal(await watcher.number('day-sold', card(bread)), sold + 7);
        // What was missed is replayed, not fetched.
        assert.deepEqual(watcher.listRequests(), []);
        assert.ok(await watcher.page.evaluate(() => window.isSamePage));
        await Promise.all([watcher.close(), seller.close()]);
        await wire.close();
    }, 90);

    await test('a page that opens without the server says so, and comes by itself when it can', async () => {
        const s = await screen(here, 'phone', null);
        await s.page.route('**/api/config', (route) => route.abort('connectionrefused'));
        await s.page.goto(url);
        await s.page.getByRole('heading', { name: 'cannot be reached' }).waitFor();
        await s.page.unroute('**/api/config');
        await s.page.getByLabel('Email').waitFor();
        await s.close();
    });

    await test('nobody waits for the live client to sign in, and where it cannot be loaded it is tried until it can', async () => {
        const s = await screen(here, 'phone', null);
        let isThere = false;
        await s.page.route('**/*.wasm', (route) => (isThere ? route.continue() : route.abort('connectionrefused')));
        await s.page.goto(url);
        await s.page.getByLabel('Email').fill(rep.email);
        await s.page.getByLabel('Password', { exact: true }).fill(rep.password);
        await s.page.getByRole('button', { name: 'Sign in' }).click();
        await s.page.getByRole('alert').filter({ hasText: 'could not be loaded' }).waitFor();
        isThere = true;
        await s.isLive();
        await s.page.locator('.tile').first().waitFor();
        await s.close();
    });

    await test('a part with bad data says what happened and offers a way on, and the rest lives', async () => {
        const s = await screen(here, 'desktop', owner);
        await s.page.route('**/rest/v1/shift_feedback*', async (route) =>
            route.fulfill({
                response: await route.fetch(),
                json: [{ id: '1', user_id: '1', shift: 'morning', note: 'x', created_at: 'no time', business_day: '', updated_at: '' }],
            }),
        );
        await s.go('/reports');
        await s.page.getByRole('alert').filter({ hasText: 'cannot be shown' }).waitFor();
        await s.figure('report-revenue').waitFor();
        await s.page.unroute('**/rest/v1/shift_feedback*');
        await s.page.getByLabel('30 days').check();
        await s.page.locator('.skeletons').waitFor({ state: 'detached' });
        const again = s.page.getByRole('button', { name: 'Show it again' });
        if (await again.isVisible()) await again.click();
        await s.page.getByRole('heading', { name: 'Feedback' }).waitFor();
        await s.close();
    });

    await test('two tabs change an old token for a new one once, and both stay live', async () => {
        const one = await screen(here, 'phone', owner);
        const page = await one.context.newPage();
        const two = new Screen(one.context, page, url);
        await page.goto(url);
        await two.isLive();
        const asked = [];
        one.context.on('request', (r) => {
            if (r.url().includes('grant_type=refresh_token')) asked.push(r.url());
        });
        const before = await page.evaluate(() => localStorage.getItem('homebake-auth'));
        // Both find the same token refused, before either has a new one.
        let refused = 0;
        let bothRefused;
        const both = new Promise((done) => (bothRefused = done));
        const refuse = async (route) => {
            await route.fulfill({ status: 401, json: { code: 'PGRST303', message: 'JWT expired' } });
            if (++refused === 2) bothRefused();
        };
        for (const s of [one, two]) {
            await s.page.route('**/rest/v1/shift_totals*', refuse, { times: 1 });
            await s.page.route('**/auth/v1/token*', (route) => both.then(() => route.continue()));
        }
        await Promise.all([one, two].map((s) => s.go('/reports')));
        await page.waitForFunction((was) => localStorage.getItem('homebake-auth') !== was, before);
        for (const s of [one, two]) {
            await s.figure('report-revenue').waitFor();
            await s.isLive();
        }
        assert.equal(refused, 2);
        assert.equal(asked.length, 1);
        await one.close();
    });
}

// Timers, sockets and listeners that exist now, as the page itself has asked for them.
function watchResources() {
    const live = (window.live = { intervals: new Set(), timeouts: new Set(), sockets: 0, listeners: 0 });
    const { setInterval, clearInterval, setTimeout, clearTimeout, WebSocket } = window;
    window.setInterval = (...a) => {
        const id = setInterval(...a);
        live.intervals.add(id);
        return id;
    };
    window.clearInterval = (id) => {
        live.intervals.delete(id);
        clearInterval(id);
    };
    window.setTimeout = (f, ...a) => {
        const id = setTimeout((...given) => {
            live.timeouts.delete(id);
            f(...given);
        }, ...a);
        live.timeouts.add(id);
        return id;
    };
    window.clearTimeout = (id) => {
        live.timeouts.delete(id);
        clearTimeout(id);
    };
    window.WebSocket = class extends WebSocket {
        constructor(...a) {
            super(...a);
            live.sockets++;
            WebSocket.prototype.addEventListener.call(this, 'close', () => live.sockets--);
        }
    };
    for (const target of [window, document, MediaQueryList.prototype]) {
        const { addEventListener, removeEventListener } = target;
        target.addEventListener = function (...a) {
            live.listeners++;
            return addEventListener.apply(this, a);
        };
        target.removeEventListener = function (...a) {
            live.listeners--;
            return removeEventListener.apply(this, a);
        };
    }
}

async function visitTests() {
    await test('twenty visits of every page, while another browser sells, leave no timer, socket, listener, element or memory behind', async () => {
        const s = await screen(here, 'desktop', null);
        await s.page.addInitScript(watchResources);
        await s.signIn(owner);
        const seller = await screen(there, 'phone', rep);
        await s.go('/inventory');
        const bread = await firstBread(s);
        const left = await s.number('remaining', card(bread));
        const devtools = await s.context.newCDPSession(s.page);
        await devtools.send('Performance.enable');
        const measure = async () => {
            await devtools.send('HeapProfiler.collectGarbage');
            const { metrics } = await devtools.send('Performance.getMetrics');
            const of = (name) => metrics.find((m) => m.name === name).value;
            const own = await s.page.evaluate(() => {
                const { intervals, timeouts, ...counts } = window.live;
                return { ...counts, intervals: intervals.size, timeouts: timeouts.size };
            });
            return { ...own, nodes: of('Nodes'), handlers: of('JSEventListeners'), heap: of('JSHeapUsedSize') };
        };
        const round = async () => {
            await sellQuietly(seller, bread, 1);
            for (const p of PAGES) await s.go(p);
        };
        for (let i = 0; i < 3; i++) await round();
        const before = await measure();
        for (let i = 0; i < 20; i++) await round();
        const after = await measure();
        assert.equal(after.sockets, 1);
        assert.deepEqual([after.intervals, after.listeners], [before.intervals, before.listeners]);
        // The browser may keep the last page or not; what a page leaves behind adds up over 140 visits.
        assert.ok(after.nodes < before.nodes + 400, `${before.nodes} elements became ${after.nodes}`);
        // Those of the last page may be there or not.
        assert.ok(after.timeouts < before.timeouts + 5, `${before.timeouts} timeouts became ${after.timeouts}`);
        assert.ok(after.heap < before.heap + 140 * 10_000, `${before.heap} bytes of memory became ${after.heap}`);
        assert.ok(after.handlers < before.handlers + 70, `${before.handlers} handlers became ${after.handlers}`);
        await s.go('/inventory');
        await s.shows('remaining', left - 23, card(bread));
        await s.close();
        await seller.close();
    }, 120);
}

// So long until the bakery's clock says this next, in ms.
async function untilClock(name) {
    const config = await (await fetch(`${url}/api/config`)).json();
    const clock = new Date().toLocaleTimeString('en-GB', { timeZone: config.time_zone, hourCycle: 'h23' });
    const seconds = (text) => text.split(':').reduce((sum, n, i) => sum + Number(n) * [3600, 60, 1][i], 0);
    return 1000 * ((seconds(config[name]) - seconds(clock) + 86_400) % 86_400);
}

// Writes down each state of the page that differs from the one before.
function noteStates(bread) {
    const read = () => {
        const text = (selector) => document.querySelector(selector)?.textContent ?? 'nothing';
        const figures = ['day-sold', 'shift-sold'].map((f) => text(`${bread} [data-figure="${f}"]`));
        const state = [text('.shift-name'), text('.shift-day'), ...figures, document.querySelectorAll('.skeletons').length].join(' | ');
        if (window.states.at(-1) !== state) window.states.push(state);
    };
    window.states = [];
    read();
    new MutationObserver(read).observe(document.body, { subtree: true, childList: true, characterData: true });
}

// The inventory of a page whose server's clock is just before that time; `turn` lets it pass, and gives what the page
// went through, state by state.
async function beforeClock(name) {
    let ahead = (await untilClock(name)) - 45_000;
    const s = await screen(here, 'desktop', null);
    await s.page.clock.install();
    for (const part of ['api', 'auth', 'rest'])
        await s.page.route(`${url}/${part}/**`, async (route) => {
            const response = await route.fetch();
            const date = new Date(Date.now() + ahead).toUTCString();
            await route.fulfill({ response, headers: { ...response.headers(), date } });
        });
    await s.signIn(owner);
    await s.go('/inventory');
    const bread = await firstBread(s);
    const turn = async () => {
        await s.page.evaluate(noteStates, card(bread));
        ahead += 61_000;
        await s.page.clock.fastForward(61_000);
        await s.page.waitForFunction(() => window.states.length > 1);
        await s.isLive();
        return s.page.evaluate(() => window.states.map((state) => state.split(' | ')));
    };
    return { s, bread, turn };
}

async function timeTests() {
    await test('at the end of the business day every figure turns in one step, by the clock of the server', async () => {
        const { s, bread, turn } = await beforeClock('morning_start');
        await sellQuietly(s, bread, 1);
        await s.page.waitForFunction((b) => document.querySelector(`${b} [data-figure="day-sold"]`).textContent !== '0', card(bread));
        const left = await s.number('remaining', card(bread));
        const [before, after, ...more] = await turn();
        assert.deepEqual(more, []);
        assert.deepEqual([before[0], before[4]], ['Night', '0']);
        assert.notEqual(before[1], after[1]);
        assert.notEqual(before[2], '0');
        assert.deepEqual([after[0], ...after.slice(2)], ['Morning', '0', '0', '0']);
        assert.equal(await s.number('remaining', card(bread)), left);
        await s.close();
    });

    await test('at the end of the morning shift its figures turn, and those of the day stay', async () => {
        const { s, turn } = await beforeClock('night_start');
        const [before, after, ...more] = await turn();
        assert.deepEqual(more, []);
        assert.deepEqual([before[0], after[0]], ['Morning', 'Night']);
        assert.deepEqual([before[1], before[2], before[4]], [after[1], after[2], after[4]]);
        await s.close();
    });

    await test('ten idle minutes send heartbeats and nothing else', async () => {
        const s = await screen(here, 'phone', null);
        const sent = [];
        let answers = 0;
        s.page.on('websocket', (ws) => {
            ws.on('framesent', ({ payload }) => sent.push(JSON.parse(payload)[3]));
            ws.on('framereceived', () => answers++);
        });
        await s.page.clock.install();
        await s.signIn(rep);
        await s.go('/inventory');
        s.requests.length = sent.length = 0;
        for (let i = 1; i <= 24; i++) {
            const before = answers;
            await s.page.clock.fastForward(25_000);
            await until('an answer to the heartbeat', () => answers > before);
        }
        await s.isLive();
        assert.deepEqual([...new Set(sent)], ['heartbeat']);
        assert.ok(sent.length <= 25, `${sent.length} heartbeats`);
        assert.deepEqual(s.requests, []);
        await s.close();
    });
}

async function largeTests() {
    await test('a day of more sales than one subscription holds is counted right, while it grows and after a reload', async () => {
        const large = makeBakery();
        const busy = await serve(large.data);
        const s = await screen(here, 'desktop', large.people.owner, {}, busy.url);
        await s.go('/inventory');
        const bread = await firstBread(s);
        const sold = await s.number('day-sold', card(bread));
        const left = await s.number('remaining', card(bread));
        for (let i = 0; i < 12; i++) await sellQuietly(s, bread, 1, 1000);
        const isRight = async () => {
            await s.shows('day-sold', sold + 12_000, card(bread));
            await s.shows('remaining', left - 12_000, card(bread));
            await s.isLive();
        };
        await isRight();
        await s.page.reload();
        await isRight();
        await sellQuietly(s, bread, 1);
        await s.shows('day-sold', sold + 12_001, card(bread));
        await s.close();
        await busy.stop();
        large.remove();
    }, 90);
}

async function looksTests() {
    await test('colours follow the device, or what was chosen on it, also after a reload', async () => {
        const s = await screen(here, 'phone', owner, { colorScheme: 'dark' });
        const theme = () => s.page.evaluate(() => document.documentElement.dataset.theme);
        assert.equal(await theme(), 'dark');
        await s.page.getByRole('button', { name: 'Your account' }).click();
        await s.page.getByLabel('Light').check();
        assert.equal(await theme(), 'light');
        await s.page.reload();
        await s.isLive();
        assert.equal(await theme(), 'light');
        await s.close();
    });

    for (const [name, viewport] of [['the narrowest phone', { width: 320, height: 640 }], ['a screen on the wall', { width: 1920, height: 1080 }]])
        await test(`every page and sheet fits ${name}, and keeps the rules of accessibility`, async () => {
            const s = await screen(here, 'phone', null, { viewport });
            const found = [];
            const check = async (where) => {
                for (const b of await s.breaches()) found.push(`${where}: ${b}`);
                const wider = await s.overflow();
                if (wider > 0) found.push(`${where}: ${wider} pixels too wide`);
            };
            const sheet = async (opener, where) => {
                await s.page.locator(opener).first().click();
                await s.page.getByRole('dialog').waitFor();
                await check(where);
                await s.page.keyboard.press('Escape');
                await s.page.getByRole('dialog').waitFor({ state: 'detached' });
            };
            await s.signIn(owner);
            for (const path of PAGES) {
                await s.page.goto(url + path);
                await s.isLive();
                await s.page.locator('.skeletons').waitFor({ state: 'detached' });
                await check(path);
            }
            await sheet('.entry .icon-button', 'a person');
            await sheet('.conn', 'the connection');
            await sheet('[aria-label="Your account"]', 'the account');
            await s.go('/inventory');
            await sheet('.bread-left', 'the entries');
            assert.deepEqual(found, []);
            await s.close();
        }, 90);
}

await stage.play(inventoryTests, reportTests, peopleTests, troubleTests, looksTests, visitTests, timeTests, largeTests);
