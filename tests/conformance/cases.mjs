// What a peer may do, and what must come of it, by families.  A case is
//   { family, name, version, offer?, answer?, make(echo) }   and make gives   { send, echoes?, pongs?, close?, lost? }
// `send` are the bytes; `echoes` the messages that must come back, in order, and no others; `pongs` likewise; `close` the
// code with which the server must end it (without: it must go on).  `offer` and `answer` are of Sec-WebSocket-Extensions.
import { frame } from '../hostile/wire.mjs';
import { compression } from './cases-compression.mjs';
import { utf8 } from './cases-utf8.mjs';
import { letters, noise } from './echo.mjs';
import { close, message } from './wire.mjs';

const TEXT = 1;
const BINARY = 2;
const PING = 9;
const PONG = 10;
const BOTH = ['1.0.0', '2.0.0'];

const join = (...parts) => Buffer.concat(parts.flat());
const say = (m, options) => message(m.opcode, m.said, options);
const v2 = (family, name, make) => ({ family, name, version: '2.0.0', make });

function framing() {
    const cases = [];
    const add = (name, version, make) => cases.push({ family: 'framing', name: `${name}, version ${version}`, version, make });
    for (const version of BOTH) {
        for (const opcode of [TEXT, BINARY])
            add(`an empty ${opcode === TEXT ? 'text' : 'binary'} message means nothing`, version, () => ({ send: message(opcode, '') }));
        for (const size of [125, 126, 127, 128, 65535, 65536, 131072]) {
            add(`a text message of ${size} bytes`, version, (echo) => {
                const m = echo.textOf(size);
                return { send: say(m), echoes: [m] };
            });
            if (version === '2.0.0')
                add(`a binary message of ${size} bytes`, version, (echo) => {
                    const m = echo.binaryOf(size);
                    return { send: say(m), echoes: [m] };
                });
            else add(`a binary message of ${size} bytes means nothing`, version, () => ({ send: message(BINARY, noise(size)) }));
        }
        add('a length in a longer form than needed', version, () => ({ send: join(Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0]), Buffer.from('Hello')), close: 1002 }));
        add('a length with the highest bit', version, () => ({ send: Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), close: 1002 }));
        add('a frame without a mask', version, () => ({ send: frame(TEXT, 'Hello', { masked: false }), close: 1002 }));
    }
    return cases;
}

