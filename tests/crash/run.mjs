// kill -9 under concurrent writes, again and again: nothing acknowledged is lost or doubled, the log is dense, and
// stock equals a recount.  Usage: node tests/crash/run.mjs [ROUNDS] [SEED]
import http from 'node:http';
import { randomUUID } from 'node:crypto';

import { assert, finish, test, until } from '../support/harness.mjs';
import { homebake, keys, makeBakery, serve } from '../support/server.mjs';

const rounds = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 1e9);
const WRITERS = 16;

// mulberry32: the same seed gives the same rounds, as far as the machine's timing allows.
let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const bakery = makeBakery();
const service = keys(bakery.data).service_role;
const agent = new http.Agent({ keepAlive: true, maxSockets: WRITERS * 2 });

function call(url, method, path, body) {
    return new Promise((done, fail) => {
        const request = http.request(url + path, {
            method,
            agent,
            headers: {
                apikey: service,
                authorization: `Bearer ${service}`,
                'content-type': 'application/json',
            },
        });
        request.on('error', fail);
        request.on('response', (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (piece) => (text += piece));
            response.on('end', () => done({ status: response.statusCode, text }));
            response.on('error', fail);
            response.on('aborted', () => fail(new Error('aborted')));
        });
        request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

// What each row must be: a quantity, or null when it was deleted; `maybe` lists what an unanswered write may have left.
const rows = new Map();

async function writer(url, shared, breads) {
    const mine = [];
    while (!shared.over) {
        const dice = random();
        const quantity = 1 + Math.floor(random() * 9);
        const id = mine.length > 0 && dice < 0.4 ? mine[Math.floor(random() * mine.length)] : randomUUID();
        const row = rows.get(id) ?? { now: undefined, maybe: [] };
        rows.set(id, row);
        let request, next;
        if (row.now === undefined) {
            request = call(url, 'POST', '/rest/v1/sales_logs', {
                id, quantity, bread_type_id: breads[Math.floor(random() * breads.length)].id, recorded_by: shared.person,
            });
            next = quantity;
            mine.push(id);
        } else if (dice < 0.3) {
            request = call(url, 'PATCH', `/rest/v1/sales_logs?id=eq.${id}`, { quantity });
            next = row.now === null ? null : quantity;
        } else {
            request = call(url, 'DELETE', `/rest/v1/sales_logs?id=eq.${id}`);
            next = null;
        }
        row.maybe.push(next);
        try {
            const { status, text } = await request;
            if (status === 503) row.maybe.pop();
            else {
                assert.ok(status === 201 || status === 204, `${status} ${text}`);
                row.now = next;
                row.maybe = [];
                shared.acknowledged++;
            }
        } catch (error) {
            if (error.code === 'ERR_ASSERTION') throw error;
            return; /* the server is gone: nobody knows, the next round looks */
        }
    }
}

// After the restart: every row is as acknowledged, or as an unanswered write would have left it.
async function check(url) {
    const { status, text } = await call(url, 'GET', '/rest/v1/sales_logs?select=id,quantity&limit=1000000');
    assert.equal(status, 200, text);
    const found = new Map();
    for (const { id, quantity } of JSON.parse(text)) {
        assert.ok(!found.has(id), `row ${id} is there twice`);
        found.set(id, quantity);
    }
    for (const [id, row] of rows) {
        const is = found.get(id) ?? (row.now === undefined ? undefined : null);
        const was = row.now;
        assert.ok(
            is === was || row.maybe.includes(is ?? null),
            `row ${id} is ${is}, acknowledged was ${was}, unanswered ${JSON.stringify(row.maybe)}`,
        );
        if (is === undefined) rows.delete(id);
        else Object.assign(row, { now: is, maybe: [] });
    }
}

let acknowledged = 0;
await test(`${rounds} rounds of kill -9 under ${WRITERS} writers lose nothing (seed ${seed})`, async () => {
    let server = await serve(bakery.data);
    const breads = JSON.parse((await call(server.url, 'GET', '/rest/v1/bread_types?select=id')).text);
    const [{ id: person }] = JSON.parse((await call(server.url, 'GET', '/rest/v1/users?select=id&role=eq.owner')).text);
    for (let round = 1; round <= rounds; round++) {
        const shared = { over: false, acknowledged: 0, person };
        const writers = Array.from({ length: WRITERS }, () => writer(server.url, shared, breads));
        await new Promise((go) => setTimeout(go, 20 + random() * 180));
        await until('an answered write', () => shared.acknowledged > 0);
        await server.stop('SIGKILL');
        shared.over = true;
        await Promise.all(writers);
        acknowledged += shared.acknowledged;
        homebake('verify', '--data', bakery.data);
        server = await serve(bakery.data);
        await check(server.url);
        if (round % 20 === 0) console.log(`# ${round} rounds, ${acknowledged} acknowledged writes, ${rows.size} rows`);
    }
    await server.stop();
}, 20 + rounds * 3);
agent.destroy();
bakery.remove();
process.exit(finish());
