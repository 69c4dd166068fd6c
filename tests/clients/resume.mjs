// A subscription is a cursor: readers that are cut off anywhere, again and again, that do not read for a while, and whose
// server is killed under them, end with exactly the rows and the order that were committed.  The window in memory is tiny,
// so that most of it comes out of the store.  Usage: node tests/clients/resume.mjs [SECONDS]
import { randomUUID } from 'node:crypto';

import { caller, live, pause } from '../hostile/wire.mjs';
import { assert, finish, test, until } from '../support/harness.mjs';
import { homebake, keys, makeBakery, serve } from '../support/server.mjs';

const SECONDS = Number(process.argv[2] ?? 6);
const TINY = ['--limit', 'log-window=40', '--limit', 'log-restore=10'];
const ALL = [{ event: '*', schema: 'public' }];
// Two messages for each change of a sale.
const TWICE = [{ event: '*', schema: 'public', table: 'sales_logs', select: ['quantity'] }, ...ALL];

const bakery = makeBakery();
const { anon, service_role: service } = keys(bakery.data);
const random = (n) => Math.floor(Math.random() * n);

let server = await serve(bakery.data, '127.0.0.1:0', ...TINY);
const { url } = server;
const call = caller(url, anon);

async function token(who) {
    const { status, body, text } = await call('POST', '/auth/v1/token?grant_type=password', { body: bakery.people[who] });
    assert.equal(status, 200, text);
    return body.access_token;
}

// Tries until the server is there to answer.
async function patiently(request) {
    return until('an answer', () => request().catch(() => pause(20)), 30);
}

// What REST shows of the sales, and the cursor it is true for.
async function snapshot(access) {
    const { status, body, headers, text } = await patiently(() =>
        call('GET', '/rest/v1/sales_logs?select=*&limit=1000000', { token: access }),
    );
    assert.equal(status, 200, text);
    const cursor = { epoch: headers.get('homebake-epoch'), seq: Number(headers.get('homebake-seq')) };
    return { rows: new Map(body.map((row) => [row.id, row])), cursor };
}

const brief = ({ seq, type, table, record, old_record }) => `${seq} ${type} ${table} ${(record ?? old_record).id ?? ''}`;

class Reader {
    constructor(access) {
        Object.assign(this, { access, cursor: null, rows: null, heard: [], snapshots: 0, joins: 0, isOver: false });
    }

    bindings = ALL;

    has(goal) {
        return this.cursor?.seq >= goal;
    }

    mayBeCut() {
        return false;
    }

    apply(data) {
        assert.ok(data.seq > this.cursor.seq, `seq ${data.seq} after ${this.cursor.seq}`);
        this.take(data);
    }

    take(data) {
        const { seq, table, type, record, old_record } = data;
        this.cursor.seq = seq;
        this.heard.push(brief(data));
        if (table !== 'sales_logs') return;
        if (type === 'DELETE') this.rows.delete(old_record.id);
        else this.rows.set(record.id, record);
    }

    // One connection, until it is cut, ends, or has brought everything up to `goal`.
    async connect(life, goal) {
        if (!this.cursor) {
            const { rows, cursor } = await snapshot(this.access);
            Object.assign(this, { rows, cursor, heard: [], since: cursor.seq, snapshots: this.snapshots + 1 });
            if (random(2)) await pause(random(30)); // what is committed now must not be missed
        }
        const peer = await live(url, anon);
        let isJoined = false;
        let at = 0;
        const asked = { ...this.cursor };
        const ref = peer.join('realtime:all', this.access, this.bindings, { resume: asked });
        const end = Date.now() + life;
        try {
            while (!peer.isClosed && Date.now() < end && !(goal && isJoined && this.has(goal))) {
                for (; at < peer.messages.length; at++) {
                    if (this.mayBeCut()) return;
                    const m = peer.messages[at];
                    if (m.event === 'phx_reply' && m.ref === ref) {
                        assert.equal(m.payload.status, 'ok', JSON.stringify(m));
                        const { resume, postgres_changes: bindings } = m.payload.response;
                        const { epoch, seq, replayed } = resume;
                        this.ids = bindings.map((b) => b.id);
                        assert.equal(epoch, asked.epoch);
                        assert.ok(seq >= asked.seq);
                        assert.equal(replayed, true);
                        isJoined = true;
                        this.joins++;
                    } else if (m.event === 'postgres_changes') {
                        assert.ok(isJoined);
                        this.apply(m.payload.data, m.payload.ids);
                    } else {
                        assert.notEqual(m.event, 'phx_error', JSON.stringify(m));
                    }
                }
                peer.messages.splice(0, at);
                at = 0;
                if (this.isSleepy && random(20) === 0) {
                    peer.socket.pause();
                    await pause(random(400));
                    peer.socket.resume();
                }
                await pause(1);
            }
        } finally {
            peer.socket.destroy();
        }
    }

