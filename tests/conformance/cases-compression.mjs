// permessage-deflate: what is negotiated, and messages of many sizes and kinds, in many windows, whole and in fragments.
import zlib from 'node:zlib';

import { frame } from '../hostile/wire.mjs';
import { letters, noise, noiseText, prose, rows, same } from './echo.mjs';
import { close, deflate, message } from './wire.mjs';

const DEFLATED = { rsv: 4 };
const ACCEPTED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const OFFER = 'permessage-deflate; client_max_window_bits';
const BOTH = ['1.0.0', '2.0.0'];
const KINDS = { prose, rows, letters, 'the same letter': same, noise: noiseText };
const HELLO = Buffer.from('f248cdc9c90700', 'hex'); // RFC 7692, 7.2.3.1

const join = (...parts) => Buffer.concat(parts.flat());
const squeeze = (m, { size = 0, windowBits = 15 } = {}) => message(m.opcode, deflate(m.said, windowBits), { ...DEFLATED, size });
// Whether what comes back is compressed: the server's limit is 64 bytes here, and it compresses only what gets smaller.
const back = (m, isDeflated) => ({ ...m, isDeflated });

// An offer, and the answer to it; null: none is accepted.
const OFFERS = [
    ['permessage-deflate', ACCEPTED],
    ['permessage-deflate; client_max_window_bits', ACCEPTED],
    ['permessage-deflate; client_max_window_bits=9', ACCEPTED],
    ['permessage-deflate; client_max_window_bits="8"', ACCEPTED],
    ['permessage-deflate; client_no_context_takeover', ACCEPTED],
    ['permessage-deflate; server_no_context_takeover; client_max_window_bits', ACCEPTED],
    ['permessage-deflate; server_no_context_takeover; client_no_context_takeover', ACCEPTED],
    ['permessage-deflate; server_max_window_bits=15', `${ACCEPTED}; server_max_window_bits=15`],
    ['permessage-deflate; server_max_window_bits=12; client_max_window_bits=12', `${ACCEPTED}; server_max_window_bits=9`],
    ['permessage-deflate; server_max_window_bits=9', `${ACCEPTED}; server_max_window_bits=9`],
    ['permessage-deflate; server_no_context_takeover; server_max_window_bits="9"', `${ACCEPTED}; server_max_window_bits=9`],
    ['permessage-deflate; server_max_window_bits=8', null],
    ['permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9, permessage-deflate', `${ACCEPTED}; server_max_window_bits=9`],
    ['x-webkit-deflate-frame, permessage-deflate', ACCEPTED],
    ['permessage-bzip2', null],
    ['permessage-deflate; server_max_window_bits=16', null],
    ['permessage-deflate; server_max_window_bits', null],
    ['permessage-deflate; server_no_context_takeover=1', null],
    ['permessage-deflate; client_max_window_bits; client_max_window_bits', null],
    ['permessage-deflate; no_such_parameter, permessage-deflate', ACCEPTED],
];

function negotiation(add) {
    for (const [offer, answer] of OFFERS) {
        const what = `${offer} → ${answer ? answer.slice(ACCEPTED.length) || 'accepted' : 'declined'}`;
        add('negotiation', what, (echo) => {
            const m = echo.textOf(2000, prose);
            return answer ? { send: squeeze(m), echoes: [back(m, true)] } : { send: message(m.opcode, m.said), echoes: [back(m, false)] };
        }, { offer, answer });
        if (!answer) add('negotiation', `${offer} → a compressed message is an error`, () => ({ send: message(1, HELLO, DEFLATED), close: 1002 }), { offer, answer });
    }
}

