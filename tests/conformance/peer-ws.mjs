// The package `ws` of Node.js.
import { createRequire } from 'node:module';

const { WebSocket } = createRequire(new URL('../clients/package.json', import.meta.url))('ws');
const SECONDS = 300; // of patience with a slow machine

function take(ws, { say, data, fragments, ping, pong }) {
    if (ping) return ws.ping(ping);
    if (pong) return ws.pong(pong);
    let at = 0;
    for (const size of fragments) ws.send(data.subarray(at, (at += size)), { binary: say === 2, fin: false });
    ws.send(data.subarray(at), { binary: say === 2, fin: true });
}

function converse({ url, anon }, e) {
    const report = { messages: [], pongs: [], code: null, isDeflated: false };
    const address = `${url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${anon}&vsn=${e.version}`;
    const ws = new WebSocket(address, { perMessageDeflate: e.deflate ? { threshold: 0, ...e.deflate } : false, rejectUnauthorized: false, maxPayload: 0 });
    let isJoined = false;
    const goOn = () => {
        if (isJoined && e.close && report.messages.length >= e.echoes.length && report.pongs.length >= e.pongs.length) ws.close(...e.close);
    };
    return new Promise((done) => {
        const timer = setTimeout(() => {
            report.error = `after ${SECONDS} s ${report.messages.length} messages and ${report.pongs.length} pongs`;
            ws.terminate();
        }, SECONDS * 1000);
        ws.on('open', () => {
            report.isDeflated = ws.extensions.includes('permessage-deflate');
            ws.send(e.join);
        });
        ws.on('message', (data, isBinary) => {
            if (isJoined) report.messages.push([isBinary ? 2 : 1, data]);
            else for (const step of e.steps) take(ws, step);
            isJoined = true;
            goOn();
        });
        ws.on('pong', (data) => {
            report.pongs.push(data);
            goOn();
        });
        ws.on('error', (error) => {
            // A server that ends a conversation does not wait for the rest of what is on its way.
            if (e.close || report.code) report.error = error.message;
        });
        ws.on('close', (code) => {
            clearTimeout(timer);
            report.code = code;
            done(report);
        });
    });
}

export const peerWs = {
    abilities: ['pings', 'fragments', 'offers', 'allCodes'],
    open: async (world) => ({ converse: (e) => converse(world, e), stop() {} }),
};
