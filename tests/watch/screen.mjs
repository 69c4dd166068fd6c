// `homebake watch` on a terminal: what is on the screen through changes, another size, a killed server; and the terminal as it was.
// Usage: node tests/watch/screen.mjs
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = resolve(process.env.HOMEBAKE_BIN ?? join(root, 'build', 'homebake'));
const bakery = makeBakery();
const service = keys(bakery.data).service_role;
const passwords = join(bakery.data, '..', 'password');
let server = await serve(bakery.data);
const { url } = server;

class Terminal {
    drawn = '';
    told = '';

    constructor(who, what, { size = [80, 24], env = {}, options = [] } = {}) {
        const { email, password } = bakery.people[who];
        writeFileSync(passwords, `${password}\n`, { mode: 0o600 });
        const command = [program, 'watch', '--url', url, '--email', email, '--password-file', passwords, what, ...options];
        const all = { ...process.env, TERM: 'xterm-256color', NO_COLOR: '', ...env };
        this.child = spawn('python3', [join(root, 'tests/watch/terminal.py'), ...size.map(String), ...command], { env: all });
        this.child.stdout.setEncoding('utf8').on('data', (piece) => (this.drawn += piece));
        this.child.stderr.setEncoding('utf8').on('data', (piece) => (this.told += piece));
        this.ended = new Promise((done) => this.child.once('close', () => done(JSON.parse(this.told.trim().split('\n').at(-1)))));
    }
    order(text) {
        this.child.stdin.write(`${text}\n`);
    }
    press(text) {
        this.order(`keys ${JSON.stringify(text)}`);
    }
    // Each screen begins in the corner; the last one may not be whole yet.
    get frame() {
        return this.drawn.split('\x1b[H').at(-2) ?? '';
    }
    get lines() {
        return this.frame.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').split('\r\n').map((line) => line.trimEnd());
    }
    line(text) {
        return this.lines.find((line) => line.includes(text)) ?? '';
    }
    shows(what, pattern) {
        return until(what, () => pattern.test(this.lines.join('\n')), 40).catch((e) => {
            throw new Error(`${e.message}; on the screen:\n${this.lines.join('\n')}\n${this.told}`);
        });
    }
}

async function rest(method, path, body) {
    const headers = { apikey: service, authorization: `Bearer ${service}`, 'content-type': 'application/json', prefer: 'return=representation' };
    const answer = await fetch(`${url}/rest/v1/${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text ? JSON.parse(text) : null;
}
const [person] = await rest('GET', 'users?select=id&role=eq.owner');
const bread = { id: randomUUID(), name: 'Ciabatta 面包', size: 'large', unit_price: 2.5, low_threshold: 4 };
await rest('POST', 'bread_types', bread);
const bake = (quantity) => rest('POST', 'production_logs', { bread_type_id: bread.id, quantity, recorded_by: person.id });
const sell = (quantity) => rest('POST', 'sales_logs', { bread_type_id: bread.id, quantity, recorded_by: person.id });

await test('the inventory is live, says what is low, and marks what has changed just now', async () => {
    const t = new Terminal('rep1', 'inventory');
    await t.shows('the bread', /^Live  inventory  heard [\s\S]*Bread .*Baked .*Sold .*Left .*Level[\s\S]*Ciabatta 面包 +large +0 +0 +0  out/m);
    assert.equal(t.lines.length, 24);
    await bake(10);
    await t.shows('what was baked', /Ciabatta 面包 +large +10 +0 +10  ok/);
    await sell(7);
    await t.shows('what was sold', /\* Ciabatta 面包 +large +10 +7 +3  low/);
    assert.match(t.frame, /\x1b\[0;33mlow/);
    await t.shows('that it is not news any more', /^  Ciabatta/m);
    t.press('q');
    assert.deepEqual(await t.ended, { code: 0, restored: true });
    assert.ok(t.drawn.startsWith('\x1b[?1049h') && t.drawn.endsWith('\x1b[?1049l'));
});

await test('a killed server is told with words, and what was missed comes by itself', async () => {
    const t = new Terminal('rep1', 'inventory', { env: { NO_COLOR: '1' } });
    await t.shows('the stock', /^Live[\s\S]*Ciabatta 面包 +large +10 +7 +3  low/m);
    await server.stop('SIGKILL');
    await t.shows('that it is gone', /^(Offline|Connecting)  inventory .*(try|again in)/m);
    assert.match(t.line('Ciabatta'), /3 {2}low/);
    server = await serve(bakery.data, new URL(url).host);
    await sell(1);
    t.press('r');
    await t.shows('the change', /^Live[\s\S]*Ciabatta 面包 +large +10 +8 +2  low/m);
    assert.ok(!/\x1b\[[0-9;]*m/.test(t.drawn.replaceAll('\x1b[0m\x1b[?25h', '')), 'no colours');
    t.order('signal SIGTERM');
    assert.deepEqual(await t.ended, { code: 0, restored: true });
}, 60);

await test('any table fits the terminal, whatever its size, and says what has no room', async () => {
    const evil = { ...bread, id: randomUUID(), name: 'Roll \x1b[2J\x07\u009b31m', size: 'small' };
    await rest('POST', 'bread_types', evil);
    const t = new Terminal('owner', 'bread_types', { size: [100, 8] });
    await t.shows('the rows', /… \d+ more/);
    assert.ok(!t.drawn.includes('\x07') && !t.drawn.includes('\u009b') && t.drawn.split('\x1b[2J').length === 2);
    t.order('size 40 30');
    await t.shows('the other size', /r: connect now/);
    await until('lines that are short', () => t.lines.length === 30 && t.lines.every((line) => [...line].length <= 40), 40);
    assert.ok(!t.lines.some((line) => /more$/.test(line)));
    t.press('q');
    assert.equal((await t.ended).restored, true);
});

await test('the reports have sums, and are not for a sales rep', async () => {
    const t = new Terminal('owner', 'reports', { size: [110, 40] });
    await t.shows('the sums', /all +all +\d+ +\d+ +\d+ +\d+ +\d+\.\d\d +\d+\.\d\d/);
    assert.match(t.line('Ciabatta'), / 10 +8 +0 +2 +0\.00 +20\.00$/);
    t.press('q');
    await t.ended;
    const denied = new Terminal('rep1', 'reports');
    await denied.shows('the refusal', /^Failed  reports /m);
    denied.press('q');
    assert.equal((await denied.ended).code, 0);
});

await test('a dumb terminal, and --json, have lines; Ctrl-backslash ends it, and a filter is for a table', async () => {
    const t = new Terminal('rep1', 'inventory');
    await t.shows('the stock', /^Live/m);
    t.press('\x1c');
    assert.deepEqual(await t.ended, { code: 0, restored: true }, 'Ctrl-\\ leaves the terminal as it was');
    const wrong = new Terminal('rep1', 'inventory', { options: ['--filter', 'sold=gt.1'] });
    assert.equal((await wrong.ended).code, 2);
    for (const how of [{ env: { TERM: 'dumb' } }, { options: ['--json'] }]) {
        const t = new Terminal('rep1', 'inventory', how);
        await until('lines of both tables', () => /"table":"stock"/.test(t.drawn) && /"table":"bread_types"/.test(t.drawn), 40);
        assert.ok(!t.drawn.includes('\x1b'));
        t.order('signal SIGINT');
        assert.deepEqual(await t.ended, { code: 0, restored: true });
    }
});

await server.stop();
bakery.remove();
process.exit(finish());