function sizes(add) {
    for (const version of BOTH)
        for (const [kind, fill] of Object.entries(KINDS))
            for (const size of [128, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072])
                add('compression', `ten of ${size} bytes, ${kind}, version ${version}`, (echo) => {
                    const all = Array.from({ length: size > 16384 ? 2 : 10 }, () => echo.textOf(size, fill));
                    // Small pieces of little regularity do not get smaller; noise in base64 does, by a quarter.
                    const isDeflated = size >= 1024 || fill === same ? true : undefined;
                    return { send: join(all.map((m) => squeeze(m))), echoes: all.map((m) => back(m, isDeflated)) };
                }, { version, isBig: size > 16384 });
    for (const size of [16, 63])
        add('compression', `heartbeats with ${size} bytes more, compressed`, (echo) => {
            const said = Buffer.from(echo.heartbeat('h', letters(size)));
            return { send: message(1, deflate(said), DEFLATED), echoes: [{ opcode: 1, heard: Buffer.from(echo.heartbeatReply('h')) }] };
        });
    for (const size of [1024, 65536])
        add('compression', `binary noise of ${size} bytes does not get smaller and comes back as it was`, (echo) => {
            const m = echo.binaryOf(size, noise);
            return { send: squeeze(m), echoes: [back(m, false)] };
        });
    add('compression', 'binary prose', (echo) => {
        const m = echo.binaryOf(5000, (n) => Buffer.from(prose(n)));
        return { send: squeeze(m), echoes: [back(m, true)] };
    });
}

function fragments(add) {
    for (const [kind, fill] of Object.entries(KINDS))
        for (const size of [1, 7, 256, 1024, 4096, 32768])
            add('compression', `${kind} in compressed fragments of ${size} bytes`, (echo) => {
                const m = echo.textOf(size < 256 ? 1500 : 131072, fill);
                return { send: squeeze(m, { size }), echoes: [back(m, true)] };
            }, { isBig: size >= 256 });
    add('compression', 'pings between compressed fragments', (echo) => {
        const m = echo.textOf(1000, prose);
        const data = deflate(m.said);
        const send = join(frame(1, data.subarray(0, 20), { fin: false, rsv: 4 }), frame(9, '1'), frame(0, '', { fin: false }), frame(9, '2'), frame(0, data.subarray(20)));
        return { send, echoes: [m], pongs: [Buffer.from('1'), Buffer.from('2')] };
    });
    add('compression', 'a close between compressed fragments', (echo) => ({
        send: join(frame(1, deflate(echo.textOf(1000, prose).said).subarray(0, 20), { fin: false, rsv: 4 }), close(1000)),
        close: 1000,
    }));
}

function windows(add) {
    for (let windowBits = 9; windowBits <= 15; windowBits++)
        for (const fill of [prose, rows])
            add('compression', `a client window of ${windowBits} bits, ${fill === prose ? 'prose' : 'rows'}`, (echo) => {
                const m = echo.textOf(40000, fill);
                return { send: squeeze(m, { windowBits }), echoes: [back(m, true)] };
            }, { isBig: true });
    for (let bits = 9; bits <= 15; bits++)
        for (const [kind, fill] of Object.entries(KINDS))
            add('compression', `a server window of ${bits} bits, ${kind}`, (echo) => {
                const all = [2000, 40000].map((size) => echo.textOf(size, fill));
                return { send: join(all.map((m) => squeeze(m))), echoes: all };
            }, { offer: `permessage-deflate; server_max_window_bits=${bits}`, answer: `${ACCEPTED}; server_max_window_bits=${bits === 15 ? 15 : 9}`, isBig: true });
}

