// The live half: who hears of which change.  Staff and the service role listen with supabase-js; anon and the
// disabled on a bare socket, beside a channel of the service role on the same socket: what that has heard of has
// been decided for its neighbour, so silence is proven without waiting.
import { createClient } from '@supabase/supabase-js';
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

import { assert, until } from '../support/harness.mjs';
import { liveTables, may } from './matrix-table.mjs';

const all = liveTables.map((table) => ({ event: '*', schema: 'public', table }));
const keyOf = (row) => row.id ?? row.bread_type_id;

class Heard {
    #events = [];
    put(type, table, row) {
        this.#events.push(`${type} ${table} ${keyOf(row)}`);
    }
    types(table, key) {
        return this.#events.filter((event) => event.endsWith(` ${table} ${key}`)).map((event) => event.split(' ')[0]);
    }
}

async function viaSdk(world, actor) {
    const listener = { heard: new Heard(), status: '' };
    const client = createClient(world.url, world.keys.anon, {
        auth: { autoRefreshToken: false, persistSession: false, storageKey: randomUUID() },
        realtime: { transport: WebSocket },
    });
    await client.realtime.setAuth(actor.token);
    const channel = client.channel(`matrix ${actor.name}`);
    for (const binding of all)
        channel.on('postgres_changes', binding, ({ eventType, table, new: row, old }) =>
            listener.heard.put(eventType, table, eventType === 'DELETE' ? old : row),
        );
    channel.subscribe((status) => (listener.status = status));
    await until(`${actor.name} subscribed`, () => listener.status === 'SUBSCRIBED');
    listener.close = () => client.realtime.disconnect();
    return listener;
}

// A socket with two channels: the actor's, whether it is let in or not, and the witness's.
async function viaSocket(world, actor) {
    const socket = new WebSocket(`${world.url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${world.keys.anon}&vsn=2.0.0`);
    const listener = { heard: new Heard(), witness: new Heard(), close: () => socket.close() };
    socket.on('message', (text) => {
        const [, ref, topic, event, payload] = JSON.parse(text);
        if (event === 'phx_reply' && ref === '1') listener.reply = payload.status;
        if (event === 'phx_reply' && ref === '2') listener.witnessReply = payload.status;
        if (event !== 'postgres_changes') return;
        const { type, table, record, old_record: old } = payload.data;
        (topic === 'realtime:witness' ? listener.witness : listener.heard).put(type, table, type === 'DELETE' ? old : record);
    });
    await new Promise((done, fail) => socket.once('open', done).once('error', fail));
    const join = (ref, topic, token) =>
        socket.send(JSON.stringify([ref, ref, topic, 'phx_join', { config: { postgres_changes: all }, access_token: token }]));
    join('1', 'realtime:matrix', actor.token);
    join('2', 'realtime:witness', world.keys.service_role);
    await until(`${actor.name} is answered`, () => listener.reply && listener.witnessReply);
    assert.equal(listener.witnessReply, 'ok');
    return listener;
}

// Makes, changes and removes one row; which one, and its facts for each actor.
async function entry(world, table, author) {
    const row = world.entry(table, author, world.now.shift);
    const isOwn = (actor) => (actor.id === author ? ['own'] : []);
    await world.rule('POST', table, row);
    await world.rule('PATCH', `${table}?id=eq.${row.id}`, table === 'shift_feedback' ? { note: 'Changed' } : { quantity: 3 });
    await world.rule('DELETE', `${table}?id=eq.${row.id}`);
    return { table, key: row.id, factsOf: isOwn, whose: 'other' };
}

async function person(world, role) {
    const id = await world.makePerson([role]);
    await world.rule('PATCH', `users?id=eq.${id}`, { name: 'Changed' });
    await world.rule('DELETE', `users?id=eq.${id}`);
    return { table: 'users', key: id, factsOf: () => [role], whose: role };
}

