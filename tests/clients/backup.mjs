// A copy is made of a bakery that goes on selling; later the bakery goes back to it.  Whoever watched what was lost must
// not go on where it was: the same seqs mean other changes now.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';

import { caller, live, pause } from '../hostile/wire.mjs';
import { assert, finish, test, until } from '../support/harness.mjs';
import { homebake, keys, makeBakery, program, serve } from '../support/server.mjs';

const bakery = makeBakery();
const home = resolve(bakery.data, '..');
const { anon, service_role: service } = keys(bakery.data);
let server = await serve(bakery.data);
const { url } = server;
const call = caller(url, anon);
const run = promisify(execFile);

const { body: breads } = await call('GET', '/rest/v1/bread_types?select=id&limit=1', { token: service });
const { body: people } = await call('GET', '/rest/v1/users?select=id&role=eq.owner', { token: service });

async function sell() {
    const id = randomUUID();
    const body = { id, quantity: 1, bread_type_id: breads[0].id, recorded_by: people[0].id };
    const { status, text } = await call('POST', '/rest/v1/sales_logs', { token: service, body });
    assert.equal(status, 201, text);
    return id;
}

async function sellUntil(seq) {
    const sold = [];
    for (let at = 0; at < seq; at = (await sales()).seq) sold.push(await sell());
    return sold;
}

async function sales() {
    const { status, body, headers, text } = await call('GET', '/rest/v1/sales_logs?select=id&limit=100000', { token: access });
    assert.equal(status, 200, text);
    return { ids: new Set(body.map(({ id }) => id)), epoch: headers.get('homebake-epoch'), seq: Number(headers.get('homebake-seq')) };
}

// What a join with this cursor is answered.
async function resume(access, { epoch, seq }) {
    const peer = await live(url, anon);
    const ref = peer.join('realtime:all', access, [{ event: '*', schema: 'public' }], { resume: { epoch, seq } });
    const reply = await until('a reply', () => peer.messages.find((m) => m.event === 'phx_reply' && m.ref === ref));
    assert.equal(reply.payload.status, 'ok', JSON.stringify(reply));
    return { peer, told: reply.payload.response.resume };
}

async function serveFrom(folder) {
    assert.equal((await server.stop()).code, 0);
    renameSync(bakery.data, join(home, `lost-${randomUUID()}`));
    renameSync(folder, bakery.data);
    server = await serve(bakery.data, new URL(url).host);
}

const backUp = (from, to) => run(program, ['backup', '--data', from, '--to', to]);
const copies = join(home, 'copies');
let lost, kept;

const signIn = await call('POST', '/auth/v1/token?grant_type=password', { body: bakery.people.owner });
const access = signIn.body.access_token;

await test('a copy that is made while sales come in has all that was answered before, and nothing by halves', async () => {
    const before = [];
    for (let i = 0; i < 20; i++) before.push(await sell());
    let isOver = false;
    const selling = (async () => {
        while (!isOver) await sell();
    })();
    const { stdout } = await backUp(bakery.data, join(copies, 'first'));
    isOver = true;
    await selling;
    assert.match(stdout, /copies\/first holds .* up to change \d+; stock and shift totals equal a recount\n$/);
    assert.deepEqual(readdirSync(copies), ['first']);
    kept = Number(stdout.match(/change (\d+)/)[1]);
    homebake('verify', '--data', join(copies, 'first'));
    homebake('backup', '--data', join(copies, 'first'), '--to', join(copies, 'second'));
    lost = await sales();
    assert.ok(before.every((id) => lost.ids.has(id)));
    assert.ok(kept < lost.seq);
    lost.before = before;
});

await test('who watched what is lost is told to begin anew, though the seq is there again', async () => {
    const { peer } = await resume(access, lost);
    await serveFrom(join(copies, 'first'));
    await until('the end of the connection', () => peer.isClosed);
    const back = await sales();
    assert.equal(back.seq, kept);
    assert.ok(lost.before.every((id) => back.ids.has(id)));
    const sold = await sellUntil(lost.seq + 5);

    const { peer: again, told } = await resume(access, lost);
    assert.equal(told.replayed, false);
    assert.notEqual(told.epoch, lost.epoch);
    again.socket.destroy();
    const now = await sales();
    assert.ok(sold.every((id) => now.ids.has(id) && !lost.ids.has(id)));
    const { peer: fresh, told: resumed } = await resume(access, now);
    assert.equal(resumed.replayed, true);
    const next = await sell();
    await until('a sale', () => fresh.messages.some((m) => m.payload?.data?.record?.id === next));
    fresh.socket.destroy();
});

await test('the same copy again is another history again; a restart of it is not', async () => {
    const first = await sales();
    await serveFrom(join(copies, 'second'));
    await sellUntil(first.seq + 1);
    const { peer, told } = await resume(access, first);
    assert.equal(told.replayed, false);
    peer.socket.destroy();
    const cursor = await sales();
    await server.stop('SIGKILL');
    server = await serve(bakery.data, new URL(url).host);
    const { peer: after, told: same } = await resume(access, cursor);
    assert.deepEqual(same, { ...same, epoch: cursor.epoch, replayed: true });
    after.socket.destroy();
});

await test('a line that is followed goes over to what is true now, row by row', async () => {
    const file = join(home, 'password');
    writeFileSync(file, `${bakery.people.owner.password}\n`);
    homebake('backup', '--data', bakery.data, '--to', join(copies, 'third'));
    const child = execFile(program, ['watch', '--url', url, '--email', bakery.people.owner.email, '--password-file', file, '--json', 'sales_logs'], {
        maxBuffer: 1 << 26,
    });
    let text = '';
    child.stdout.on('data', (piece) => (text += piece));
    const lines = () => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
    const copy = () => {
        const rows = new Set();
        for (const { op, key } of lines()) {
            if (op === 'DELETE') rows.delete(key);
            else rows.add(key);
        }
        return rows;
    };
    try {
        const gone = await sell();
        await until('the sale', () => copy().has(gone));
        await serveFrom(join(copies, 'third'));
        const sold = await sell();
        await until('what is true now', () => copy().has(sold) && !copy().has(gone), 40);
        assert.deepEqual([...copy()].sort(), [...(await sales()).ids].sort());
    } finally {
        child.kill();
    }
});

await test('an interrupted copy leaves nothing', async () => {
    const to = join(copies, 'never');
    const child = execFile(program, ['backup', '--data', bakery.data, '--to', to]);
    const ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    await pause(5);
    child.kill('SIGINT');
    const { code, signal } = await ended;
    if (code === 0) return assert.ok(existsSync(to)); // it was quicker
    assert.ok(code === 1 || signal === 'SIGINT');
    assert.deepEqual(readdirSync(copies), []);
});

await server.stop();
bakery.remove();
process.exit(finish());
