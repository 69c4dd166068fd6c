// The kitchen of docs/examples, and what happens in its bakery.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';

import { assert } from '../support/harness.mjs';
import { keys } from '../support/server.mjs';

// `lines` are what a program has printed so far, each of JSON; `ended` is its exit code, or the signal that ended it.
export function follow(child, stopBy) {
    const seen = { lines: [], errors: '' };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (piece) => {
        const parts = (rest + piece).split('\n');
        rest = parts.pop();
        seen.lines.push(...parts.map((line) => JSON.parse(line)));
    });
    child.stderr.setEncoding('utf8').on('data', (piece) => (seen.errors += piece));
    seen.ended = new Promise((done) => child.once('close', (code, signal) => done(code ?? signal)));
    seen.stop = () => (child.kill(stopBy), seen.ended);
    return seen;
}

export function startKitchen(program, url, { email, password }) {
    return follow(spawn(program, [url, email], { env: { ...process.env, HOMEBAKE_PASSWORD: password } }), 'SIGTERM');
}

// Ways to bake and to sell one bread, in quantities that tell one from the other.
export async function openBakery(data, firstUrl) {
    const { service_role: key } = keys(data);
    const headers = { apikey: key, authorization: `Bearer ${key}`, 'content-type': 'application/json', prefer: 'return=representation' };
    async function write(url, table, row) {
        const body = JSON.stringify({ id: randomUUID(), ...row });
        const answer = await fetch(`${url}/rest/v1/${table}`, { method: 'POST', headers, body });
        assert.equal(answer.status, 201, await answer.clone().text());
        return (await answer.json())[0];
    }
    const owner = await fetch(`${firstUrl}/rest/v1/users?role=eq.owner&select=id`, { headers });
    const [{ id: recorded_by }] = await owner.json();
    const bread = await write(firstUrl, 'bread_types', { name: 'Kitchen bread', unit_price: 900 });
    const entry = (quantity) => ({ bread_type_id: bread.id, quantity, shift: 'morning', recorded_by });
    return {
        bake: (url, quantity) => write(url, 'production_logs', entry(quantity)),
        sell: (url, quantity) => write(url, 'sales_logs', { ...entry(quantity), unit_price: 900 }),
        quantities: (seen) => seen.lines.filter((row) => row.bread_type_id === bread.id).map((row) => row.quantity),
    };
}

// A wire to `url`. It counts the sign-ins that pass; `refuse(grant, granted)` gives what is said to one in place of the
// server. `cuts`: after how many bytes from the server each WebSocket ends, one after the other; those behind do not.
export async function putWire(url, { refuse = () => undefined, cuts = [] }) {
    const { hostname, port } = new URL(url);
    const granted = { password: 0, refresh_token: 0 };
    const open = new Set();
    function pass(near, head, left = Infinity) {
        const far = connect(port, hostname).on('error', () => near.destroy());
        far.write(head);
        near.pipe(far);
        near.on('close', () => far.destroy());
        far.on('end', () => near.end()).on('data', (piece) => {
            near.write(piece.subarray(0, left));
            left -= piece.length;
            if (left <= 0) near.end(), far.destroy();
        });
    }
    const wire = createServer((near) => {
        open.add(near);
        near.on('error', () => {}).on('close', () => open.delete(near));
        near.once('data', (head) => {
            const text = head.toString('latin1');
            const [, grant] = text.match(/^POST \/auth\/v1\/token\?grant_type=(\w+)/) ?? [];
            const refusal = grant && refuse(grant, granted);
            if (refusal !== undefined) return near.end(refusal);
            if (grant) granted[grant]++;
            pass(near, head, text.includes('Upgrade: websocket') ? cuts.shift() : undefined);
        });
    });
    await new Promise((done) => wire.listen(0, '127.0.0.1', done));
    const close = () => (wire.close(), open.forEach((socket) => socket.destroy()));
    return { url: `http://127.0.0.1:${wire.address().port}`, granted, cuts, close };
}
