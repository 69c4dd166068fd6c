// A first visit on a slow phone: Chromium with a quarter of this processor's speed, a line of 400 kbit/s, nothing in its cache.
// The time from the navigation until the page can be used: the sign-in form of a stranger, the stock of somebody who is signed
// in.  Nothing is asserted; the target is printed beside what was measured.
import { launch, Screen } from '../../tests/e2e/browser.mjs';
import { makeBakery, serve } from '../../tests/support/server.mjs';
import { makeSlowWire } from './slow_wire.mjs';

const isQuick = process.argv.includes('--quick');
const VISITS = isQuick ? 1 : 5;
const CPU_SLOWDOWN = 4;
const BYTES_PER_SECOND = 400_000 / 8;
const ROUND_TRIPS_MS = isQuick ? [100] : [100, 400];
const USABLE = { form: 'form input[type="email"]', stock: '.bread [data-figure="remaining"]', live: '[data-connection="live"]' };

// In the page, before its own scripts: when each of these was first there.
function watch(selectors) {
    window.seen = {};
    const look = () => {
        for (const [name, s] of Object.entries(selectors))
            if (!(name in window.seen) && document.querySelector(s)) window.seen[name] = performance.now();
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}

function read() {
    const kindOf = (name) => name.match(/\.(js|css|wasm|svg)$/)?.[1] ?? 'data';
    const parts = {};
    const [page] = performance.getEntriesByType('navigation');
    for (const e of [page, ...performance.getEntriesByType('resource')]) {
        const part = (parts[e === page ? 'html' : kindOf(new URL(e.name).pathname)] ??= { bytes: 0, endMs: 0, startMs: Infinity });
        part.bytes += e.transferSize;
        part.startMs = Math.min(part.startMs, e.startTime);
        part.endMs = Math.max(part.endMs, e.responseEnd);
    }
    const painted = performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    return { parts, seen: { paint: painted, ...window.seen } };
}

// `session`: what the page keeps of who is signed in.  It is put there by a script of the page's own load: no connection is
// made before the clock runs.
async function visit(browser, url, path, session, last) {
    const s = await Screen.open(browser, url, 'phone');
    const devtools = await s.context.newCDPSession(s.page);
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN });
    await s.page.addInitScript(watch, USABLE);
    if (session) await s.page.addInitScript((text) => localStorage.setItem('homebake-auth', text), session);
    await s.page.goto(url + path, { waitUntil: 'commit' });
    await s.page.locator(USABLE[last]).first().waitFor();
    const found = await s.page.evaluate(read);
    await s.close();
    return found;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const seconds = (ms) => (Number.isFinite(ms) ? `${(ms / 1000).toFixed(2)} s` : '–');
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

function print(who, visits) {
    const names = [...new Set(visits.flatMap((v) => Object.keys(v.parts)))];
    const part = (name) => {
        const all = visits.map((v) => v.parts[name]).filter(Boolean);
        return `${name} ${Math.round(median(all.map((p) => p.bytes)) / 100) / 10} kB, ${seconds(median(all.map((p) => p.startMs)))} to ${seconds(median(all.map((p) => p.endMs)))}`;
    };
    const when = (name) => seconds(median(visits.map((v) => v.seen[name] ?? NaN)));
    row(who, when('paint'), when('form'), when('stock'), when('live'), names.map(part).join('; '));
}

const bakery = makeBakery();
const server = await serve(bakery.data);
const browser = await launch();
try {
    for (const roundTripMs of ROUND_TRIPS_MS) {
        const wire = await makeSlowWire(server.url, { bytesPerSecond: BYTES_PER_SECOND, roundTripMs });
        const known = await Screen.open(browser, wire.url, 'phone');
        known.page.setDefaultTimeout(60_000);
        await known.signIn(bakery.people.owner);
        const session = await known.page.evaluate(() => localStorage.getItem('homebake-auth'));
        await known.close();
        console.log(`${CPU_SLOWDOWN}× slower, 400 kbit/s, round trip ${roundTripMs} ms; median of ${VISITS}; target: usable within 3 s\n`);
        row('visitor', 'first paint', 'sign-in form', 'stock', 'live', 'parts: bytes on the line, from first request to last byte');
        console.log(`|${'---|'.repeat(6)}`);
        for (const [who, path, kept, last] of [
            ['a stranger', '/', undefined, 'form'],
            ['signed in', '/inventory', session, 'live'],
        ]) {
            const visits = [];
            for (let i = 0; i < VISITS; i++) visits.push(await visit(browser, wire.url, path, kept, last));
            print(who, visits);
        }
        console.log('');
        wire.close();
    }
} finally {
    await browser.close();
    await server.stop();
    bakery.remove();
}
process.exit();