function pings() {
    const add = (name, make) => v2('pings', name, make);
    const ping = (payload) => frame(PING, payload);
    const ten = Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`));
    return [
        add('a ping without payload', () => ({ send: ping(''), pongs: [Buffer.alloc(0)] })),
        add('a ping with text', () => ({ send: ping('Hello, world!'), pongs: [Buffer.from('Hello, world!')] })),
        add('a ping with bytes that are no text', () => ({ send: ping([0, 255, 254, 253, 252, 251, 0, 255]), pongs: [Buffer.from([0, 255, 254, 253, 252, 251, 0, 255])] })),
        add('a ping of 125 bytes', () => ({ send: ping(noise(125)), pongs: [noise(125)] })),
        add('a ping of 126 bytes', () => ({ send: ping(noise(126)), close: 1002 })),
        add('an unasked pong without payload', () => ({ send: frame(PONG, '') })),
        add('an unasked pong with payload', () => ({ send: frame(PONG, 'unasked') })),
        add('an unasked pong and a ping', () => ({ send: join(frame(PONG, 'unasked'), ping('asked')), pongs: [Buffer.from('asked')] })),
        add('ten pings', () => ({ send: join(ten.map(ping)), pongs: ten })),
        add('a pong of 126 bytes', () => ({ send: frame(PONG, noise(126)), close: 1002 })),
        add('a ping with a length of two bytes', () => ({ send: Buffer.from([0x89, 0xfe, 0, 1, 0, 0, 0, 0, 1]), close: 1002 })),
        add('a ping without a mask', () => ({ send: frame(PING, 'x', { masked: false }), close: 1002 })),
    ];
}

function reservedBits() {
    const cases = [];
    for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
        const add = (what, make) => cases.push(v2('reserved bits', `${what} with the bits ${rsv.toString(2).padStart(3, '0')}`, make));
        add('a text message', () => ({ send: frame(TEXT, 'Hello', { rsv }), close: 1002 }));
        add('a binary message', () => ({ send: frame(BINARY, 'Hello', { rsv }), close: 1002 }));
        add('a ping', () => ({ send: frame(PING, 'Hello', { rsv }), close: 1002 }));
        add('a close', () => ({ send: frame(8, Buffer.from([3, 232]), { rsv }), close: 1002 }));
        add('a message behind a good one', (echo) => {
            const m = echo.textOf(200);
            return { send: join(say(m), frame(TEXT, 'Hello', { rsv }), frame(PING, '')), echoes: [m], close: 1002 };
        });
        add('a continuation', (echo) => {
            const { said } = echo.textOf(200);
            return { send: join(frame(TEXT, said.subarray(0, 50), { fin: false }), frame(0, said.subarray(50), { rsv })), close: 1002 };
        });
    }
    return cases;
}

function opcodes() {
    return [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
        v2('opcodes', `opcode ${opcode} without payload`, () => ({ send: frame(opcode, ''), close: 1002 })),
        v2('opcodes', `opcode ${opcode} with payload`, () => ({ send: frame(opcode, 'payload'), close: 1002 })),
        v2('opcodes', `opcode ${opcode} behind a good message, before a ping`, (echo) => {
            const m = echo.textOf(150);
            return { send: join(say(m), frame(opcode, 'payload'), frame(PING, '')), echoes: [m], close: 1002 };
        }),
    ]);
}

// The message in frames of these sizes, the rest in a last one, with something between each two.
function parts({ opcode, said }, sizes, between = []) {
    const frames = [];
    let at = 0;
    for (const size of sizes) {
        frames.push(frame(at === 0 && frames.length === 0 ? opcode : 0, said.subarray(at, at + size), { fin: false }), ...between);
        at += size;
    }
    return join(frames, frame(sizes.length ? 0 : opcode, said.subarray(at)));
}

function fragmentation() {
    const cases = [];
    const add = (name, make) => cases.push(v2('fragmentation', name, make));
    for (const version of BOTH)
        for (const [sizes, name] of [[[100], 'two fragments'], [[0], 'an empty fragment and the rest'], [[200, 0], 'an empty fragment at the end'], [[0, 0, 1, 1, 0, 50], 'seven fragments, some empty'], [Array(150).fill(1), 'fragments of a byte']])
            cases.push({ family: 'fragmentation', name: `${name}, version ${version}`, version, make: (echo) => {
                const m = echo.textOf(200);
                return { send: parts(m, sizes), echoes: [m] };
            } });
    add('a binary message in three fragments', (echo) => {
        const m = echo.binaryOf(300);
        return { send: parts(m, [100, 100]), echoes: [m] };
    });
    add('a ping between fragments', (echo) => {
        const m = echo.textOf(200);
        return { send: parts(m, [100], [frame(PING, 'between')]), echoes: [m], pongs: [Buffer.from('between')] };
    });
    add('pings and pongs between many fragments', (echo) => {
        const m = echo.textOf(200);
        const send = parts(m, Array(10).fill(10), [frame(PING, '1'), frame(PONG, 'x'), frame(PING, '2')]);
        return { send, echoes: [m], pongs: Array.from({ length: 20 }, (_, i) => Buffer.from(i % 2 ? '2' : '1')) };
    });
    add('two fragmented messages, one behind the other', (echo) => {
        const [one, two] = [echo.textOf(200), echo.binaryOf(300)];
        return { send: join(parts(one, [10, 20]), parts(two, [30, 40])), echoes: [one, two] };
    });
    add('a close between fragments', (echo) => ({ send: join(frame(TEXT, echo.textOf(200).said.subarray(0, 100), { fin: false }), close(1000)), close: 1000 }));
    add('a ping in two fragments', () => ({ send: join(frame(PING, 'a', { fin: false }), frame(0, 'b')), close: 1002 }));
    add('a pong in two fragments', () => ({ send: join(frame(PONG, 'a', { fin: false }), frame(0, 'b')), close: 1002 }));
    add('a close in two fragments', () => ({ send: join(frame(8, Buffer.from([3]), { fin: false }), frame(0, Buffer.from([232]))), close: 1002 }));
    for (const fin of [true, false]) {
        const what = fin ? 'a last continuation' : 'a continuation';
        add(`${what} of nothing`, () => ({ send: frame(0, 'nothing', { fin }), close: 1002 }));
        add(`${what} behind a whole message`, (echo) => {
            const m = echo.textOf(150);
            return { send: join(say(m), frame(0, 'nothing', { fin })), echoes: [m], close: 1002 };
        });
        add(`${what} behind a fragmented message`, (echo) => {
            const m = echo.textOf(150);
            return { send: join(parts(m, [50]), frame(0, 'nothing', { fin })), echoes: [m], close: 1002 };
        });
    }
    for (const opcode of [TEXT, BINARY])
        add(`a new ${opcode === TEXT ? 'text' : 'binary'} message in the midst of another`, (echo) => ({
            send: join(frame(TEXT, echo.textOf(200).said.subarray(0, 100), { fin: false }), frame(opcode, 'another')),
            close: 1002,
        }));
    return cases;
}

function closing() {
    const cases = [];
    const add = (name, make) => cases.push(v2('closing', name, make));
    add('a message and a close', (echo) => {
        const m = echo.textOf(200);
        return { send: join(say(m), close(1000)), echoes: [m], close: 1000 };
    });
    add('a large message and a close', (echo) => {
        const m = echo.textOf(262144);
        return { send: join(say(m), close(1000)), echoes: [m], close: 1000 };
    });
    add('two closes', () => ({ send: join(close(1000), close(1001)), close: 1000 }));
    add('a ping behind a close', () => ({ send: join(close(1000), frame(PING, 'late')), close: 1000 }));
    add('a message behind a close', (echo) => ({ send: join(close(1000), say(echo.textOf(200))), close: 1000 }));
    add('nonsense behind a close', () => ({ send: join(close(1000), Buffer.from([0xff, 0xff, 0xff])), close: 1000 }));
    add('a fragment, a close, the rest', (echo) => {
        const { said } = echo.textOf(200);
        return { send: join(frame(TEXT, said.subarray(0, 100), { fin: false }), close(1000), frame(0, said.subarray(100))), close: 1000 };
    });
    add('a close without code', () => ({ send: close(), close: 1005 }));
    add('half a code', () => ({ send: frame(8, Buffer.from([3])), close: 1002 }));
    add('a close with a reason', () => ({ send: close(1000, 'good bye'), close: 1000 }));
    add('a reason of 123 bytes', () => ({ send: close(1000, letters(123)), close: 1000 }));
    add('a reason of 124 bytes', () => ({ send: close(1000, letters(124)), close: 1002 }));
    add('a reason that is not UTF-8', () => ({ send: frame(8, Buffer.from([3, 232, 0xce, 0xba, 0xed, 0xa0, 0x80])), close: 1007 }));
    add('a reason cut off in a character', () => ({ send: frame(8, Buffer.from([3, 232, 0xe2, 0x82])), close: 1007 }));
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
        add(`the code ${code}`, () => ({ send: close(code), close: code }));
    for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65535])
        add(`the code ${code}, which may not be sent`, () => ({ send: close(code), close: 1002 }));
    return cases;
}

const MESSAGE_MAX = 4 << 20; // --limit message-bytes
const padded = (echo, size) => echo.heartbeat('big', letters(size - echo.heartbeat('big', 'x').length + 1));

function limits() {
    const cases = [];
    const add = (name, make, isBig = true) => cases.push({ ...v2('limits', name, make), isBig });
    for (const size of [262144, 1 << 20, 2500000]) {
        add(`a text message of ${size} bytes`, (echo) => {
            const m = echo.textOf(size);
            return { send: say(m), echoes: [m] };
        });
        add(`a binary message of ${size} bytes`, (echo) => {
            const m = echo.binaryOf(size);
            return { send: say(m), echoes: [m] };
        });
    }
    for (const part of [256, 4096, 65536])
        add(`a text message of a mebibyte in fragments of ${part}`, (echo) => {
            const m = echo.textOf(1 << 20);
            return { send: say(m, { size: part }), echoes: [m] };
        });
    const answer = (echo) => ({ opcode: TEXT, heard: Buffer.from(echo.heartbeatReply('big')) });
    add('a message of the largest size', (echo) => ({ send: message(TEXT, padded(echo, MESSAGE_MAX)), echoes: [answer(echo)] }));
    add('the largest size in fragments', (echo) => ({ send: message(TEXT, padded(echo, MESSAGE_MAX), { size: 1 << 18 }), echoes: [answer(echo)] }));
    add('a header that promises more than the largest size', () => ({ send: frame(TEXT, '', { size: MESSAGE_MAX + 1 }), close: 1009 }), false);
    add('a fragment that promises more than is left', () => ({ send: join(frame(BINARY, noise(1000), { fin: false }), frame(0, '', { size: MESSAGE_MAX - 999 })), close: 1009 }), false);
    for (const size of [128, 256, 1024, 4096])
        add(`500 messages of ${size} bytes at once`, (echo) => {
            const all = Array.from({ length: 500 }, (_, i) => echo.text(`"${String(i).padStart(6, '0')}${letters(size - 90)}"`));
            return { send: join(all.map((m) => say(m))), echoes: all };
        });
    add('a thousand empty messages mean nothing', () => ({ send: join(Array.from({ length: 1000 }, (_, i) => message(i % 2 ? TEXT : BINARY, ''))) }));
    return cases;
}

export const allCases = () => [
    ...framing(),
    ...pings(),
    ...reservedBits(),
    ...opcodes(),
    ...fragmentation(),
    ...utf8(),
    ...closing(),
    ...limits(),
    ...compression(),
];