    // Cut off after so many milliseconds at most, again and again.
    async run(lifeMax) {
        while (!this.isOver) await this.connect(random(lifeMax), 0).catch(offline);
    }
}

// One whose bindings select differently, cut off between the messages of one change too.
class SelectingReader extends Reader {
    narrow = [];

    bindings = TWICE;

    isWhole = true;

    has(goal) {
        return super.has(goal) && this.isWhole;
    }

    mayBeCut() {
        return random(40) === 0;
    }

    apply(data, ids) {
        const [id] = ids;
        const isRest = !this.isWhole;
        assert.equal(ids.length, 1);
        if (isRest) assert.ok(data.seq === this.cursor.seq && !this.cursor.ids.includes(id), `${data.seq} in the middle of ${this.cursor.seq}`);
        else assert.ok(data.seq > this.cursor.seq, `seq ${data.seq} after ${this.cursor.seq}`);
        if (id === this.ids[1]) this.take(data);
        else this.takeNarrow(data);
        this.isWhole = isRest || data.table !== 'sales_logs';
        this.cursor.ids = isRest ? [...this.cursor.ids, id] : ids;
    }

    takeNarrow(data) {
        assert.deepEqual(Object.keys(data.record ?? data.old_record).sort(), ['id', 'quantity']);
        this.cursor.seq = data.seq;
        this.narrow.push(brief(data));
    }
}

// The server is away; anything else is a failure.
async function offline(error) {
    if (error.code === 'ERR_ASSERTION') throw error;
    await pause(10);
}

async function writer(shared, breads, person) {
    const mine = [];
    while (!shared.over) {
        const dice = random(10);
        const id = mine.length && dice < 5 ? mine[random(mine.length)] : randomUUID();
        const quantity = 1 + random(9);
        const path = `/rest/v1/sales_logs${dice < 5 && mine.length ? `?id=eq.${id}` : ''}`;
        const body = path.includes('?')
            ? { quantity }
            : { id, quantity, bread_type_id: breads[random(breads.length)].id, recorded_by: person };
        const method = path.includes('?') ? (dice < 2 ? 'DELETE' : 'PATCH') : 'POST';
        if (method === 'POST') mine.push(id);
        await call(method, path, { token: service, body: method === 'DELETE' ? undefined : body }).then(
            () => shared.writes++,
            () => pause(10),
        );
    }
}

async function head() {
    return Number((await patiently(() => call('GET', '/rest/v1/users?select=id&limit=1', { token: service }))).headers.get('homebake-seq'));
}

// Everything that was committed behind `seq`, read from the log in one go.
async function committed(access, seq, goal) {
    const reader = new Reader(access);
    const { cursor } = await snapshot(access);
    Object.assign(reader, { cursor: { ...cursor, seq }, rows: new Map() });
    await reader.connect(30000, goal);
    return reader.heard;
}

