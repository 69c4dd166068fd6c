// Pictures of every page, of a demo bakery in the middle of its day: docs/screenshots/<page>-<size>.png
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, Screen } from './browser.mjs';
import { makeBakery, serve } from '../support/server.mjs';

const SIZE_MAX = 150_000;
const folder = fileURLToPath(new URL('../../docs/screenshots', import.meta.url));
mkdirSync(folder, { recursive: true });
const bakery = makeBakery();
const server = await serve(bakery.data);
const browser = await launch();
let isTooBig = false;

async function picture(s, name) {
    const path = join(folder, `${name}.png`);
    await s.page.mouse.move(0, 0);
    await s.page.screenshot({ path, animations: 'disabled' });
    const { size } = statSync(path);
    console.log(`${name}.png ${size} bytes`);
    if (size > SIZE_MAX) isTooBig = true;
}

async function feedback(person, note) {
    const s = await Screen.open(browser, server.url, 'phone');
    await s.signIn(person);
    await s.go('/feedback');
    await s.page.getByLabel('What should be known').fill(note);
    await s.page.getByRole('button', { name: 'Leave feedback' }).click();
    await s.page.locator('[data-feedback]', { hasText: note }).waitFor();
    await s.close();
}

// Bakes what brings the breads that ran out to a plausible rest, so that every level is to be seen.
async function fillShelves(person) {
    const s = await Screen.open(browser, server.url, 'desktop');
    await s.signIn(person);
    await s.page.evaluate(async () => {
        const { access_token } = JSON.parse(localStorage.getItem('homebake-auth'));
        const { anon_key } = await (await fetch('/api/config')).json();
        const headers = { apikey: anon_key, Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' };
        const { items } = await (await fetch('/api/inventory/current', { headers })).json();
        const rests = [34, 4, 18, 0, 27, 41, 12, 3];
        for (const [i, { id, remaining }] of items.entries()) {
            const quantity = Math.max(rests[i % rests.length] - remaining, 40 - 10 * (i % 3));
            const wanted = remaining < 0 ? rests[i % rests.length] - remaining : quantity;
            if (wanted > 0)
                await fetch('/rest/v1/production_logs', { method: 'POST', headers, body: JSON.stringify({ bread_type_id: id, quantity: wanted }) });
        }
    });
    await s.close();
}

// Of a page as it is, in both colours.
async function both(s, name, size) {
    await picture(s, `${name}-${size}`);
    await s.page.emulateMedia({ colorScheme: 'dark' });
    await s.page.locator('[data-theme="dark"]').waitFor();
    await picture(s, `${name}-dark-${size}`);
    await s.page.emulateMedia({ colorScheme: 'light' });
}

async function sheet(s, opener, name, size) {
    await s.page.locator(opener).click();
    await s.page.getByRole('dialog').waitFor();
    await both(s, name, size);
    await s.page.keyboard.press('Escape');
    await s.page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function pictures(size, options = {}) {
    const s = await Screen.open(browser, server.url, size, options);
    await s.page.goto(server.url);
    await s.page.getByLabel('Email').waitFor();
    await both(s, 'sign-in', size);
    await s.signIn(bakery.people.owner);
    for (const name of ['inventory', 'sell', 'bake', 'reports', 'breads', 'feedback', 'people']) {
        await s.go(`/${name}`);
        await both(s, name, size);
        if (name === 'inventory') {
            await sheet(s, '.bread:nth-child(2) .bread-left', 'entries', size);
            await sheet(s, '.conn', 'connection', size);
        }
        if (name !== 'sell') continue;
        await s.page.locator('.tile').nth(1).click();
        await s.page.getByRole('dialog').getByRole('button', { name: '2', exact: true }).click();
        await picture(s, `sale-${size}`);
        await s.page.locator('[data-action="sell"]').click();
        await s.toast('Sold 2 ×');
        await picture(s, `sold-${size}`);
    }
    await s.close();
}

try {
    await fillShelves(bakery.people.manager);
    await feedback(bakery.people.rep1, 'The oven on the left runs hot; the loaves at the back came out dark.');
    await feedback(bakery.people.owner, 'Two customers asked for sliced bread. Let us try it on Saturday.');
    await pictures('phone', { deviceScaleFactor: 1.5 });
    await pictures('desktop');
} finally {
    await browser.close();
    await server.stop();
    bakery.remove();
}
if (isTooBig) console.error(`a picture has more than ${SIZE_MAX} bytes`);
process.exit(isTooBig ? 1 : 0);
