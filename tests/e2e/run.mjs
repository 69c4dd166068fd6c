// The pages in real browsers: two processes, one that does something and one that watches.
import { Screen, toNumber } from './browser.mjs';
import { card, Stage } from './stage.mjs';
import { assert, test } from '../support/harness.mjs';
import { homebake } from '../support/server.mjs';

const stage = await Stage.set();
const { bakery, here, there, url } = stage;
const { owner, manager, rep1: rep } = stage.people;
// The screens whose console must stay silent.
const screens = [];

async function screen(browser, size, person, options) {
    const s = await stage.screen(browser, size, null, options);
    screens.push(s);
    return person ? s.signIn(person) : s;
}

async function sell(s, bread, quantity) {
    await s.page.locator(`button${card(bread)}`).click();
    const sheet = s.page.getByRole('dialog');
    await sheet.getByLabel('How many', { exact: true }).fill(String(quantity));
    await sheet.locator('[data-action="sell"]').click();
    await s.toast(`Sold ${quantity} ×`);
}

async function bake(s, bread, quantity) {
    await s.page.locator(`input[name="bread"][value="${bread}"]`).check();
    await s.page.getByLabel('How many', { exact: true }).fill(String(quantity));
    await s.page.locator('[data-action="bake"]').click();
    await s.toast(`Baked ${quantity} ×`);
}

async function editFirstEntry(s) {
    await s.page.locator('.entry .icon-button').first().click();
    return s.page.getByRole('dialog');
}

async function remaining(s) {
    const answer = await s.page.evaluate(async () => {
        const { access_token } = JSON.parse(localStorage.getItem('homebake-auth'));
        const r = await fetch('/api/inventory/current', { headers: { Authorization: `Bearer ${access_token}` } });
        return r.json();
    });
    return Object.fromEntries(answer.items.map((i) => [i.id, i.remaining]));
}

async function reportFigures(s) {
    const names = ['revenue', 'baked', 'sold', 'left', 'discount', 'returned'];
    const numbers = await Promise.all(names.map((n) => s.number(`report-${n}`)));
    return Object.fromEntries(names.map((n, i) => [n, numbers[i]]));
}

/* ---- one acts, one watches: on both sizes of screen, either way round ---- */

