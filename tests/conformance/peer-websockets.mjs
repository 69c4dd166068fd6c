// The Python library `websockets`, in a process of its own.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('peer_websockets.py', import.meta.url));
const base64 = (data) => data.toString('base64');
const bytes = (text) => Buffer.from(text, 'base64');

const toJson = (e, id) =>
    JSON.stringify({
        id, version: e.version, join: e.join, deflate: e.deflate, close: e.close, echoes: e.echoes.length,
        steps: e.steps.map(({ say, data, fragments, ping, pong }) => (ping ? { ping: base64(ping) } : pong ? { pong: base64(pong) } : { say, data: base64(data), fragments })),
    });

async function open({ url, anon }) {
    const address = `${url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${anon}&vsn=`;
    const child = spawn('/usr/bin/python3', [script, address], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((done) => child.once('exit', done));
    const waiting = new Map();
    let ids = 0;
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => {
        const { id, messages, pongs, ...report } = JSON.parse(line);
        waiting.get(id)({ ...report, messages: messages.map(([opcode, data]) => [opcode, bytes(data)]), pongs: pongs.map(bytes) });
        waiting.delete(id);
    });
    ended.then(() => waiting.forEach((done) => done({ error: 'python3 has ended' })));
    return {
        converse: (e) =>
            new Promise((done) => {
                waiting.set(++ids, done);
                child.stdin.write(`${toJson(e, ids)}\n`);
            }),
        async stop() {
            child.stdin.end();
            await ended;
        },
    };
}

export const peerWebsockets = { abilities: ['pings', 'fragments', 'offers', 'allCodes'], open };
