// Private channels: who hears and says, what happens when a role is lost, stored broadcasts and their replay.
import { randomUUID } from 'node:crypto';

import { assert, test, until } from '../support/harness.mjs';
import { addPerson } from '../support/server.mjs';

export async function privateSuite(label, { owner, manager, rep, other, connect, url, data, keys }) {
    const on = (sentence, body, seconds) => test(`${label}: ${sentence}`, body, seconds);
    // Subscribes; `statuses` goes on being filled.
    const join = async (client, topic, broadcast = {}) => {
        const heard = [];
        const statuses = [];
        const channel = client.channel(topic, { config: { private: true, broadcast } });
        channel.on('broadcast', { event: '*' }, (message) => heard.push(message));
        let fault = null;
        channel.subscribe((status, error) => {
            statuses.push(status);
            fault ??= error;
        });
        await until(`${topic} is answered`, () => statuses.length > 0);
        return { channel, heard, statuses, fault: () => fault?.message ?? String(fault) };
    };
    const say = ({ channel }, payload, more = {}) => channel.send({ type: 'broadcast', event: 'said', payload, ...more });

    await on('private channels are ruled by the policies of messages', async () => {
        const name = randomUUID();
        const allowed = [
            [owner, `owner:${name}`],
            [owner, `keepers:${name}`],
            [manager, `keepers:${name}`],
            [rep, name],
        ];
        const denied = [
            [manager, `owner:${name}`],
            [rep, `owner:${name}`],
            [rep, `keepers:${name}`],
            [connect(), name],
        ];
        for (const [client, topic] of allowed) assert.deepEqual((await join(client, topic)).statuses, ['SUBSCRIBED'], topic);
        for (const [client, topic] of denied) {
            const { statuses, fault, channel } = await join(client, topic);
            assert.equal(statuses[0], 'CHANNEL_ERROR', topic);
            assert.match(fault(), /You do not have permissions to read from this Channel topic/);
            channel.unsubscribe();
        }
    });

    await on('private broadcasts reach the private members of their topic', async () => {
        const topic = randomUUID();
        const from = await join(owner, topic, { ack: true });
        const to = await join(rep, topic);
        const outside = other.channel(topic);
        const leaked = [];
        outside.on('broadcast', { event: '*' }, (message) => leaked.push(message));
        await new Promise((done) => outside.subscribe((status) => status === 'SUBSCRIBED' && done()));
        assert.equal(await say(from, { loaves: 40 }), 'ok');
        await until('the broadcast', () => to.heard.length === 1);
        assert.deepEqual(to.heard[0].payload, { loaves: 40 });
        assert.deepEqual(leaked, []);
    });

    await on('stored broadcasts are replayed, oldest first, to who joins later', async () => {
        const topic = randomUUID();
        const since = Date.now() - 60000;
        const from = await join(owner, topic, { ack: true, self: true });
        for (const loaf of [1, 2, 3]) assert.equal(await say(from, { loaf }, { persist: true }), 'ok');
        assert.equal(await say(from, { loaf: 'not kept' }), 'ok');
        assert.equal(await say(from, { loaf: 4 }, { persist: { ttl: 3600 } }), 'ok');
        await until('its own', () => from.heard.length === 5);
        const live = from.heard.filter(({ meta }) => meta);
        assert.deepEqual(live.map(({ payload }) => payload.loaf), [1, 2, 3, 4]);

        const all = await join(rep, topic, { replay: { since } });
        await until('the replay', () => all.heard.length === 4);
        assert.deepEqual(all.heard.map(({ payload }) => payload.loaf), [1, 2, 3, 4]);
        assert.deepEqual(all.heard.map(({ event }) => event), Array(4).fill('said'));
        assert.deepEqual(
            all.heard.map(({ meta }) => meta),
            live.map(({ meta }) => ({ replayed: true, id: meta.id })),
        );
        const last = await join(other, topic, { replay: { since, limit: 2 } });
        await until('the end of the replay', () => last.heard.length === 2);
        assert.deepEqual(last.heard.map(({ payload }) => payload.loaf), [3, 4]);
        assert.equal(await say(from, { loaf: 5 }, { persist: true }), 'ok');
        await until('what is new', () => all.heard.length === 5 && last.heard.length === 3);
        assert.equal(all.heard[4].meta.replayed, undefined);
    });

    await on('a script stores a broadcast over HTTP with the service key', async () => {
        const topic = `owner:${randomUUID()}`;
        const live = await join(owner, topic);
        const answer = await fetch(`${url}/realtime/v1/api/broadcast/${topic}/events/said?private=true&persist=true`, {
            method: 'POST',
            headers: { apikey: keys.service_role, 'content-type': 'application/json' },
            body: JSON.stringify({ loaves: 7 }),
        });
        assert.equal(answer.status, 202);
        await until('the broadcast', () => live.heard.length === 1);
        const later = await join(connect(keys.service_role), topic, { replay: { since: Date.now() - 60000 } });
        await until('its replay', () => later.heard.length === 1);
        assert.deepEqual(later.heard[0].payload, { loaves: 7 });
        assert.deepEqual(later.heard[0].meta, { replayed: true, id: live.heard[0].meta.id });
    });

    await on('who loses the role is put out of the channels that it opened', async () => {
        const person = { email: `${randomUUID()}@homebake.example`, password: randomUUID() };
        addPerson(data, 'For A Day', 'manager', person);
        const client = connect();
        const { data: session, error } = await client.auth.signInWithPassword(person);
        assert.equal(error, null);
        await client.realtime.setAuth(session.session.access_token);
        const kept = await join(client, randomUUID());
        const topic = `keepers:${randomUUID()}`;
        const lost = await join(client, topic);
        const told = [];
        lost.channel.on('system', {}, (message) => told.push(message));
        const { error: fault } = await owner.from('users').update({ role: 'sales_rep' }).eq('id', session.user.id);
        assert.equal(fault, null);
        await until('the end of the channel', () => lost.statuses.includes('CLOSED'));
        assert.equal(told[0].message, `You no longer have permission to read from this Channel topic: ${topic}`);
        assert.deepEqual(kept.statuses, ['SUBSCRIBED']);
        const { error: disabling } = await owner.from('users').update({ is_active: false }).eq('id', session.user.id);
        assert.equal(disabling, null);
        await until('the end of the other', () => kept.statuses.includes('CLOSED'));
    });

    await on('replay params that are none are refused', async () => {
        const { statuses, fault, channel } = await join(owner, randomUUID(), { replay: { since: 1, limit: 26 } });
        assert.equal(statuses[0], 'CHANNEL_ERROR');
        assert.match(fault(), /UnableToReplayMessages: Replay params are not valid/);
        channel.unsubscribe();
    });
}
