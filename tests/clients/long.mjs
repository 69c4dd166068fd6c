// What takes a while: many channels on one socket, a restarted server under them, and a new token on the way.
import * as current from '@supabase/supabase-js';
import * as old from 'supabase-js-2.50';
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const bakery = makeBakery();
let server = await serve(bakery.data);
const { url } = server;
const { anon } = keys(bakery.data);

async function signIn(createClient, who) {
    const client = createClient(url, anon, {
        auth: { autoRefreshToken: false, persistSession: false, storageKey: randomUUID() },
        realtime: { transport: WebSocket },
    });
    const { data, error } = await client.auth.signInWithPassword(bakery.people[who]);
    assert.equal(error, null);
    await client.realtime.setAuth(data.session.access_token);
    return client;
}

// `count` channels on the client's one socket, all subscribed; each counts its sales by id.
async function open(client, count) {
    const channels = Array.from({ length: count }, (_, i) => {
        const state = { status: '', joined: 0, heard: [] };
        state.channel = client.channel(`long ${i}`);
        state.channel
            .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'sales_logs' }, ({ new: row }) => state.heard.push(row.id))
            .subscribe((status) => {
                state.status = status;
                if (status === 'SUBSCRIBED') state.joined++;
            });
        return state;
    });
    await allSubscribed(channels);
    return channels;
}

const allSubscribed = (channels) =>
    until('every channel is subscribed', () => channels.every(({ status }) => status === 'SUBSCRIBED'), 30);

// Sells, and has every channel hear of all sales exactly once, in order.
async function sellAndHear(client, channels, count) {
    const { data: breads } = await client.from('bread_types').select('id').limit(1);
    const ids = Array.from({ length: count }, () => randomUUID());
    for (const channel of channels) channel.heard.length = 0;
    for (const id of ids) {
        const { error } = await client.from('sales_logs').insert({ id, bread_type_id: breads[0].id, quantity: 1 });
        assert.equal(error, null, JSON.stringify(error));
    }
    const last = ids.at(-1);
    await until('every channel heard the last sale', () => channels.every(({ heard }) => heard.includes(last)), 30);
    for (const { heard } of channels) assert.deepEqual(heard, ids);
}

for (const [label, { createClient }] of [['supabase-js 2.119', current], ['supabase-js 2.50', old]]) {
    await test(`${label}: 1,000 channels on one socket hear every sale once`, async () => {
        const client = await signIn(createClient, 'rep1');
        await sellAndHear(client, await open(client, 1000), 3);
        client.realtime.disconnect();
    });

    await test(`${label}: a new token while subscribed keeps the channels, and none joins again`, async () => {
        const client = await signIn(createClient, 'manager');
        const channels = await open(client, 20);
        await sellAndHear(client, channels, 2);
        const { data, error } = await client.auth.refreshSession();
        assert.equal(error, null);
        await client.realtime.setAuth(data.session.access_token);
        await sellAndHear(client, channels, 2);
        for (const { status, joined } of channels) assert.deepEqual([status, joined], ['SUBSCRIBED', 1]);
        client.realtime.disconnect();
    });
}

await test('supabase-js 2.119: 200 channels on one socket come back after a restart, and hear each sale once', async () => {
    const client = await signIn(current.createClient, 'rep1');
    const channels = await open(client, 200);
    await sellAndHear(client, channels, 2);
    await server.stop();
    await until('the client noticed', () => channels.every(({ status }) => status !== 'SUBSCRIBED'));
    server = await serve(bakery.data, new URL(url).host);
    await allSubscribed(channels);
    await sellAndHear(client, channels, 5);
    client.realtime.disconnect();
}, 90);

await server.stop();
bakery.remove();
process.exit(finish());
