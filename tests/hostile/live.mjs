// The live socket under attack: frames that are none, readers that do not read, floods of joins.
import { readFileSync } from 'node:fs';

import { assert, test, until } from '../support/harness.mjs';
import { frame, handshake, live, raw, statuses } from './wire.mjs';

const everything = [{ event: '*', schema: 'public', table: 'shift_feedback' }];
const join = (topic, ref = '1', payload = { config: {} }) => JSON.stringify({ topic, event: 'phx_join', payload, ref, join_ref: ref });
const memory = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;

const garbage = [
    ['an unmasked frame', () => frame(1, '{}', { masked: false }), 1002],
    ['a reserved bit', () => frame(1, '{}', { rsv: 4 }), 1002],
    ['an opcode nobody knows', () => frame(3, 'x'), 1002],
    ['a control opcode nobody knows', () => frame(11, 'x'), 1002],
    ['a ping in pieces', () => frame(9, 'x', { fin: false }), 1002],
    ['a ping of 126 bytes', () => frame(9, 'x'.repeat(126)), 1002],
    ['a continuation of nothing', () => frame(0, 'x'), 1002],
    ['a message inside a message', () => Buffer.concat([frame(1, '{', { fin: false }), frame(1, '}')]), 1002],
    ['text that is not UTF-8', () => frame(1, Buffer.from([0xff, 0xfe])), 1007],
    ['a surrogate as UTF-8', () => frame(1, Buffer.from([0xed, 0xa0, 0x80])), 1007],
    ['a frame of 8 MiB announced', () => frame(1, '', { size: 8 << 20 }), 1009],
    ['a frame of 2^62 bytes announced', () => frame(1, '', { size: 2 ** 62 }), 1009],
    ['a frame of 2^63 bytes announced', () => frame(1, '', { size: 2 ** 63 }), [1002, 1009]],
    ['a message of 5 MiB in pieces', () => Buffer.concat([frame(1, 'a', { fin: false }), ...Array.from({ length: 90 }, () => frame(0, 'a'.repeat(60000), { fin: false }))]), 1009],
    ['a close with one byte', () => frame(8, 'x'), 1002],
    ['a close with a code that may not be sent', () => frame(8, Buffer.from([0x03, 0xee])), 1002],
    ['a close with a reason that is not UTF-8', () => frame(8, Buffer.from([0x03, 0xe8, 0xff])), [1002, 1007]],
];

