// Broadcasts and presence among a crowd of both versions, whose sockets are spread over two shards by the kernel.
import WebSocket from 'ws';
import { randomUUID } from 'node:crypto';

import { assert, test, until } from '../support/harness.mjs';

const EACH = 6; // clients of each version: all on one shard once in 2,048 runs, and then the tests say less

export async function together({ url, people, keys }, versions) {
    const clients = [];
    const connect = (createClient, key = keys.anon) => {
        const client = createClient(url, key, {
            auth: { autoRefreshToken: false, persistSession: false, storageKey: randomUUID() },
            realtime: { transport: WebSocket },
        });
        clients.push(client);
        return client;
    };
    const join = async (version, topic, config = {}) => {
        const client = connect(version.createClient);
        const channel = client.channel(topic, { config });
        const peer = { version, client, channel, heard: [], syncs: 0, joins: [], leaves: [] };
        channel.on('broadcast', { event: '*' }, (message) => peer.heard.push(message));
        if (config.presence) {
            channel.on('presence', { event: 'sync' }, () => peer.syncs++);
            channel.on('presence', { event: 'join' }, (event) => peer.joins.push(event));
            channel.on('presence', { event: 'leave' }, (event) => peer.leaves.push(event));
        }
        await new Promise((done, fail) =>
            channel.subscribe((status, error) => (status === 'SUBSCRIBED' ? done() : fail(error ?? new Error(status)))),
        );
        return peer;
    };
    const crowd = (topic, configOf = () => ({})) =>
        Promise.all(versions.flatMap((version) => Array.from({ length: EACH }, (_, i) => join(version, topic, configOf(version, i)))));
    const part = (peers) => Promise.all(peers.map(({ client }) => client.realtime.disconnect()));
    const say = ({ channel }, event, payload) => channel.send({ type: 'broadcast', event, payload });
    const all = (what, peers, check) => until(what, () => peers.every(check));

    for (const version of versions) {
        const on = (sentence, body) => test(`${version.label}: ${sentence}`, body);
        const mine = (peers) => peers.find((peer) => peer.version === version);

        await on('broadcasts reach everybody else once and in order, and the sender on demand', async () => {
            const peers = await crowd(randomUUID(), (_, i) => ({ broadcast: { self: i === 1, ack: true } }));
            const quiet = mine(peers);
            const self = peers.find((peer) => peer.version === version && peer !== quiet);
            for (let n = 0; n < 20; n++) assert.equal(await say(quiet, 'baked', { n }), 'ok');
            const others = peers.filter((peer) => peer !== quiet);
            await all('twenty', others, ({ heard }) => heard.length >= 20);
            assert.equal(await say(self, 'sold', { n: 20 }), 'ok');
            await all('one more', peers, ({ heard }) => heard.some(({ event }) => event === 'sold'));
            for (const { heard } of others) {
                assert.deepEqual(heard.map(({ payload }) => payload.n), Array.from({ length: 21 }, (_, n) => n));
                assert.equal(heard[0].type, 'broadcast');
            }
            assert.equal(quiet.heard.length, 1);
            await part(peers);
        });

        await on('send() before the join, and httpSend() where there is one, reach everybody', async () => {
            const topic = `room/${randomUUID()} é`;
            const peers = await crowd(topic);
            const channel = connect(version.createClient).channel(topic);
            assert.equal(await channel.send({ type: 'broadcast', event: 'early', payload: { a: 1 } }), 'ok');
            await all('the early one', peers, ({ heard }) => heard.length === 1);
            for (const { heard } of peers) assert.deepEqual([heard[0].event, heard[0].payload], ['early', { a: 1 }]);
            if (channel.httpSend) {
                assert.deepEqual(await channel.httpSend('by/http', { b: 2 }), { success: true });
                await all('the one by HTTP', peers, ({ heard }) => heard.length === 2);
                for (const { heard } of peers) assert.deepEqual([heard[1].event, heard[1].payload], ['by/http', { b: 2 }]);
            }
            await part(peers);
        });

        await on('presence is the same for everybody, whoever comes, changes, and goes', async () => {
            const topic = randomUUID();
            const peers = await crowd(topic, ({ label }, i) => ({ presence: { key: `${label} ${i}` } }));
            const count = peers.length;
            const presentTo = ({ channel }) => Object.keys(channel.presenceState()).length;
            await Promise.all(peers.map(async ({ channel }, i) => assert.equal(await channel.track({ i }), 'ok')));
            await all('all present to all', peers, (peer) => presentTo(peer) === count && peer.syncs > 0);
            const late = await join(version, topic, { presence: { key: 'late' } });
            await until('the state to who comes late', () => presentTo(late) === count);

            const one = mine(peers);
            const key = `${version.label} 0`;
            assert.equal(await one.channel.track({ i: 0, at: 'oven' }), 'ok');
            await all('the change', [...peers, late], ({ channel }) => channel.presenceState()[key]?.[0].at === 'oven');
            for (const { channel } of peers) assert.equal(channel.presenceState()[key].length, 1);

            assert.equal(await one.channel.untrack(), 'ok');
            await all('who untracked is gone', [...peers, late], ({ channel }) => !(key in channel.presenceState()));
            const [gone] = peers.filter((peer) => peer !== one);
            const goneKey = Object.keys(gone.channel.presenceState()).find((name) => gone.channel.presenceState()[name][0].i === peers.indexOf(gone));
            gone.client.realtime.disconnect();
            const rest = [...peers.filter((peer) => peer !== gone), late];
            await all('who disconnected is gone', rest, ({ channel }) => !(goneKey in channel.presenceState()));
            await all('told as a leave', rest, ({ leaves }) => leaves.some((event) => event.key === goneKey));
            assert.ok(late.joins.length >= count);
            await part(rest);
        });

        await on('several devices of one person are several metas of one key', async () => {
            const peers = await crowd(randomUUID(), () => ({ presence: { key: 'ada' } }));
            await Promise.all(peers.map(({ channel }, i) => channel.track({ device: i })));
            const devices = ({ channel }) => (channel.presenceState().ada ?? []).map(({ device }) => device).sort((a, b) => a - b);
            await all('every device', peers, (peer) => devices(peer).length === peers.length);
            assert.deepEqual(devices(peers[0]), peers.map((_, i) => i));
            const refs = peers[0].channel.presenceState().ada.map((meta) => meta.presence_ref);
            assert.equal(new Set(refs).size, peers.length);
            const half = peers.splice(0, EACH);
            await Promise.all(half.map(({ channel }) => channel.unsubscribe()));
            await all('half of them left', peers, (peer) => devices(peer).length === EACH);
            await part([...half, ...peers]);
        });

        await on('a hundred tracks in a row end in the last, and the channel lives', async () => {
            const topic = randomUUID();
            const from = await join(version, topic, { presence: { key: 'busy' } });
            const to = await Promise.all(versions.map((other) => join(other, topic, { presence: { key: 'idle' } })));
            const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => from.channel.track({ n })));
            assert.deepEqual([...new Set(answers)], ['ok']);
            await all('the last', [from, ...to], ({ channel }) => channel.presenceState().busy?.[0].n === 99);
            for (const { syncs } of to) assert.ok(syncs < 100, `${syncs} syncs`);
            await part([from, ...to]);
        });
    }

    const [newest] = versions;
    await test(`${newest.label}: bytes reach those who can take them`, async () => {
        const topic = randomUUID();
        const peers = await crowd(topic);
        const bytes = new Uint8Array([0, 255, 1, 254]).buffer;
        const from = peers[0];
        await say(from, 'bytes', bytes);
        const takers = peers.filter((peer) => peer !== from && peer.version === newest);
        await all('the bytes', takers, ({ heard }) => heard.length === 1);
        assert.deepEqual(await from.channel.httpSend('more', bytes), { success: true });
        await all('more bytes', takers, ({ heard }) => heard.length === 2);
        for (const { heard } of takers)
            for (const { payload } of heard) assert.deepEqual([...new Uint8Array(payload)], [0, 255, 1, 254]);
        await say(from, 'end', {});
        await all('the end', peers.filter((peer) => peer !== from), ({ heard }) => heard.at(-1)?.event === 'end');
        for (const { version, heard } of peers) assert.ok(version === newest || heard.length === 1);
        await part(peers);
    });

    await test(`${newest.label}: httpSend() to a private topic asks the policies`, async () => {
        const topic = `owner:${randomUUID()}`;
        const client = async (who) => {
            const one = connect(newest.createClient);
            const { data } = await one.auth.signInWithPassword(people[who]);
            await one.realtime.setAuth(data.session.access_token);
            return one.channel(topic, { config: { private: true } });
        };
        const [owner, rep] = [await client('owner'), await client('rep1')];
        const heard = [];
        owner.on('broadcast', { event: '*' }, ({ event }) => heard.push(event));
        await new Promise((done) => owner.subscribe((status) => status === 'SUBSCRIBED' && done()));
        assert.deepEqual(await rep.httpSend('forged', {}), { success: true });
        assert.deepEqual(await connect(newest.createClient).channel(topic).httpSend('public', {}), { success: true });
        assert.deepEqual(await owner.httpSend('true', {}), { success: true });
        await until('the one that is allowed', () => heard.includes('true'));
        assert.deepEqual(heard, ['true']);
    });

    await test('no batch is lost between the shards', async () => {
        const metrics = await (await fetch(`${url}/metrics`)).text();
        const number = (name) => Number(metrics.match(new RegExp(`^homebake_${name} (\\d+)$`, 'm'))[1]);
        assert.equal(number('shards'), 2);
        assert.ok(number('live_relayed_total') > 0);
        assert.equal(number('relay_dropped_total'), 0);
    });

    await Promise.all(clients.map((client) => client.realtime.disconnect()));
}
