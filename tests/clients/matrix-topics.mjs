// Private channels: who hears and who says on which topics.  The service role is the other side.  Each question
// ends with a public broadcast that takes the same way and reaches everybody: when it has come, what has not come
// before it never will, so silence is proven without waiting.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

import { assert, until } from '../support/harness.mjs';
import { mayOnTopic, topics } from './matrix-table.mjs';

const everybody = 'everybody';

class Talker {
    replies = new Map();
    heard = [];

    static async open(world) {
        const talker = new Talker();
        const url = `${world.url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${world.keys.anon}&vsn=1.0.0`;
        talker.socket = new WebSocket(url);
        talker.socket.on('message', (text) => {
            const { ref, topic, event, payload } = JSON.parse(text);
            if (event === 'phx_reply') talker.replies.set(ref, payload.status);
            if (event === 'broadcast') talker.heard.push(`${topic} ${payload.payload.word}`);
        });
        await new Promise((done, fail) => talker.socket.once('open', done).once('error', fail));
        assert.equal(await talker.join(everybody, world.keys.anon, false), 'ok');
        return talker;
    }

    async push(topic, event, payload) {
        const ref = randomUUID();
        this.socket.send(JSON.stringify({ topic: `realtime:${topic}`, event, payload, ref, join_ref: ref }));
        await until(`${event} on ${topic} is answered`, () => this.replies.has(ref));
        return this.replies.get(ref);
    }

    join(topic, token, isPrivate) {
        const config = { private: isPrivate, broadcast: { ack: true }, presence: { enabled: false } };
        return this.push(topic, 'phx_join', { config, access_token: token });
    }

    say(topic, word) {
        return this.push(topic, 'broadcast', { type: 'broadcast', event: 'said', payload: { word } });
    }

    // Has that word come on the topic?  Known when the same word has come to everybody.
    async hears(topic, word) {
        await until(`${word} comes to everybody`, () => this.heard.includes(`realtime:${everybody} ${word}`));
        return this.heard.includes(`realtime:${topic} ${word}`);
    }
}

async function sayOverHttp(world, token, messages) {
    const answer = await fetch(`${world.url}/realtime/v1/api/broadcast`, {
        method: 'POST',
        headers: { apikey: world.keys.anon, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ messages }),
    });
    return answer.status;
}

// What became of everything that one actor tries on one topic.
async function attempt(world, service, actor, topic) {
    const talker = await Talker.open(world);
    const seen = { join: (await talker.join(topic, actor.token, true)) === 'ok' };
    const words = Array.from({ length: 3 }, () => randomUUID());

    await service.say(topic, words[0]);
    await service.say(everybody, words[0]);
    seen.hear = await talker.hears(topic, words[0]);

    const isAcknowledged = (await talker.say(topic, words[1])) === 'ok';
    await talker.say(everybody, words[1]);
    seen.say = await service.hears(topic, words[1]);
    if (isAcknowledged !== seen.say) seen.fault = `acknowledged: ${isAcknowledged}`;

    const message = { event: 'said', payload: { word: words[2] } };
    await sayOverHttp(world, actor.token, [{ ...message, topic, private: true }]);
    const status = await sayOverHttp(world, world.keys.service_role, [{ ...message, topic: everybody }]);
    if (status !== 202) seen.fault = `HTTP ${status}`;
    seen['say over HTTP'] = await service.hears(topic, words[2]);
    talker.socket.close();
    return seen;
}

// actor -> the cells of all topics.
export async function topicCells(world) {
    const service = await Talker.open(world);
    const cells = new Map(world.actors.map((actor) => [actor, []]));
    for (const prefix of Object.keys(topics)) {
        const topic = `${prefix}${randomUUID()}`;
        assert.equal(await service.join(topic, world.keys.service_role, true), 'ok');
        for (const [actor, list] of cells) {
            const { fault, ...seen } = await attempt(world, service, actor, topic);
            for (const [what, is] of Object.entries(seen)) {
                const want = mayOnTopic(actor, prefix, what === 'join' || what === 'hear' ? 'hear' : 'say');
                const words = `${actor.name} topic ${prefix}* ${what}`;
                list.push({ words, run: () => fault ?? (is === want ? null : `${is}, not ${want}`) });
            }
        }
    }
    service.socket.close();
    return cells;
}
