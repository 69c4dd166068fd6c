// A WebSocket of bare bytes: what is sent is put together by hand, what comes back is held to the letter of RFC 6455
// and RFC 7692.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import zlib from 'node:zlib';

import { frame, handshake } from '../hostile/wire.mjs';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const WHOLE = { isChopped: false };
const SECONDS = 300; // of patience with a slow machine

export const deflate = (data, windowBits = 15, level = 6) =>
    zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH, windowBits, level }).subarray(0, -4);

// In pieces smaller than any window, so that what refers further back than `windowBits` allows is an error.
export function inflate(payload, windowBits = 15) {
    const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, windowBits, chunkSize: windowBits === 15 ? 16384 : 64 };
    return zlib.inflateRawSync(Buffer.concat([payload, TAIL]), options);
}

// A message in one frame, or in frames of `size` bytes.
export function message(opcode, payload, { size = 0, rsv = 0 } = {}) {
    const data = Buffer.from(payload);
    if (!size || data.length <= size) return frame(opcode, data, { rsv });
    const frames = [];
    for (let at = 0; at < data.length; at += size) {
        const isFirst = at === 0;
        frames.push(frame(isFirst ? opcode : 0, data.subarray(at, at + size), { fin: at + size >= data.length, rsv: isFirst ? rsv : 0 }));
    }
    return Buffer.concat(frames);
}

// A close frame; without a code its payload is empty.
export function close(code, reason = '') {
    const payload = Buffer.from(code === undefined ? '' : `..${reason}`);
    if (code !== undefined) payload.writeUInt16BE(code);
    return frame(8, payload);
}

// Byte by byte.  Of long input that is its two ends of `edge` bytes; what is between them comes in pieces of 997.
function* pieces(bytes, edge) {
    for (let at = 0; at < bytes.length; ) {
        const isInside = bytes.length > 8 * edge && at >= edge && at < bytes.length - edge;
        const size = isInside ? Math.min(997, bytes.length - edge - at) : 1;
        yield bytes.subarray(at, (at += size));
    }
}

export async function deliver(socket, bytes, { isChopped, edge }) {
    for (const piece of isChopped ? pieces(bytes, edge) : [bytes]) {
        if (socket.destroyed || socket.writableEnded) return; // the server has had enough
        await new Promise((done) => socket.write(piece, () => setImmediate(done))); // so that pieces do not meet in a buffer
    }
}

function dial(url) {
    const { hostname: host, port, protocol } = new URL(url);
    const options = { host, port: Number(port), allowHalfOpen: true };
    return protocol === 'https:' ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
}

// What the server sends: `messages` ({ opcode, payload, isDeflated }), `pongs`, and `close`.
export class Wire {
    constructor(socket, way) {
        Object.assign(this, { socket, way, messages: [], pongs: [], close: null, isEnded: false, fault: null });
        Object.assign(this, { buffer: Buffer.alloc(0), head: null, answer: null, windowBits: 0, waiters: new Set() });
        socket.setNoDelay?.(true);
        socket.on('error', () => {});
        socket.on('data', (piece) => this.#take(piece));
        socket.once('end', () => socket.end());
        socket.once('close', () => {
            this.isEnded = true;
            this.#wake();
        });
    }

    // `offer`: Sec-WebSocket-Extensions.  The handshake is chopped where it is what is tried.
    static async open(url, path, way, { offer, isHandshakeTried = false }) {
        const socket = dial(url);
        const wire = new Wire(socket, way);
        await Promise.race([once(socket, url.startsWith('https:') ? 'secureConnect' : 'connect'), once(socket, 'close')]);
        const key = randomBytes(16).toString('base64');
        const fields = offer ? `Sec-WebSocket-Extensions: ${offer}\r\n\r\n` : '\r\n';
        await deliver(socket, Buffer.from(handshake(path, key).slice(0, -2) + fields), isHandshakeTried ? way : WHOLE);
        await wire.until('the handshake', () => wire.head);
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        if (!wire.head.startsWith('HTTP/1.1 101 ') || !wire.head.includes(`Sec-WebSocket-Accept: ${accept}`))
            throw new Error(wire.head);
        return wire;
    }

    send(bytes) {
        return deliver(this.socket, bytes, this.way);
    }
    sendWhole(bytes) {
        return deliver(this.socket, bytes, WHOLE);
    }

    // Until something is so, or can no longer become so.
    async until(what, check) {
        const deadline = Date.now() + SECONDS * 1000;
        while (!check()) {
            if (this.fault) throw new Error(this.fault);
            if (this.isEnded) throw new Error(`the connection ended (close ${this.close?.code}) before ${what}`);
            if (Date.now() > deadline) throw new Error(`never came: ${what}`);
            await new Promise((done) => {
                const timer = setTimeout(done, 1000);
                this.waiters.add(() => done(clearTimeout(timer)));
            });
        }
    }

    async end(what) {
        await this.until(what, () => this.close);
        await this.until('the end of the connection', () => this.isEnded);
    }

    destroy() {
        this.socket.destroy();
    }

    #wake() {
        const waiters = [...this.waiters];
        this.waiters.clear();
        for (const wake of waiters) wake();
    }