await test(`readers cut off anywhere end with the rows and the order that were committed (${SECONDS} s)`, async () => {
    const access = await token('owner');
    const { body: breads } = await call('GET', '/rest/v1/bread_types?select=id', { token: service });
    const [{ id: person }] = (await call('GET', '/rest/v1/users?select=id&role=eq.owner', { token: service })).body;
    const readers = Array.from({ length: 10 }, (_, i) => new (i < 7 ? Reader : SelectingReader)(access));
    readers.slice(0, 3).forEach((reader) => (reader.isSleepy = true));
    const shared = { over: false, writes: 0 };
    const tasks = [
        ...Array.from({ length: 6 }, () => writer(shared, breads, person)),
        ...readers.map((reader, i) => reader.run([40, 150, 2000][i % 3])),
    ];
    let failure = null;
    const all = Promise.all(tasks).catch((error) => (failure = error));
    const end = Date.now() + SECONDS * 1000;
    let kills = 0;
    while (Date.now() < end && !failure) {
        await pause(700 + random(600));
        await server.stop('SIGKILL');
        server = await serve(bakery.data, new URL(url).host, ...TINY);
        kills++;
    }
    await pause(300);
    shared.over = true;
    readers.forEach((reader) => (reader.isOver = true));
    await all;
    assert.ifError(failure);
    const goal = await head();
    for (const reader of readers) {
        for (let i = 0; i < 200 && !reader.has(goal); i++) await reader.connect(10000, goal).catch(offline);
        assert.equal(reader.snapshots, 1);
    }
    const since = Math.min(...readers.map((reader) => reader.since));
    const log = await committed(access, since, goal);
    const truth = await snapshot(access);
    for (const reader of readers) {
        assert.deepEqual(reader.heard, log.filter((line) => Number(line.split(' ')[0]) > reader.since));
        assert.deepEqual(Object.fromEntries(reader.rows), Object.fromEntries(truth.rows));
        if (reader.narrow) assert.deepEqual(reader.narrow, reader.heard.filter((line) => line.split(' ')[2] === 'sales_logs'));
    }
    const joins = readers.reduce((sum, reader) => sum + reader.joins, 0);
    console.log(`# ${shared.writes} writes, ${log.length} changes, ${kills} kills, ${joins} joins`);
    assert.ok(joins > readers.length && log.length > 100 && kills > 0);
    homebake('verify', '--data', bakery.data);
}, SECONDS + 60);

await test('the whole log is replayed out of the store, and its pages are read once for many', async () => {
    const access = await token('owner'); // who sees everything, the last change too
    const goal = await head();
    const lists = await Promise.all(Array.from({ length: 20 }, () => committed(access, 0, goal)));
    for (const list of lists) assert.deepEqual(list, lists[0]);
    assert.ok(lists[0].length > 100);
    const metrics = (await call('GET', '/metrics')).text;
    const number = (name) => Number(metrics.match(new RegExp(`^homebake_${name} (\\d+)$`, 'm'))[1]);
    const pages = Math.ceil(goal / 512) + 1;
    assert.ok(number('live_fetches_total') > 0);
    assert.ok(number('live_fetches_total') <= 4 * pages * number('shards'), metrics);
    assert.equal(number('live_lost_total'), 0);
});

