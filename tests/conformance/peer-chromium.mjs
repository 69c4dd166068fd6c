// Chromium: the WebSocket of its pages, which always offers compression, and neither pings nor fragments when asked to.
import { launch } from '../e2e/browser.mjs';

const bytes = (text) => Buffer.from(text, 'base64');

// Runs in the page.
async function talk({ address, join, steps, close, wanted, seconds }) {
    const unpack = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const pack = (data) => {
        let text = '';
        for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
        return btoa(text);
    };
    const report = { messages: [], pongs: [], isDeflated: false };
    const ws = new WebSocket(address);
    ws.binaryType = 'arraybuffer';
    let isJoined = false;
    return new Promise((done) => {
        const timer = setTimeout(() => {
            report.error = `after ${seconds} s ${report.messages.length} messages`;
            ws.close();
        }, seconds * 1000);
        ws.onopen = () => {
            report.isDeflated = ws.extensions.includes('permessage-deflate');
            ws.send(join);
        };
        ws.onmessage = ({ data }) => {
            const isText = typeof data === 'string';
            if (isJoined) report.messages.push([isText ? 1 : 2, pack(isText ? new TextEncoder().encode(data) : new Uint8Array(data))]);
            else for (const step of steps) ws.send(step.say === 1 ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(unpack(step.data)) : unpack(step.data));
            isJoined = true;
            if (close && report.messages.length >= wanted) ws.close(close[0], close[1]);
        };
        ws.onclose = ({ code }) => {
            clearTimeout(timer);
            report.code = code;
            done(report);
        };
    });
}

async function open({ url, anon }) {
    const browser = await launch();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    return {
        async converse(e) {
            const { messages, ...report } = await page.evaluate(talk, {
                address: `${url.replace('http', 'ws')}/realtime/v1/websocket?apikey=${anon}&vsn=${e.version}`,
                join: e.join, close: e.close, wanted: e.echoes.length, seconds: 300,
                steps: e.steps.map(({ say, data }) => ({ say, data: data.toString('base64') })),
            });
            return { ...report, messages: messages.map(([opcode, data]) => [opcode, bytes(data)]) };
        },
        stop: () => browser.close(),
    };
}

export const peerChromium = { abilities: [], alwaysOffers: true, open };