    #take(piece) {
        this.buffer = this.buffer.length ? Buffer.concat([this.buffer, piece]) : piece;
        if (!this.head) this.#takeHead();
        try {
            while (this.head && this.#takeFrame());
        } catch (error) {
            this.fault = `the server broke the rules: ${error.message}`;
        }
        this.#wake();
    }

    #takeHead() {
        const end = this.buffer.indexOf('\r\n\r\n');
        if (end < 0) return;
        this.head = this.buffer.subarray(0, end).toString('latin1');
        this.buffer = this.buffer.subarray(end + 4);
        this.answer = this.head.match(/^Sec-WebSocket-Extensions: (.*)$/m)?.[1] ?? null;
        const bits = this.answer?.match(/server_max_window_bits=(\d+)/)?.[1];
        this.windowBits = this.answer ? Number(bits ?? 15) : 0;
    }

    // True when a frame was whole.
    #takeFrame() {
        const b = this.buffer;
        if (b.length < 2) return false;
        const form = b[1] & 127;
        const head = form === 126 ? 4 : form === 127 ? 10 : 2;
        if (b.length < head) return false;
        const size = form === 126 ? b.readUInt16BE(2) : form === 127 ? Number(b.readBigUInt64BE(2)) : form;
        if (b.length < head + size) return false;
        if ((form === 126 && size < 126) || (form === 127 && size < 65536)) throw new Error('a length in too long a form');
        this.buffer = b.subarray(head + size);
        this.#takeWhole(b[0], b[1], b.subarray(head, head + size));
        return true;
    }

    #takeWhole(first, second, payload) {
        const opcode = first & 15;
        const isDeflated = (first & 0x40) !== 0;
        if (second & 128) throw new Error('a masked frame');
        if (!(first & 128)) throw new Error('a fragment'); // ours sends none
        if (this.close) throw new Error('a frame behind the close frame');
        if (first & 0x30 || (isDeflated && (!this.answer || opcode > 2))) throw new Error('a reserved bit');
        if (opcode === 1 || opcode === 2) {
            const data = isDeflated ? inflate(payload, this.windowBits) : payload;
            if (opcode === 1) new TextDecoder('utf-8', { fatal: true }).decode(data);
            this.messages.push({ opcode, payload: data, isDeflated, wireSize: payload.length });
        } else if (opcode === 10) {
            this.pongs.push(payload);
        } else if (opcode === 8) {
            if (payload.length === 1) throw new Error('half a close code');
            this.close = { code: payload.length ? payload.readUInt16BE() : 1005, reason: payload.subarray(2).toString() };
        } else if (opcode !== 9) {
            throw new Error(`opcode ${opcode}`);
        }
    }
}