// RFC 7692, 7.2.3, and what compressors do besides.
function forms(add) {
    const add1 = (name, make) => add('compression', name, make);
    const raw = (data, options) => zlib.deflateRawSync(data, options);
    add1('a plain message where compression was negotiated', (echo) => {
        const m = echo.textOf(3000, prose);
        return { send: message(1, m.said), echoes: [back(m, true)] };
    });
    add1('plain and compressed messages in turn', (echo) => {
        const all = [1, 2, 3, 4].map((i) => echo.textOf(1000 * i, rows));
        return { send: join(all.map((m, i) => (i % 2 ? squeeze(m) : message(1, m.said)))), echoes: all };
    });
    add1('a final block, as another compressor ends', (echo) => {
        const m = echo.textOf(1000, prose);
        return { send: message(1, join(raw(m.said), Buffer.alloc(1)), DEFLATED), echoes: [m] };
    });
    add1('stored blocks', (echo) => {
        const m = echo.textOf(1000, prose);
        return { send: message(1, deflate(m.said, 15, 0), DEFLATED), echoes: [m] };
    });
    add1('fixed codes', (echo) => {
        const m = echo.textOf(1000, prose);
        const data = raw(m.said, { strategy: zlib.constants.Z_FIXED, finishFlush: zlib.constants.Z_SYNC_FLUSH });
        return { send: message(1, data.subarray(0, -4), DEFLATED), echoes: [m] };
    });
    add1('two blocks, an empty one between', (echo) => {
        const m = echo.textOf(1000, prose);
        const halves = [m.said.subarray(0, 500), m.said.subarray(500)];
        const [one, two] = halves.map((half) => raw(half, { finishFlush: zlib.constants.Z_SYNC_FLUSH }));
        return { send: message(1, join(one, two.subarray(0, -4)), DEFLATED), echoes: [m] };
    });
    add1('an empty message means nothing', () => ({ send: message(1, Buffer.alloc(1), DEFLATED) }));
    add1('a payload of nothing at all', () => ({ send: message(1, '', DEFLATED), close: 1007 }));
    add1('compressed data cut off', (echo) => ({ send: message(1, deflate(echo.textOf(1000, prose).said).subarray(0, 100), DEFLATED), close: 1007 }));
    add1('bytes that are not compressed data', () => ({ send: message(2, Buffer.alloc(50, 0xff), DEFLATED), close: 1007 }));
    add1('a reference to the message before', () => ({ send: join(message(1, HELLO, DEFLATED), message(1, Buffer.from('f200110000', 'hex'), DEFLATED)), close: 1007 }));
    add1('compressed text that is not UTF-8', () => ({ send: message(1, deflate(Buffer.from([0xc3, 0x28])), DEFLATED), close: 1007 }));
    add1('compressed text that ends within a character', () => ({ send: message(1, deflate(Buffer.from([0xe2, 0x82])), DEFLATED), close: 1007 }));
    add1('a compressed binary message that is not UTF-8 means nothing', () => ({ send: message(2, deflate(Buffer.from([0xc3, 0x28])), DEFLATED) }));
    add1('the bit on a continuation', () => ({ send: join(frame(1, HELLO.subarray(0, 3), { fin: false, rsv: 4 }), frame(0, HELLO.subarray(3), { rsv: 4 })), close: 1002 }));
    add1('the bit on a continuation of a plain message', () => ({ send: join(frame(1, 'Hel', { fin: false }), frame(0, HELLO, { rsv: 4 })), close: 1002 }));
    for (const [opcode, name] of [[8, 'close'], [9, 'ping'], [10, 'pong']])
        add1(`the bit on a ${name}`, () => ({ send: frame(opcode, '', { rsv: 4 }), close: 1002 }));
    for (const rsv of [1, 2, 3, 5, 6, 7])
        add1(`the bits ${rsv.toString(2).padStart(3, '0')}`, () => ({ send: frame(1, HELLO, { rsv }), close: 1002 }));
    add1('a message that inflates past the largest size', () => ({ send: message(2, deflate(Buffer.alloc((4 << 20) + 1)), DEFLATED), close: 1009 }));
    add1('a message that inflates to the largest size', (echo) => {
        const said = Buffer.from(echo.heartbeat('max', letters((4 << 20) - echo.heartbeat('max', 'x').length + 1)));
        return { send: message(1, deflate(said), DEFLATED), echoes: [{ opcode: 1, heard: Buffer.from(echo.heartbeatReply('max')) }] };
    });
}

export function compression() {
    const cases = [];
    const add = (family, name, make, more = {}) => cases.push({ family, name, version: '2.0.0', offer: OFFER, answer: ACCEPTED, make, ...more });
    for (const part of [negotiation, sizes, fragments, windows, forms]) part(add);
    return cases;
}