export async function liveSocket(world) {
    const { url, anon, sessions, rest, server } = world;
    const token = sessions.owner.access_token;
    const settle = async (peer) => {
        const ref = peer.say('phoenix', 'heartbeat', {});
        await until('a heartbeat', () => peer.reply(ref) || peer.isClosed);
        return !peer.isClosed;
    };
    const write = (n, size = 10) => rest.owner('POST', 'shift_feedback', { body: Array.from({ length: n }, (_, i) => ({ note: `${i}`.padEnd(size, '.') })) });

    await test('handshakes that are none are refused in plain HTTP', async () => {
        const good = handshake(`/realtime/v1/websocket?apikey=${anon}&vsn=1.0.0`);
        const tries = [
            [good.replace('Version: 13', 'Version: 12'), 426], [good.replace(/Sec-WebSocket-Key: .*\r\n/, ''), 400], [good.replace(/Key: .*/, 'Key: short'), 400],
            [good.replace('Upgrade: websocket', 'Upgrade: h2c'), 426], [good.replace('Connection: Upgrade', 'Connection: close'), 426], [good.replace('GET', 'POST'), 405],
            [good.replace('vsn=1.0.0', 'vsn=9'), 400], [good.replace('vsn=1.0.0', `vsn=${'1'.repeat(3000)}`), 400], [good.replace(/apikey=[^&]*/, 'apikey='), 401],
            [good.replace(/apikey=[^&]*/, `apikey=${'%41'.repeat(3000)}`), 401], [good.replace(/apikey=[^&]*/, 'apikey=%zz'), 401], [good.replace('/websocket', '/websockets'), 404],
        ];
        for (const [text, status] of tries) {
            const wire = await raw(url, text.replace(/\r\n\r\n$/, '\r\nX: y\r\n\r\n'), 0.2);
            assert.equal(statuses(wire.text)[0], status, text.slice(0, 120));
        }
    });

    await test('garbage in frames closes that socket, with the right code', async () => {
        await Promise.all(
            garbage.map(async ([what, bytes, code]) => {
                const peer = await live(url, anon);
                peer.write(bytes());
                await until(`the end after ${what}`, () => peer.isClosed);
                assert.ok([code].flat().includes(peer.close), `${what}: ${peer.close}`);
            }),
        );
    });

    await test('messages that are no messages do not end the socket, or end it alone', async () => {
        const texts = ['', ' ', 'x', '{', '[]', '{}', 'null', '5', '[1,2,3,4,5]', '["1","1","t","e"]', '{"topic":5,"event":5,"payload":5,"ref":5}', '{"topic":"","event":"","payload":{},"ref":null}',
            '['.repeat(100000), '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":{"a":1}}', `{"topic":"${'t'.repeat(100000)}","event":"phx_join","payload":{},"ref":"1"}`,
            join('realtime:\\u0000'), join(''), join('phoenix'), '{"topic":"realtime:x","event":"phx_leave","payload":{},"ref":"1"}', '{"topic":"realtime:x","event":"access_token","payload":{"access_token":5},"ref":"1"}',
            '{"topic":"realtime:x","event":"broadcast","payload":[],"ref":"1"}', '{"topic":"realtime:x","event":"presence","payload":{},"ref":"1"}', '{"topic":"a","event":"phx_reply","payload":{},"ref":"1"}'];
        for (const text of texts) {
            const peer = await live(url, anon);
            peer.write(frame(1, text));
            peer.write(frame(2, text));
            await Promise.race([settle(peer), peer.ended]);
            peer.socket.destroy();
        }
        for (const bytes of [[], [0], [3], [3, 255, 255, 255, 255, 255], [4, 0, 0, 0, 0, 0, 0], [3, 0, 0, 1, 1, 0, 9, 65, 66], [255]]) {
            const peer = await live(url, anon);
            peer.write(frame(2, Buffer.from(bytes)));
            await Promise.race([settle(peer), peer.ended]);
            peer.socket.destroy();
        }
        assert.equal((await fetch(`${url}/livez`)).status, 200);
    });

    await test('joins with impossible bindings are refused, each with words', async () => {
        const peer = await live(url, anon);
        const bad = [
            [{ event: '*', schema: 'public', table: 'nothing' }], [{ event: '*', schema: 'auth', table: 'users' }], 
            [{ event: '*', schema: 'public', table: 'stock', filter: 'nothing=eq.1' }], [{ event: '*', schema: 'public', table: 'stock', filter: 'baked=like.1' }],
            [{ event: '*', schema: 'public', table: 'stock', filter: 'baked=eq.x' }], [{ event: '*', schema: 'public', table: 'stock', filter: `baked=in.(${'1,'.repeat(5000)}1)` }],
            [{ event: '*', schema: 'public', table: 'stock', filter: 5 }], [{ event: 5, schema: 'public', table: 'stock' }], [{ event: '*', schema: 'public', table: 5 }],
            [5], 'x', [{}], [{ event: '*', schema: 'public', table: 'meta' }], [{ event: '*', schema: 'public', table: 'auth_people' }],
            Array(1000).fill({ event: '*', schema: 'public', table: 'stock' }),
        ];
        for (const [i, bindings] of bad.entries()) {
            const ref = peer.join(`realtime:bad-${i}`, token, bindings);
            // What is malformed is refused, or is missing in the reply, which tells the client; what does not
            // exist is told behind the reply, as in the original.
            const isTold = (m) =>
                m.topic === `realtime:bad-${i}` &&
                (m.payload.status === 'error' || (m.ref === ref && m.payload.response.postgres_changes.length === 0));
            await until(`a refusal of ${JSON.stringify(bindings).slice(0, 80)}`, () => peer.messages.some(isTold), 2);
        }
        assert.ok(await settle(peer));
        peer.socket.destroy();
    });

    await test('a thousand channels on a socket work, one more is refused', async () => {
        const peer = await live(url, anon);
        const refs = Array.from({ length: 1001 }, (_, i) => peer.join(`realtime:many-${i}`, token, everything));
        await until('a reply to each', () => peer.messages.filter((m) => m.event === 'phx_reply').length === 1001, 15);
        const states = refs.map((ref) => peer.reply(ref).payload.status);
        assert.equal(states.filter((s) => s === 'ok').length, 1000);
        assert.equal(states[1000], 'error');
        await write(1);
        await until('a change on each channel', () => peer.changes().length === 1000, 15);
        peer.socket.destroy();
    });

    await test('the same topic joined five hundred times is one channel, and each change comes once', async () => {
        const peer = await live(url, anon);
        let last;
        for (let i = 0; i < 500; i++) last = peer.join('realtime:same', token, everything);
        await until('the last reply', () => peer.reply(last));
        assert.equal(peer.reply(last).payload.status, 'ok');
        await write(1);
        await until('the change', () => peer.changes().length >= 1);
        assert.ok(await settle(peer));
        assert.equal(peer.changes().length, 1);
        peer.socket.destroy();
    });

    await test('a flood of heartbeats and pings is answered or cut off, and a neighbour is served', async () => {
        const peer = await live(url, anon);
        const one = Buffer.concat([frame(1, '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}'), frame(9, 'p')]);
        const many = Buffer.concat(Array(20000).fill(one));
        peer.write(many);
        const began = Date.now();
        assert.equal((await rest.rep1('GET', 'bread_types?select=id')).status, 200);
        assert.ok(Date.now() - began < 1000);
        await until('all answered, or closed', () => peer.isClosed || peer.messages.length === 20000, 15);
        peer.socket.destroy();
    });

    await test('a reader that stops reading gets every change later, or is told; memory stays bounded, neighbours hear at once', async () => {
        const before = memory(server.pid);
        const slow = await live(url, anon);
        const near = await live(url, anon);
        const refs = [slow, near].map((peer) => peer.join('realtime:slow', token, everything));
        await until('joined', () => slow.reply(refs[0]) && near.reply(refs[1]));
        slow.socket.pause();
        const total = 6000;
        for (let i = 0; i < total / 500; i++) assert.equal((await write(500, 1900)).status, 201);
        await until('the neighbour has them all', () => near.changes().length === total, 20);
        const grown = memory(server.pid) - before;
        assert.ok(grown < 150, `${grown} MiB`);
        slow.socket.resume();
        const told = () => slow.isClosed || slow.messages.some((m) => m.event === 'phx_error' || m.event === 'phx_close');
        await until('the slow one has them all, or is told', () => slow.changes().length === total || told(), 20);
        if (!told()) {
            const seqs = slow.changes().map((m) => m.payload.data.seq);
            assert.deepEqual(seqs, seqs.slice().sort((a, b) => a - b));
            assert.equal(new Set(seqs).size, total);
        }
        [slow, near].forEach((peer) => peer.socket.destroy());
    });

    await test('joins and leaves by the thousand, and sockets that vanish in between, leave nothing behind', async () => {
        for (let round = 0; round < 10; round++) {
            const peers = await Promise.all(Array.from({ length: 20 }, () => live(url, anon)));
            for (const peer of peers) {
                for (let i = 0; i < 20; i++) {
                    peer.join(`realtime:flood-${i % 7}`, token, everything);
                    if (i % 3 === 0) peer.say(`realtime:flood-${i % 7}`, 'phx_leave', {});
                }
            }
            await write(2);
            peers.forEach((peer, i) => (i % 2 ? peer.socket.resetAndDestroy() : peer.socket.destroy()));
        }
        await until('no subscription is left', async () => {
            const text = await (await fetch(`${url}/metrics`)).text();
            return Number(text.match(/^homebake_(?:hub_|live_)?subscriptions(?:\{[^}]*\})? (\d+)/m)?.[1]) === 0;
        });
    });

    await test('bindings see no more than REST: a rep hears no feedback, totals, or people of others', async () => {
        const peer = await live(url, anon);
        const bindings = ['users', 'shift_feedback', 'shift_totals'].map((table) => ({ event: '*', schema: 'public', table }));
        const ref = peer.join('realtime:rep', sessions.rep1.access_token, bindings);
        const all = peer.join('realtime:all', sessions.rep1.access_token, [{ event: '*', schema: 'public', table: '*' }]);
        await until('replies', () => peer.reply(ref) && peer.reply(all));
        const secret = `not for rep1 ${Date.now()}`;
        const [{ id: bread }] = (await rest.owner('GET', 'bread_types?select=id&limit=1')).body;
        assert.equal((await rest.rep2('POST', 'shift_feedback', { body: { note: secret } })).status, 201);
        assert.equal((await rest.rep2('PATCH', `shift_feedback?note=eq.${encodeURIComponent(secret)}`, { body: { note: `${secret} 2` } })).status, 204);
        assert.equal((await rest.owner('DELETE', `shift_feedback?note=eq.${encodeURIComponent(`${secret} 2`)}`)).status, 204);
        assert.equal((await rest.owner('POST', 'sales_logs', { body: { bread_type_id: bread, quantity: 1 } })).status, 201);
        await until('the sale', () => peer.messages.some((m) => m.payload?.data?.table === 'stock'));
        assert.ok(await settle(peer));
        const heard = peer.changes().map((m) => m.payload.data.table);
        assert.deepEqual([...new Set(heard)].filter((t) => ['shift_totals', 'shift_feedback', 'users'].includes(t)), []);
        assert.ok(!JSON.stringify(peer.messages).includes(secret));
        peer.socket.destroy();
    });

    // Peers by the dozen are on both shards.
    const room = async (topic, count, config = {}) => {
        const peers = await Promise.all(Array.from({ length: count }, () => live(url, anon)));
        const refs = peers.map((peer) => peer.join(topic, token, [], { presence: { enabled: false }, ...config }));
        await until('joined', () => peers.every((peer, i) => peer.reply(refs[i])));
        return peers;
    };
    const end = (peers) => peers.forEach((peer) => peer.socket.destroy());

    await test('a flood of broadcasts reaches a neighbour on any shard in order, or is cut off', async () => {
        const peers = await room('realtime:broadcasts', 24);
        const [from, ...to] = peers;
        for (let n = 0; n < 500; n++) from.say('realtime:broadcasts', 'broadcast', { type: 'broadcast', event: 'e', payload: { n } });
        const heard = (peer) => peer.messages.filter((m) => m.event === 'broadcast').map((m) => m.payload.payload.n);
        await until('the last, or the end', () => from.isClosed || to.every((peer) => heard(peer).includes(499)));
        for (const peer of to) assert.deepEqual(heard(peer), [...heard(peer)].sort((a, b) => a - b));
        for (const peer of to) assert.ok(await settle(peer));
        end(peers);
    });

    await test('garbage on the presence event is refused with a reason, and closes nothing', async () => {
        const [peer] = await room('realtime:garbage', 1, { presence: { key: 'g' } });
        const garbage = [null, 7, 'track', [], {}, { event: 7 }, { event: 'track', payload: 7 }, { event: 'track', payload: null }, { event: 'dance' }];
        for (const payload of garbage) {
            const ref = peer.say('realtime:garbage', 'presence', payload);
            await until('a reply', () => peer.reply(ref));
            assert.equal(peer.reply(ref).payload.status, 'error', JSON.stringify(payload));
        }
        const big = peer.say('realtime:garbage', 'presence', { event: 'track', payload: { a: 'x'.repeat(200000) } });
        await until('a reply', () => peer.reply(big));
        assert.equal(peer.reply(big).payload.response.reason, 'Track message size exceeded');
        assert.ok(await settle(peer));
        end([peer]);
    });

    await test('a flood of tracks is told to neighbours a few times, and ends in the last', async () => {
        const peers = await room('realtime:tracks', 24, { presence: { enabled: true, key: 'k' } });
        const [from, ...to] = peers;
        for (let n = 0; n < 500; n++) from.say('realtime:tracks', 'presence', { event: 'track', payload: { n } });
        const diffs = (peer) => peer.messages.filter((m) => m.event === 'presence_diff');
        const last = (peer) => diffs(peer).at(-1)?.payload.joins.k?.metas[0].n;
        await until('the last, or the end', () => from.isClosed || to.every((peer) => last(peer) === 499));
        for (const peer of to) assert.ok(diffs(peer).length < 500, `${diffs(peer).length} diffs`);
        from.socket.resetAndDestroy();
        await until('it is gone', () => to.every((peer) => diffs(peer).at(-1).payload.leaves.k && !diffs(peer).at(-1).payload.joins.k));
        end(to);
    });

    await test('a topic full of giant payloads refuses more, and who joins it still learns who is there', async () => {
        const peers = await room('realtime:giants', 24, { presence: { enabled: false, key: '' } });
        const refs = peers.map((peer) => peer.say('realtime:giants', 'presence', { event: 'track', payload: { a: 'x'.repeat(60000) } }));
        await until('answers', () => peers.every((peer, i) => peer.reply(refs[i])));
        const refused = peers.filter((peer, i) => peer.reply(refs[i]).payload.status === 'error');
        assert.ok(refused.length > 0 && refused.length < 24);
        const [late] = await room('realtime:giants', 1, { presence: { enabled: true, key: '' } });
        await until('the state', () => late.messages.some((m) => m.event === 'presence_state'));
        assert.ok(await settle(late));
        end([...peers, late]);
    });

    await test('who was present on a thousand sockets that vanished is gone', async () => {
        for (let round = 0; round < 5; round++) {
            const peers = await Promise.all(Array.from({ length: 20 }, () => live(url, anon)));
            for (const peer of peers) {
                for (let i = 0; i < 10; i++) {
                    peer.join(`realtime:ghosts-${i}`, token, [], { presence: { enabled: true, key: '' } });
                    peer.say(`realtime:ghosts-${i}`, 'presence', { event: 'track', payload: { i } });
                }
            }
            peers.forEach((peer, i) => (i % 2 ? peer.socket.resetAndDestroy() : peer.socket.destroy()));
        }
        await until('nobody is present', async () => {
            const text = await (await fetch(`${url}/metrics`)).text();
            return Number(text.match(/^homebake_live_present (\d+)/m)?.[1]) === 0;
        });
        const [peer] = await room('realtime:ghosts-0', 1, { presence: { enabled: true, key: '' } });
        await until('the state', () => peer.messages.some((m) => m.event === 'presence_state'));
        assert.deepEqual(peer.messages.find((m) => m.event === 'presence_state').payload, {});
        end([peer]);
    });
}