async function liveTests(actorSize, watcherSize) {
    const on = `(${actorSize} to ${watcherSize})`;
    let seller, baker, watcher, bread, price;

    await test(`a rep, a manager and the owner sign in ${on}`, async () => {
        [seller, baker, watcher] = await Promise.all([
            screen(here, actorSize, rep),
            screen(here, actorSize, manager),
            screen(there, watcherSize, owner),
        ]);
        await Promise.all([seller.go('/sell'), baker.go('/bake'), watcher.go('/inventory')]);
        bread = await watcher.page.locator('.bread').first().getAttribute('data-bread');
        price = toNumber(await watcher.figure('price', card(bread)).innerText());
    });

    await test(`a sale on one device changes the inventory on another without a request ${on}`, async () => {
        const left = await watcher.number('remaining', card(bread));
        const sold = await watcher.number('day-sold', card(bread));
        const all = await watcher.number('sold', '.summary');
        watcher.watchRequests();
        await sell(seller, bread, 3);
        await watcher.shows('remaining', left - 3, card(bread));
        await watcher.shows('day-sold', sold + 3, card(bread));
        await watcher.shows('sold', all + 3, '.summary');
        await watcher.page.locator(`${card(bread)}.is-fresh .delta`, { hasText: '−3' }).waitFor();
        await seller.shows('remaining', left - 3, card(bread));
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`an edited sale changes the inventory on another device without a request ${on}`, async () => {
        const left = await watcher.number('remaining', card(bread));
        watcher.watchRequests();
        const sheet = await editFirstEntry(seller);
        await sheet.getByLabel('How many', { exact: true }).fill('5');
        await sheet.getByLabel('Discount').fill('100.50');
        await sheet.getByRole('button', { name: 'Save the change' }).click();
        await seller.toast('Sale changed');
        await watcher.shows('remaining', left - 2, card(bread));
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`a deleted sale gives its loaves back on another device without a request ${on}`, async () => {
        const left = await watcher.number('remaining', card(bread));
        watcher.watchRequests();
        const sheet = await editFirstEntry(seller);
        await sheet.getByRole('button', { name: 'Delete this sale' }).click();
        await sheet.getByRole('button', { name: 'Yes' }).click();
        await seller.toast('Sale deleted');
        await watcher.shows('remaining', left + 5, card(bread));
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`an undone sale leaves nothing behind ${on}`, async () => {
        const left = await watcher.number('remaining', card(bread));
        await sell(seller, bread, 4);
        await watcher.shows('remaining', left - 4, card(bread));
        await seller.page.getByRole('button', { name: 'Undo' }).click();
        await seller.toast('Sale undone');
        await watcher.shows('remaining', left, card(bread));
    });

    await test(`what is baked is on another device at once, without a request ${on}`, async () => {
        const left = await watcher.number('remaining', card(bread));
        const baked = await watcher.number('day-baked', card(bread));
        watcher.watchRequests();
        await bake(baker, bread, 40);
        await watcher.shows('remaining', left + 40, card(bread));
        await watcher.shows('day-baked', baked + 40, card(bread));
        await seller.shows('remaining', left + 40, card(bread));
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`a new price is on every other device without a request ${on}`, async () => {
        await baker.go('/breads');
        watcher.watchRequests();
        seller.watchRequests();
        await baker.page.locator(`${card(bread)} .icon-button`).click();
        const sheet = baker.page.getByRole('dialog');
        price += 50.5;
        await sheet.getByLabel('Price').fill(String(price));
        await sheet.getByRole('button', { name: 'Save the change' }).click();
        await baker.toast('changed');
        await watcher.shows('price', price, card(bread));
        await seller.shows('price', price, card(bread));
        assert.deepEqual([...watcher.listRequests(), ...seller.listRequests()], []);
    });

    await test(`sale, edit and delete change the reports on another device without a request ${on}`, async () => {
        await watcher.go('/reports');
        const before = await reportFigures(watcher);
        watcher.watchRequests();
        await sell(seller, bread, 2);
        await watcher.shows('report-sold', before.sold + 2);
        await watcher.shows('report-revenue', before.revenue + 2 * price);
        let sheet = await editFirstEntry(seller);
        await sheet.getByLabel('How many', { exact: true }).fill('3');
        await sheet.getByLabel('Discount').fill('0.25');
        await sheet.getByRole('button', { name: 'Save the change' }).click();
        await watcher.shows('report-revenue', before.revenue + 3 * price - 0.25);
        await watcher.shows('report-discount', before.discount + 0.25);
        sheet = await editFirstEntry(seller);
        await sheet.getByLabel('Returned').check();
        await sheet.getByRole('button', { name: 'Save the change' }).click();
        await watcher.shows('report-returned', before.returned + 3);
        sheet = await editFirstEntry(seller);
        await sheet.getByRole('button', { name: 'Delete this sale' }).click();
        await sheet.getByRole('button', { name: 'Yes' }).click();
        await watcher.shows('report-returned', before.returned);
        assert.deepEqual(await reportFigures(watcher), before);
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`production changes the reports on another device without a request ${on}`, async () => {
        const before = await reportFigures(watcher);
        await baker.go('/bake');
        watcher.watchRequests();
        await bake(baker, bread, 12);
        await watcher.shows('report-baked', before.baked + 12);
        await watcher.shows('report-left', before.left + 12);
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`feedback is in the owner's reports at once, without a request ${on}`, async () => {
        const words = `The oven on the left runs hot, seen on the ${actorSize}.`;
        await seller.go('/feedback');
        watcher.watchRequests();
        await seller.page.getByLabel('What should be known').fill(words);
        await seller.page.getByRole('button', { name: 'Leave feedback' }).click();
        await seller.page.locator('[data-feedback]', { hasText: words }).waitFor();
        await watcher.page.locator('[data-feedback]', { hasText: words }).waitFor();
        assert.deepEqual(watcher.listRequests(), []);
    });

    await test(`both devices show what the server counts ${on}`, async () => {
        await Promise.all([watcher.go('/inventory'), seller.go('/sell')]);
        const counted = await remaining(watcher);
        for (const [id, n] of Object.entries(counted)) {
            if (!(await watcher.page.locator(card(id)).count())) continue;
            await watcher.shows('remaining', n, card(id));
            await seller.shows('remaining', n, card(id));
        }
    });

    await Promise.all([seller, baker, watcher].map((s) => s?.close()));
}

/* ---- the rest ---- */

async function signInTests() {
    await test('a wrong password is refused in words, and the fields keep what was typed', async () => {
        const s = await Screen.open(here, url, 'phone');
        await s.page.goto(url);
        await s.page.getByRole('button', { name: 'Sign in' }).click();
        await s.page.getByRole('alert').filter({ hasText: 'enter your email' }).waitFor();
        await s.page.getByLabel('Email').fill(owner.email);
        await s.page.getByLabel('Password', { exact: true }).fill('not-the-password');
        await s.page.getByRole('button', { name: 'Show password' }).click();
        assert.equal(await s.page.getByLabel('Password', { exact: true }).getAttribute('type'), 'text');
        await s.page.getByRole('button', { name: 'Sign in' }).click();
        await s.page.getByRole('alert').filter({ hasText: 'do not match' }).waitFor();
        assert.equal(await s.page.getByLabel('Email').inputValue(), owner.email);
        await s.close();
    });

    await test('a reload keeps the person signed in, and signing out ends that', async () => {
        const s = await screen(here, 'desktop', owner);
        await s.page.reload();
        await s.isLive();
        await s.page.getByRole('button', { name: 'Your account' }).click();
        await s.page.getByRole('button', { name: 'Sign out' }).click();
        await s.page.getByLabel('Email').waitFor();
        await s.page.reload();
        await s.page.getByLabel('Email').waitFor();
        await s.close();
    });

    await test('a rep is led to selling, and to no page that is not theirs', async () => {
        const s = await screen(here, 'phone', rep);
        assert.equal(new URL(s.page.url()).pathname, '/sell');
        const labels = await s.page.locator('.tabs a').allInnerTexts();
        assert.deepEqual(labels.map((l) => l.trim()), ['Inventory', 'Sell', 'Feedback']);
        await s.page.goto(`${url}/reports`);
        await s.isLive();
        assert.equal(new URL(s.page.url()).pathname, '/sell');
        await s.close();
    });
}

async function saleTests() {
    await test('a sale can be made with the keyboard alone', async () => {
        const s = await screen(here, 'desktop', rep);
        await s.go('/sell');
        await s.page.locator('.tile').first().focus();
        await s.page.keyboard.press('Enter');
        await s.page.getByRole('dialog').waitFor();
        await s.page.keyboard.press('Enter');
        await s.toast('Sold 1 ×');
        await s.page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(await s.page.evaluate(() => document.activeElement?.className.split(' ')[0]), 'tile');
        await s.close();
    });

    await test('an entry made offline says so, and is saved once when the network is back', async () => {
        const s = await Screen.open(here, url, 'phone');
        await s.signIn(rep);
        await s.go('/sell');
        const bread = await s.page.locator('.tile').first().getAttribute('data-bread');
        const left = await s.number('remaining', card(bread));
        await s.context.setOffline(true);
        await s.page.locator('[data-connection="offline"]').waitFor();
        await s.page.locator(`button${card(bread)}`).click();
        await s.page.locator('[data-action="sell"]').click();
        await s.toast('Not saved yet');
        await s.page.locator('[data-unsaved]', { hasText: 'Not saved yet' }).waitFor();
        assert.equal(await s.number('remaining', card(bread)), left);
        await s.context.setOffline(false);
        await s.isLive();
        await s.page.locator('[data-unsaved]').waitFor({ state: 'detached' });
        await s.shows('remaining', left - 1, card(bread));
        assert.equal((await remaining(s))[bread], left - 1);
        await s.close();
    });

    await test('a sale whose answer was lost is not counted twice', async () => {
        const s = await Screen.open(here, url, 'phone');
        await s.signIn(rep);
        await s.go('/sell');
        const bread = await s.page.locator('.tile').first().getAttribute('data-bread');
        const left = await s.number('remaining', card(bread));
        let statuses = [];
        await s.page.route('**/rest/v1/sales_logs*', async (route) => {
            const answer = await route.fetch();
            statuses.push(answer.status());
            if (statuses.length === 1) await route.abort('connectionreset');
            else await route.fulfill({ response: answer });
        });
        await s.page.locator(`button${card(bread)}`).click();
        await s.page.locator('[data-action="sell"]').click();
        await s.page.locator('[data-unsaved]').getByRole('button', { name: 'Try now' }).click();
        await s.page.locator('[data-unsaved]').waitFor({ state: 'detached' });
        assert.deepEqual(statuses, [201, 409]);
        await s.shows('remaining', left - 1, card(bread));
        assert.equal((await remaining(s))[bread], left - 1);
        await s.close();
    });

    await test('a burst of 300 sales ends in the right numbers, without a request', async () => {
        const [watcher, seller] = await Promise.all([screen(there, 'desktop', owner), screen(here, 'phone', rep)]);
        await watcher.go('/inventory');
        const bread = await watcher.page.locator('.bread').first().getAttribute('data-bread');
        const left = await watcher.number('remaining', card(bread));
        const sold = await watcher.number('day-sold', card(bread));
        watcher.watchRequests();
        const statuses = await seller.page.evaluate(async (id) => {
            const { access_token } = JSON.parse(localStorage.getItem('homebake-auth'));
            const { anon_key } = await (await fetch('/api/config')).json();
            const headers = { apikey: anon_key, Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' };
            const body = JSON.stringify(Array.from({ length: 10 }, () => ({ bread_type_id: id, quantity: 1 })));
            const send = () => fetch('/rest/v1/sales_logs', { method: 'POST', headers, body }).then((r) => r.status);
            return Promise.all(Array.from({ length: 30 }, send));
        }, bread);
        assert.deepEqual([...new Set(statuses)], [201]);
        await watcher.shows('remaining', left - 300, card(bread));
        await watcher.shows('day-sold', sold + 300, card(bread));
        assert.deepEqual(watcher.listRequests(), []);
        await Promise.all([watcher.close(), seller.close()]);
    });

    await test('a bread with entries cannot be deleted, and can be taken out of sale instead', async () => {
        const s = await Screen.open(here, url, 'desktop');
        await s.signIn(owner);
        await s.go('/breads');
        const row = s.page.locator('li[data-bread]').last();
        const id = await row.getAttribute('data-bread');
        await row.locator('.icon-button').click();
        const sheet = s.page.getByRole('dialog');
        await sheet.getByRole('button', { name: 'Delete' }).click();
        await sheet.getByRole('button', { name: 'Yes' }).click();
        await sheet.getByText('has entries in the ledger').waitFor();
        await sheet.getByRole('button', { name: 'Take out of sale' }).click();
        await s.page.locator(`${card(id)}.entry-off`).waitFor();
        await s.go('/sell');
        assert.equal(await s.page.locator(`.tile${card(id)}`).count(), 0);
        await s.go('/breads');
        await s.page.locator(`${card(id)} .icon-button`).click();
        await s.page.getByRole('dialog').getByRole('button', { name: 'Put on sale again' }).click();
        await s.page.locator(`${card(id)}:not(.entry-off)`).waitFor();
        await s.close();
    });

    await test('a bread is added on one device and can be sold on another', async () => {
        const [lead, seller] = await Promise.all([screen(there, 'desktop', manager), screen(here, 'phone', rep)]);
        await Promise.all([lead.go('/breads'), seller.go('/sell')]);
        seller.watchRequests();
        await lead.page.getByRole('button', { name: 'Add a bread' }).click();
        const sheet = lead.page.getByRole('dialog');
        await sheet.getByLabel('Name').fill('Ginger Bun');
        await sheet.getByLabel('Price').fill('250');
        await sheet.getByRole('button', { name: 'Add bread' }).click();
        await lead.toast('Ginger Bun added');
        await seller.page.locator('.tile', { hasText: 'Ginger Bun' }).waitFor();
        assert.deepEqual(seller.listRequests(), []);
        await Promise.all([lead.close(), seller.close()]);
    });
}

async function accessTests() {
    const PAGES = ['/inventory', '/sell', '/bake', '/reports', '/breads', '/feedback'];
    for (const size of ['phone', 'desktop'])
        for (const colorScheme of ['light', 'dark'])
            await test(
                `no page breaks an accessibility rule or the width of the screen (${size}, ${colorScheme})`,
                async () => {
                    const s = await screen(here, size, null, { colorScheme });
                    const found = [];
                    const check = async (where) => {
                        for (const b of await s.breaches()) found.push(`${where}: ${b}`);
                        const wider = await s.overflow();
                        if (wider > 0) found.push(`${where}: ${wider} pixels too wide`);
                    };
                    await s.page.goto(url);
                    await s.page.getByLabel('Email').waitFor();
                    await check('sign in');
                    await s.signIn(owner);
                    for (const page of PAGES) {
                        await s.go(page);
                        await check(page);
                        const opener = { '/sell': '.tile', '/bake': '.entry .icon-button', '/breads': '.entry .icon-button' }[page];
                        if (!opener) continue;
                        await s.page.locator(opener).first().click();
                        const sheet = s.page.getByRole('dialog');
                        await sheet.waitFor();
                        if (page === '/sell') await sheet.getByText('Discount or return').click();
                        await check(`${page}, sheet`);
                        await s.page.keyboard.press('Escape');
                        await sheet.waitFor({ state: 'detached' });
                    }
                    assert.deepEqual(found, []);
                    await s.close();
                },
                90,
            );

    await test('nothing jumps while a page loads', async () => {
        const s = await screen(here, 'phone', owner);
        await s.page.addInitScript(() => {
            window.shifted = 0;
            new PerformanceObserver((list) => {
                for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifted += e.value;
            }).observe({ type: 'layout-shift', buffered: true });
        });
        for (const path of ['/inventory', '/sell', '/bake', '/breads']) {
            await s.page.goto(url + path);
            await s.isLive();
            await s.page.locator('.skeletons').waitFor({ state: 'detached' });
            const shifted = await s.page.evaluate(() => window.shifted);
            assert.ok(shifted < 0.1, `${path} shifted by ${shifted}`);
        }
        await s.close();
    });
}

async function troubleTests() {
    await test('a page outlives the server: it says so, comes back by itself, and shows the truth', async () => {
        const [watcher, seller] = await Promise.all([
            Screen.open(there, url, 'desktop').then((s) => s.signIn(owner)),
            Screen.open(here, url, 'phone').then((s) => s.signIn(rep)),
        ]);
        await Promise.all([watcher.go('/inventory'), seller.go('/sell')]);
        const bread = await seller.page.locator('.tile').first().getAttribute('data-bread');
        const left = await watcher.number('remaining', card(bread));
        for (const s of [watcher, seller]) s.watchRequests();
        await stage.kill();
        for (const s of [watcher, seller])
            await s.page.locator('[data-connection="connecting"], [data-connection="offline"]').waitFor();
        assert.equal(await watcher.number('remaining', card(bread)), left);
        await stage.serveAgain();
        await Promise.all([watcher.isLive(), seller.isLive()]);
        await sell(seller, bread, 2);
        await watcher.shows('remaining', left - 2, card(bread));
        // Both went on from where they were.
        assert.deepEqual([...watcher.listRequests(), ...seller.listRequests()], []);
        const counted = await remaining(watcher);
        for (const [id, n] of Object.entries(counted)) await watcher.shows('remaining', n, card(id));
        await Promise.all([watcher.close(), seller.close()]);
    }, 90);

    await test('somebody who is switched off is signed out at once, and told why', async () => {
        const s = await Screen.open(here, url, 'phone').then((x) => x.signIn(rep));
        homebake('user', 'disable', '--data', bakery.data, '--email', rep.email);
        await s.page.getByText('switched off').waitFor();
        await s.page.getByLabel('Email').waitFor();
        homebake('user', 'enable', '--data', bakery.data, '--email', rep.email);
        await s.signIn(rep);
        await s.close();
    });
}

async function silenceTests() {
    await test('no page broke the content policy or complained in the console', async () => {
        assert.ok(screens.length > 5);
        assert.deepEqual(screens.flatMap((s) => s.complaints), []);
    });
}

await stage.play(
    signInTests,
    () => liveTests('phone', 'desktop'),
    () => liveTests('desktop', 'phone'),
    saleTests,
    accessTests,
    silenceTests,
    troubleTests,
);