// A bread's life is that of its stock and its totals too.
async function bread(world) {
    const id = await world.makeBread();
    const batch = { ...world.entry('production_logs', world.other.id, world.now.shift), bread_type_id: id };
    await world.rule('POST', 'production_logs', batch);
    await world.rule('PATCH', `production_logs?id=eq.${batch.id}`, { quantity: 5 });
    await world.rule('PATCH', `bread_types?id=eq.${id}`, { unit_price: 7 });
    await world.rule('DELETE', `production_logs?id=eq.${batch.id}`);
    await world.rule('DELETE', `bread_types?id=eq.${id}`);
    return ['bread_types', 'stock', 'shift_totals'].map((table) => ({ table, key: id, factsOf: () => [], whose: 'any' }));
}

const verbs = ['INSERT', 'UPDATE', 'DELETE'];

function cell(actor, listener, { table, key, factsOf, whose, times = 1, only = verbs }, type) {
    if (!only.includes(type)) return null;
    const facts = factsOf(actor);
    const count = listener.heard.types(table, key).filter((heard) => heard === type).length;
    const isDerived = table === 'stock' || table === 'shift_totals';
    const isRight = may(actor, table, 'see', facts) ? (isDerived ? count > 0 : count === times) : count === 0;
    const words = `${actor.name} ${table} live ${type} of ${facts.includes('own') ? 'own' : whose}`;
    return { words, run: () => (isRight ? null : `was told ${count} times`) };
}

// What the channel of a disabled person heard after the end, and whether they were let in again.
function endCells(actor, table, before, after, changes) {
    const heard = changes.flatMap(({ key }) => before.heard.types(table, key)).length;
    const words = `${actor.name} ${table} live`;
    return [
        { words: `${words} on the ended channel`, run: () => (heard === 0 ? null : `was told ${heard} times`) },
        { words: `${words} joins again`, run: () => (after.reply === 'error' ? null : 'was let in') },
    ];
}

// Listens with everybody, has the disabled disabled, makes all changes: actor -> table -> cells.
export async function liveCells(world) {
    const listeners = new Map();
    for (const actor of world.actors)
        listeners.set(actor, actor.kind === 'anon' ? await viaSocket(world, actor) : await viaSdk(world, actor));
    const ended = new Map([...listeners].filter(([actor]) => actor.name.startsWith('disabled')));
    await world.disable();
    for (const [actor, listener] of ended) {
        await until(`the channel of ${actor.name} ended`, () => listener.status !== 'SUBSCRIBED');
        listeners.set(actor, await viaSocket(world, actor));
    }
    const authors = [world.other, ...world.actors.filter(({ id }) => id)].map(({ id }) => id);
    const changes = await bread(world);
    for (const table of ['production_logs', 'sales_logs', 'shift_feedback'])
        for (const author of authors) changes.push(await entry(world, table, author));
    for (const role of ['owner', 'manager', 'sales_rep']) changes.push(await person(world, role));
    for (const actor of world.actors.filter(({ id }) => id)) {
        await world.rule('PATCH', `users?id=eq.${actor.id}`, { name: `Changed ${actor.name}` });
        // A disabled person was deactivated before: two changes.
        const factsOf = ({ id }) => (id === actor.id ? ['own', actor.role] : [actor.role]);
        const times = actor.kind === 'disabled' ? 2 : 1;
        changes.push({ table: 'users', key: actor.id, factsOf, whose: actor.name, only: ['UPDATE'], times });
    }
    const last = await world.makeBread();
    for (const [actor, listener] of listeners) {
        const heard = listener.witness ?? listener.heard;
        await until(`${actor.name} is up to date`, () => heard.types('bread_types', last).length === 1);
    }
    for (const [actor, listener] of ended)
        assert.notEqual(listener.status, 'SUBSCRIBED', `${actor.name} is subscribed again`);
    const cells = new Map(world.actors.map((actor) => [actor, {}]));
    for (const [actor, byTable] of cells)
        for (const table of liveTables) {
            const ofTable = changes.filter((change) => change.table === table);
            const listener = listeners.get(actor);
            byTable[table] = verbs.flatMap((type) => ofTable.map((change) => cell(actor, listener, change, type))).filter(Boolean);
            if (ended.has(actor)) byTable[table].push(...endCells(actor, table, ended.get(actor), listener, ofTable));
        }
    for (const listener of [...listeners.values(), ...ended.values()]) listener.close();
    return cells;
}
