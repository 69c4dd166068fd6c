// What peers that others wrote are to do: said as data, so that each needs only a few lines to do it.  An exchange is
//   { family, name, version, needs, deflate, steps, close, echoes, pongs, code }
// `deflate`: null, or what to offer: { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover,
// clientNoContextTakeover }.  `steps`: { say: opcode, data, fragments? } (sizes of all but the last), { ping } or { pong }.
// `close`: [code, reason] of the peer; null: the server ends it.  What comes back is held against `echoes`, `pongs`, `code`.
import { VALID } from './cases-utf8.mjs';
import { Echo, letters, noise, noiseText, prose, rows, same } from './echo.mjs';

const BOTH = ['1.0.0', '2.0.0'];

function exchange(family, name, more, make) {
    const echo = new Echo(more.version ?? '2.0.0');
    return {
        family, name, needs: [], deflate: null, close: [1000, ''], pongs: [], code: null, version: echo.version,
        ...more, join: echo.join(), ...make(echo),
    };
}
const say = (m, fragments = []) => ({ say: m.opcode, data: m.said, fragments });
const echoing = (messages, fragments) => ({ steps: messages.map((m) => say(m, fragments)), echoes: messages });

function framing() {
    const all = [];
    for (const version of BOTH)
        for (const size of [125, 126, 127, 128, 65535, 65536, 131072])
            all.push(exchange('framing', `a text message of ${size} bytes, version ${version}`, { version }, (echo) => echoing([echo.textOf(size)])));
    for (const size of [125, 126, 127, 128, 65535, 65536, 131072])
        all.push(exchange('framing', `a binary message of ${size} bytes`, {}, (echo) => echoing([echo.binaryOf(size)])));
    for (const opcode of [1, 2])
        all.push(exchange('framing', `an empty message of opcode ${opcode} before a good one`, {}, (echo) => {
            const m = echo.textOf(200);
            return { steps: [{ say: opcode, data: Buffer.alloc(0), fragments: [] }, say(m)], echoes: [m] };
        }));
    return all;
}

function pings() {
    const add = (name, payloads, extra = []) =>
        exchange('pings', name, { needs: ['pings'] }, () => ({ steps: [...extra, ...payloads.map((ping) => ({ ping }))], echoes: [], pongs: payloads }));
    return [
        add('a ping without payload', [Buffer.alloc(0)]),
        add('a ping with text', [Buffer.from('Hello, world!')]),
        add('a ping of 125 bytes', [noise(125)]),
        add('ten pings', Array.from({ length: 10 }, (_, i) => Buffer.from(`payload-${i}`))),
        add('a ping behind an unasked pong', [Buffer.from('asked')], [{ pong: Buffer.from('unasked') }]),
    ];
}

function fragmentation() {
    const all = [];
    for (const deflate of [null, {}])
        for (const version of BOTH)
            for (const [name, fragments] of [['two fragments', [100]], ['three, the first empty', [0, 50]], ['fifty', Array(49).fill(20)]])
                all.push(exchange('fragmentation', `${name}, ${deflate ? 'compressed' : 'plain'}, version ${version}`, { version, deflate, needs: ['fragments'] }, (echo) => echoing([echo.textOf(1500, prose)], fragments)));
    all.push(exchange('fragmentation', 'a binary message in three', { needs: ['fragments'] }, (echo) => echoing([echo.binaryOf(1500)], [100, 1000])));
    return all;
}

const utf8 = () =>
    Object.entries(VALID).map(([name, hex]) => exchange('UTF-8', name, {}, (echo) => echoing([echo.text(`"${Buffer.from(hex.replaceAll(' ', ''), 'hex')}"`)])));

function closing() {
    const all = [];
    const add = (code, reason, needs = []) =>
        all.push(exchange('closing', `the code ${code}${reason ? ' with a reason' : ''}`, { needs }, (echo) => ({ ...echoing([echo.textOf(200)]), close: [code, reason], code })));
    for (const code of [1000, 3000, 3999, 4000, 4999]) add(code, '');
    add(1000, 'good bye');
    add(4000, letters(123));
    for (const code of [1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011]) add(code, '', ['allCodes']);
    return all;
}

function limits() {
    const all = [];
    for (const size of [262144, 1 << 20, 2500000])
        for (const binary of [false, true])
            all.push(exchange('limits', `a ${binary ? 'binary' : 'text'} message of ${size} bytes`, { isBig: true }, (echo) => echoing([binary ? echo.binaryOf(size) : echo.textOf(size)])));
    for (const size of [128, 1024])
        all.push(exchange('limits', `500 messages of ${size} bytes`, {}, (echo) => echoing(Array.from({ length: 500 }, () => echo.textOf(size)))));
    all.push(exchange('limits', 'a message larger than the largest', { isBig: true }, () => ({
        steps: [{ say: 2, data: noise((4 << 20) + 1), fragments: [] }], echoes: [], close: null, code: 1009,
    })));
    return all;
}

function compression() {
    const all = [];
    const kinds = { prose, rows, letters, 'the same letter': same, noise: noiseText };
    for (const [kind, fill] of Object.entries(kinds)) {
        for (const size of [128, 256, 1024, 4096, 16384, 65536, 131072])
            all.push(exchange('compression', `four of ${size} bytes, ${kind}`, { deflate: {} }, (echo) => echoing(Array.from({ length: 4 }, () => echo.textOf(size, fill)))));
        all.push(exchange('compression', `version 1.0.0, ${kind}`, { deflate: {}, version: '1.0.0' }, (echo) => echoing([echo.textOf(20000, fill)])));
    }
    all.push(exchange('compression', 'binary noise', { deflate: {} }, (echo) => echoing([echo.binaryOf(50000)])));
    const offers = [{ serverNoContextTakeover: true }, { clientNoContextTakeover: true }, { serverNoContextTakeover: true, clientNoContextTakeover: true }];
    for (let bits = 9; bits <= 15; bits++) offers.push({ serverMaxWindowBits: bits }, { clientMaxWindowBits: bits }, { serverMaxWindowBits: bits, clientMaxWindowBits: bits });
    for (const deflate of offers)
        all.push(exchange('compression', `offered with ${JSON.stringify(deflate)}`, { deflate, needs: ['offers'] }, (echo) => echoing([prose, rows, noiseText].map((fill) => echo.textOf(40000, fill)))));
    return all;
}

// Those that a peer with these abilities can do: 'pings', 'fragments', 'offers', 'allCodes'.
export const exchangesFor = (abilities) =>
    [framing, pings, fragmentation, utf8, closing, limits, compression].flatMap((family) => family()).filter((e) => e.needs.every((need) => abilities.includes(need)));
