// Peers that say too much, and peers that say nothing: bounded by settings, counted, and no neighbour waits for
// them.  All on one shard, so that they meet.  Order is measured in messages, not in time.
import { assert, test, until } from '../support/harness.mjs';
import { keys, serve } from '../support/server.mjs';
import { connect, frame, live } from './wire.mjs';

const message = (topic, event, payload, ref) => frame(1, JSON.stringify({ topic, event, payload, ref, join_ref: '1' }));
const many = (count, make) => Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
const systems = (peer) => peer.messages.filter((m) => m.event === 'system' && m.payload.status === 'error');

async function metrics(url) {
    const text = await (await fetch(`${url}/metrics`)).text();
    return (name) => {
        const line = text.split('\n').find((l) => l.startsWith(`homebake_${name} `));
        assert.ok(line, `${name} is not in /metrics`);
        return Number(line.split(' ').at(-1));
    };
}

export async function floods({ data }) {
    const { anon } = keys(data);
    const server = await serve(data, '127.0.0.1:0', '--shards', '1');
    const { url } = server;
    // How many messages the shard had got through when it answered this, on a connection that is there already.
    const heard = async (wire) => {
        const from = wire.text.length;
        wire.send('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
        const line = await until('the count', () => wire.text.slice(from).match(/homebake_live_messages_in_total (\d+)\n/));
        return Number(line[1]);
    };
    const answers = (peer, refs) =>
        new Promise((done) => peer.socket.on('data', () => refs.every((ref) => peer.reply(ref)) && done()));

    // What a neighbour asks for while `flood` comes in is done before the shard has got through a part of it.  The count is asked for
    // at the very moment of the neighbour's answers, and what the flooder is told is read later: else it would be
    // our own slowness that is measured.
    const neighbourIsServed = async (flooder, flood) => {
        const neighbour = await live(url, anon);
        const wire = connect(url);
        await wire.opened;
        try {
            const before = await heard(wire);
            flooder.socket.pause();
            flooder.write(flood);
            const beat = neighbour.say('phoenix', 'heartbeat', {});
            const join = neighbour.join('realtime:neighbour', anon, []);
            await answers(neighbour, [beat, join]);
            const between = (await heard(wire)) - before;
            assert.equal(neighbour.reply(join).payload.status, 'ok');
            assert.ok(between < 10000, `${between} messages came before the neighbour's`);
        } finally {
            flooder.socket.resume();
            neighbour.socket.destroy();
            wire.socket.destroy();
        }
    };

    try {
        await test('a neighbour is served in the midst of forty thousand heartbeats, and all of them are answered', async () => {
            const flooder = await live(url, anon);
            await neighbourIsServed(flooder, many(40000, (i) => message('phoenix', 'heartbeat', {}, String(i))));
            await until('an answer to each, or the end', () => flooder.messages.length === 40000 || flooder.isClosed, 30);
            assert.equal(flooder.messages.length, 40000);
            flooder.socket.destroy();
        });

        await test('a neighbour is served in the midst of twenty thousand joins; they are refused, and the flood is cut off', async () => {
            const flooder = await live(url, anon);
            const join = (i) => message(`realtime:many-${i}`, 'phx_join', { config: {} }, String(i));
            await neighbourIsServed(flooder, many(20000, join));
            await until('the end of the flooder', () => flooder.isClosed, 30);
            assert.equal(flooder.close, 1008);
            const states = flooder.messages.map((m) => m.payload.status);
            assert.ok(states.filter((s) => s === 'ok').length <= 1000);
            await until('its channels are gone', async () => (await metrics(url))('live_channels') === 0);
            const m = await metrics(url);
            assert.ok(m('limit_reached_total{limit="joins-per-second"}') > 0);
            assert.ok(m('limit_reached_total{limit="channels"}') > 0);
        });

        await test('broadcasts over the rate are dropped, that is said once, and who goes on is closed with 1008', async () => {
            const flooder = await live(url, anon);
            const joined = flooder.join('realtime:loud', anon, []);
            await until('joined', () => flooder.reply(joined));
            const shout = (i) => message('realtime:loud', 'broadcast', { type: 'broadcast', event: 'e', payload: { i } }, String(i));
            await neighbourIsServed(flooder, many(30000, shout));
            await until('the end of the flooder', () => flooder.isClosed, 30);
            assert.equal(flooder.close, 1008);
            const m = await metrics(url);
            assert.equal(m('limit_reached_total{limit="refusals"}') > 0, true);
            assert.ok(m('limit_reached_total{limit="messages-per-second"}') > 2000);
        });
    } finally {
        await server.stop();
    }
}

export async function quiet({ data }) {
    const { anon } = keys(data);
    const limits = ['idle-time=1s', 'messages-burst=5', 'messages-per-second=1', 'message-bytes=2KiB', 'channels=3'];
    const server = await serve(data, '127.0.0.1:0', '--shards', '1', ...limits.flatMap((l) => ['--limit', l]));
    const { url } = server;
    try {
        await test('limits that are set hold: messages, their size, and channels', async () => {
            const peer = await live(url, anon);
            const joins = [1, 2, 3, 4].map((n) => peer.join(`realtime:${n}`, anon, []));
            await until('four replies', () => joins.every((ref) => peer.reply(ref)));
            assert.deepEqual(joins.map((ref) => peer.reply(ref).payload.status), ['ok', 'ok', 'ok', 'error']);
            for (let i = 0; i < 12; i++) peer.say('realtime:1', 'broadcast', { type: 'broadcast', event: 'e', payload: {} });
            await until('the word about the rate', () => systems(peer).length > 0);
            const beat = peer.say('phoenix', 'heartbeat', {});
            await until('a heartbeat', () => peer.reply(beat));
            assert.equal(systems(peer).length, 1);
            assert.match(systems(peer)[0].payload.message, /Too many messages per second/);
            peer.write(frame(1, 'x'.repeat(3000)));
            await until('the end', () => peer.isClosed);
            assert.equal(peer.close, 1009);
        });

        await test('who opens a frame and sends it by the byte, for ever, is closed as idle', async () => {
            const peer = await live(url, anon);
            const bytes = frame(1, JSON.stringify({ topic: 'phoenix', event: 'heartbeat', payload: {}, ref: '1' }));
            let at = 0;
            const drip = setInterval(() => peer.isClosed || at >= bytes.length - 1 || peer.write(bytes.subarray(at, ++at)), 100);
            await until('the end', () => peer.isClosed, 20);
            clearInterval(drip);
            assert.ok(at < bytes.length);
            assert.equal(peer.close, 1001);
        });

        await test('a peer that has vanished without a word does not stay', async () => {
            const peers = await Promise.all(Array.from({ length: 50 }, () => live(url, anon)));
            peers.forEach((peer) => peer.socket.pause()); // neither reads nor says goodbye
            await until('they are forgotten', async () => (await metrics(url))('live_connections') === 0, 20);
            assert.ok((await metrics(url))('limit_reached_total{limit="idle-time"}') >= 50);
            peers.forEach((peer) => peer.socket.destroy());
        });
    } finally {
        await server.stop();
    }
}