await test('a channel that coalesces is told of a row in steps that join, by each selection, down to the last state', async () => {
    const { body: breads } = await call('GET', '/rest/v1/bread_types?select=id&limit=1', { token: service });
    const [{ id: person }] = (await call('GET', '/rest/v1/users?select=id&role=eq.owner', { token: service })).body;
    const id = randomUUID();
    const peer = await live(url, anon);
    const ref = peer.join('realtime:slowly', service, TWICE, { coalesce_ms: 150 });
    const { response } = (await until('the reply', () => peer.reply(ref))).payload;
    assert.equal(response.coalesce_ms, 150);
    const body = { id, quantity: 1, bread_type_id: breads[0].id, recorded_by: person };
    assert.equal((await call('POST', '/rest/v1/sales_logs', { token: service, body })).status, 201);
    const LAST = 120;
    const start = Date.now();
    for (let quantity = 2; quantity <= LAST; quantity++) {
        assert.equal((await call('PATCH', `/rest/v1/sales_logs?id=eq.${id}`, { token: service, body: { quantity } })).status, 204);
    }
    const told = (binding) =>
        peer.messages
            .filter((m) => m.event === 'postgres_changes' && m.payload.ids.includes(binding.id))
            .map((m) => m.payload.data)
            .filter((data) => data.record.id === id);
    for (const binding of response.postgres_changes) {
        const steps = await until('the last state', () => told(binding).at(-1)?.record.quantity === LAST && told(binding));
        const windows = Math.ceil((Date.now() - start) / 150);
        const early = (3 * LAST) / 40; // what leaves before its time, because the window of memory is that short
        assert.ok(steps.length > 1 && steps.length <= 1 + windows + early, `${steps.length} messages in ${windows} windows`);
        assert.equal(steps[0].type, 'INSERT');
        steps.slice(1).forEach((step, i) => {
            assert.equal(step.type, 'UPDATE');
            assert.deepEqual(step.old_record, steps[i].record);
            assert.ok(step.seq > steps[i].seq);
        });
    }
    peer.socket.destroy();
});

// The last word on a cursor: a join whose cursor the server cannot know yet may be accepted, and ended when the store does
// not know it either.
async function resumeOf(resume) {
    const peer = await live(url, anon);
    for (;;) {
        const ref = peer.join('realtime:all', service, ALL, { resume });
        const reply = await until('the reply', () => peer.reply(ref));
        const answer = reply.payload.response.resume;
        if (answer.replayed && answer.seq === resume.seq && answer.seq > (await head())) {
            await until('the end of the channel', () => peer.messages.some((m) => m.event === 'phx_error' && m.ref === ref));
            continue;
        }
        peer.socket.destroy();
        return answer;
    }
}

await test('a cursor that cannot be is answered with the present one', async () => {
    const seq = await head();
    const { epoch } = (await snapshot(service)).cursor;
    assert.deepEqual(await resumeOf({ epoch, seq }), { epoch, seq, replayed: true });
    assert.deepEqual(await resumeOf({ epoch, seq: 0 }), { epoch, seq, replayed: true });
    const impossible = [{ epoch, seq: seq + 1 }, { epoch, seq: 1e12 }, { epoch: randomUUID(), seq }, { epoch: epoch.replace(/\..*/, '.0123456789abcdef'), seq }, { epoch }, { seq }, 7, 'x'];
    for (const resume of impossible) assert.deepEqual(await resumeOf(resume), { epoch, seq, replayed: false });
    assert.deepEqual(await resumeOf({ epoch, seq: 1 }), { epoch, seq, replayed: true });
});

await test('a cursor older than the log is told to take a snapshot', async () => {
    await server.stop();
    server = await serve(bakery.data, new URL(url).host, ...TINY, '--limit', 'log-keep=60', '--limit', 'log-trim=20', '--limit', 'checkpoint-time=10ms');
    const { epoch, seq } = (await snapshot(service)).cursor;
    const { body: breads } = await call('GET', '/rest/v1/bread_types?select=id&limit=1', { token: service });
    const [{ id: person }] = (await call('GET', '/rest/v1/users?select=id&role=eq.owner', { token: service })).body;
    await until('the log was trimmed', async () => {
        const body = { quantity: 1, bread_type_id: breads[0].id, recorded_by: person };
        await call('POST', '/rest/v1/sales_logs', { token: service, body });
        return !(await resumeOf({ epoch, seq: 1 })).replayed;
    }, 30);
    const now = await resumeOf({ epoch, seq: 1 });
    assert.equal(now.replayed, false);
    assert.ok(now.seq > seq);
    assert.equal((await resumeOf({ epoch, seq: now.seq - 30 })).replayed, true);
});

await server.stop();
bakery.remove();
process.exit(finish());
