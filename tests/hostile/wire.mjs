// Bare sockets, bare HTTP and bare WebSocket frames: what no decent client would send.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function connect(url) {
    const { hostname, port, protocol } = new URL(url);
    const options = { host: hostname, port: Number(port), allowHalfOpen: true };
    const socket =
        protocol === 'https:' ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
    const wire = { socket, text: '', bytes: 0, isClosed: false, error: null };
    socket.setNoDelay(true);
    socket.on('data', (piece) => {
        wire.bytes += piece.length;
        if (wire.text.length < 1 << 20) wire.text += piece.toString('latin1');
    });
    socket.on('error', (error) => (wire.error = error));
    wire.opened = new Promise((done) => {
        socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', done);
        socket.once('close', done);
    });
    wire.ended = new Promise((done) => {
        socket.once('end', () => {
            socket.end();
            done(wire);
        });
        socket.once('close', () => {
            wire.isClosed = true;
            done(wire);
        });
    });
    wire.send = (data) => new Promise((done) => socket.write(data, () => done()));
    return wire;
}

// Sends the pieces, waits for the end of the connection (or so long), and gives what came.
export async function raw(url, pieces, seconds = 5) {
    const wire = connect(url);
    await wire.opened;
    for (const piece of [pieces].flat()) await wire.send(piece);
    await Promise.race([wire.ended, pause(seconds * 1000)]);
    wire.socket.destroy();
    return wire;
}

export const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => Number(m[1]));

// A REST or auth request; gives { status, body, headers, text }.
export function caller(url, apikey) {
    return async (method, path, { token, body, headers, text } = {}) => {
        const response = await fetch(url + path, {
            method,
            headers: {
                apikey,
                ...(token ? { authorization: `Bearer ${token}` } : {}),
                ...(body !== undefined || text !== undefined ? { 'content-type': 'application/json' } : {}),
                ...headers,
            },
            body: text ?? (body === undefined ? undefined : JSON.stringify(body)),
        });
        const answer = await response.text();
        let json = null;
        try {
            json = answer ? JSON.parse(answer) : null;
        } catch {
            json = undefined; // not JSON
        }
        return { status: response.status, body: json, text: answer, headers: response.headers };
    };
}

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function forge(claims, secret = 'another key', header = { alg: 'HS256', typ: 'JWT' }) {
    const text = `${base64url(header)}.${base64url(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

// --- WebSocket ---

export function frame(opcode, payload, { masked = true, fin = true, rsv = 0, size } = {}) {
    const data = Buffer.from(payload);
    const length = size ?? data.length;
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
    const mask = masked ? 0x80 : 0;
    if (length < 126) head.push(mask | length);
    else if (length < 65536) head.push(mask | 126, length >> 8, length & 255);
    else {
        const wide = Buffer.alloc(8);
        wide.writeBigUInt64BE(BigInt(length));
        head.push(mask | 127, ...wide);
    }
    if (!masked) return Buffer.concat([Buffer.from(head), data]);
    const key = randomBytes(4);
    const hidden = Buffer.from(data.map((byte, i) => byte ^ key[i & 3]));
    return Buffer.concat([Buffer.from(head), key, hidden]);
}

export const handshake = (path, key = randomBytes(16).toString('base64')) =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

// A bare live connection (vsn 1.0.0).  `messages` are the Phoenix messages that came, `close` the
// code of the close frame.
export async function live(url, apikey) {
    const { hostname, port } = new URL(url);
    const socket = net.connect({ host: hostname, port: Number(port) });
    const peer = { socket, messages: [], close: null, isClosed: false, bytes: 0 };
    let buffer = Buffer.alloc(0);
    let isUpgraded = false;
    const key = randomBytes(16).toString('base64');
    socket.setNoDelay(true);
    socket.on('error', () => {});
    peer.ended = new Promise((done) =>
        socket.once('close', () => {
            peer.isClosed = true;
            done(peer);
        }),
    );
    const take = (opcode, payload) => {
        if (opcode === 8) peer.close = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
        else if (opcode === 9) socket.write(frame(10, payload));
        else if (opcode === 1) peer.messages.push(JSON.parse(payload.toString()));
    };
    const opened = new Promise((done, fail) => {
        socket.once('close', () => fail(new Error('closed in the handshake')));
        socket.on('data', (piece) => {
            peer.bytes += piece.length;
            buffer = buffer.length ? Buffer.concat([buffer, piece]) : piece;
            if (!isUpgraded) {
                const end = buffer.indexOf('\r\n\r\n');
                if (end < 0) return;
                const head = buffer.subarray(0, end).toString();
                const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
                if (!head.startsWith('HTTP/1.1 101') || !head.includes(accept)) return fail(new Error(head));
                isUpgraded = true;
                buffer = buffer.subarray(end + 4);
                done();
            }
            for (;;) {
                if (buffer.length < 2) return;
                let size = buffer[1] & 127;
                let at = 2;
                if (size === 126) {
                    if (buffer.length < 4) return;
                    size = buffer.readUInt16BE(2);
                    at = 4;
                } else if (size === 127) {
                    if (buffer.length < 10) return;
                    size = Number(buffer.readBigUInt64BE(2));
                    at = 10;
                }
                if (buffer.length < at + size) return;
                take(buffer[0] & 15, buffer.subarray(at, at + size));
                buffer = buffer.subarray(at + size);
            }
        });
    });
    socket.write(handshake(`/realtime/v1/websocket?apikey=${apikey}&vsn=1.0.0`, key));
    await opened;
    let ref = 0;
    peer.write = (data) => socket.write(data);
    peer.say = (topic, event, payload, extra = {}) => {
        const message = { topic, event, payload, ref: String(++ref), ...extra };
        socket.write(frame(1, JSON.stringify(message)));
        return message.ref;
    };
    peer.join = (topic, token, changes, config = {}) => {
        const r = String(++ref);
        const payload = { config: { postgres_changes: changes, ...config }, access_token: token };
        socket.write(frame(1, JSON.stringify({ topic, event: 'phx_join', payload, ref: r, join_ref: r })));
        return r;
    };
    peer.reply = (r) => peer.messages.find((m) => m.event === 'phx_reply' && m.ref === r);
    peer.changes = () => peer.messages.filter((m) => m.event === 'postgres_changes');
    return peer;
}
