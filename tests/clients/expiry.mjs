// Tokens that live for ten seconds, and the minute of grace: a client that renews its token keeps its channels, one
// that does not is told, and comes back when it does.
import * as current from '@supabase/supabase-js';
import * as old from 'supabase-js-2.50';
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const bakery = makeBakery();
const server = await serve(bakery.data, '127.0.0.1:0', '--limit', 'token-life=10');
const { url } = server;
const { anon } = keys(bakery.data);
const renewEveryMs = 15000;

async function grant(type, body) {
    const answer = await fetch(`${url}/auth/v1/token?grant_type=${type}`, {
        method: 'POST',
        headers: { apikey: anon, 'content-type': 'application/json' },
        body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200);
    return answer.json();
}

// A client whose token changes when it is told to renew it, and a private channel of it.
async function open(createClient, topic) {
    let session = await grant('password', bakery.people.rep1);
    const client = createClient(url, anon, {
        accessToken: async () => session.access_token,
        realtime: { transport: WebSocket },
    });
    await client.realtime.setAuth();
    const one = { client, statuses: [], heard: [], told: [] };
    one.renew = async () => {
        session = await grant('refresh_token', { refresh_token: session.refresh_token });
        await client.realtime.setAuth();
    };
    client
        .channel(topic, { config: { private: true } })
        .on('broadcast', { event: '*' }, ({ payload }) => one.heard.push(payload.word))
        .on('system', {}, ({ message }) => one.told.push(message))
        .subscribe((status) => one.statuses.push(status));
    await until('subscribed', () => one.statuses.length > 0);
    assert.deepEqual(one.statuses, ['SUBSCRIBED']);
    return one;
}

async function say(topic, word) {
    const { service_role: key } = keys(bakery.data);
    const answer = await fetch(`${url}/realtime/v1/api/broadcast/${topic}/events/said?private=true`, {
        method: 'POST',
        headers: { apikey: key, 'content-type': 'application/json' },
        body: JSON.stringify({ word }),
    });
    assert.equal(answer.status, 202);
}

async function outlives(createClient) {
    const topic = randomUUID();
    const careful = await open(createClient, topic);
    const careless = await open(createClient, topic);
    const faults = [];
    const timer = setInterval(() => careful.renew().catch((error) => faults.push(error)), renewEveryMs);
    try {
        await until('the careless one is told', () => careless.told.length > 0, 100);
        assert.match(careless.told[0], /^Token has expired \d+ seconds ago$/);
        await until('its channel has failed', () => careless.statuses.includes('CHANNEL_ERROR'));
        await say(topic, 'for the careful');
        await until('the careful one hears', () => careful.heard.length === 1);
        assert.deepEqual([careful.statuses, careful.told, careless.heard], [['SUBSCRIBED'], [], []]);
        await careless.renew();
        await until('it is back', () => careless.statuses.at(-1) === 'SUBSCRIBED', 30);
        await say(topic, 'for both');
        await until('both hear', () => careless.heard.length === 1 && careful.heard.length === 2);
        assert.deepEqual(faults, []);
    } finally {
        clearInterval(timer);
        for (const { client } of [careful, careless]) client.realtime.disconnect();
    }
}

const clients = { 'supabase-js 2.119': current, 'supabase-js 2.50': old };
await Promise.all(
    Object.entries(clients).map(([label, { createClient }]) =>
        test(`${label}: a channel outlives its token while the client has a fresh one`, () => outlives(createClient), 200),
    ),
);
await server.stop();
bakery.remove();
process.exit(finish());
