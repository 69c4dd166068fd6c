// UTF-8: what is text comes back, what is not closes with 1007, and as soon as it is clear.
import { frame } from '../hostile/wire.mjs';
import { message } from './wire.mjs';

const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

export const VALID = {
    'the Greek word kosme': 'ce ba e1 bd b9 cf 83 ce bc ce b5',
    'the smallest of two bytes': 'c2 80',
    'the smallest of three bytes': 'e0 a0 80',
    'the smallest of four bytes': 'f0 90 80 80',
    'the largest of one byte': '7f',
    'the largest of two bytes': 'df bf',
    'the largest of three bytes': 'ef bf bf',
    'the last before the surrogates': 'ed 9f bf',
    'the first behind the surrogates': 'ee 80 80',
    'the replacement character': 'ef bf bd',
    'the last code point': 'f4 8f bf bf',
    'a byte order mark': 'ef bb bf',
    'noncharacters of plane 0': 'ef b7 90 ef b7 af ef bf be',
    'noncharacters of other planes': 'f0 9f bf be f0 9f bf bf f3 bf bf be f4 8f bf be',
    'a face and a flag': 'f0 9f 98 80 f0 9f 87 a9 f0 9f 87 aa',
};

const INVALID = {
    'a surrogate in a Greek word': 'ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64',
    'a code point past the last': 'f4 90 80 80',
    'a sequence of five bytes': 'f8 88 80 80 80',
    'the largest of five bytes': 'fb bf bf bf bf',
    'a sequence of six bytes': 'fc 84 80 80 80 80',
    'the largest of six bytes': 'fd bf bf bf bf bf',
    'a continuation alone': '80',
    'the last continuation alone': 'bf',
    'two continuations': '80 bf',
    'all continuations': Array.from({ length: 64 }, (_, i) => (0x80 + i).toString(16)).join(' '),
    'starts of two bytes with blanks': 'c2 20 c3 20 df 20',
    'starts of three bytes with blanks': 'e0 20 e1 20 ef 20',
    'starts of four bytes with blanks': 'f0 20 f4 20',
    'a sequence of three cut off by a letter': 'e0 a0 41',
    'a sequence of four cut off by a letter': 'f0 90 80 41',
    'the byte fe': 'fe',
    'the byte ff': 'ff',
    'both of them twice': 'fe fe ff ff',
    'a slash in two bytes': 'c0 af',
    'a slash in three bytes': 'e0 80 af',
    'a slash in four bytes': 'f0 80 80 af',
    'a zero in two bytes': 'c0 80',
    'the largest overlong of two bytes': 'c1 bf',
    'the largest overlong of three bytes': 'e0 9f bf',
    'the largest overlong of four bytes': 'f0 8f bf bf',
    'the first surrogate': 'ed a0 80',
    'the last surrogate': 'ed bf bf',
    'a pair of surrogates': 'ed a0 80 ed b0 80',
};

const CUT_OFF = { 'two bytes': 'c3', 'three bytes': 'e2 82', 'three bytes behind the first': 'e2', 'four bytes': 'f0 9f 98', 'four bytes behind the first': 'f0' };

export function utf8() {
    const cases = [];
    const add = (name, make) => cases.push({ family: 'UTF-8', name, version: '2.0.0', make });
    for (const [name, text] of Object.entries(VALID)) {
        const inside = (echo) => echo.text(`"${hex(text).toString()}"`);
        add(name, (echo) => {
            const m = inside(echo);
            return { send: message(1, m.said), echoes: [m] };
        });
        add(`${name}, in fragments of a byte`, (echo) => {
            const m = inside(echo);
            return { send: message(1, m.said, { size: 1 }), echoes: [m] };
        });
    }
    for (const [name, bytes] of Object.entries(INVALID)) {
        add(name, () => ({ send: message(1, hex(bytes)), close: 1007 }));
        add(`${name}, in fragments of a byte`, () => ({ send: message(1, hex(bytes), { size: 1 }), close: 1007 }));
        // The message is never ended: the server must not wait for that.
        add(`${name}, in a fragment that is not the last`, () => ({ send: frame(1, hex(bytes), { fin: false }), close: 1007 }));
        add(`${name}, in a frame that is not whole`, () => ({ send: frame(1, hex(bytes), { size: 1000 }), close: 1007 }));
        add(`${name}, as a binary message, means nothing`, () => ({ send: message(2, hex(bytes)) }));
    }
    for (const [name, bytes] of Object.entries(CUT_OFF)) {
        add(`the end within a sequence of ${name}`, () => ({ send: message(1, hex(bytes)), close: 1007 }));
        add(`the end within a sequence of ${name}, in fragments`, () => ({ send: Buffer.concat([frame(1, hex(bytes), { fin: false }), frame(0, '')]), close: 1007 }));
    }
    add('a character divided by a ping', (echo) => {
        const m = echo.text('"é"');
        const at = m.said.indexOf(0xc3) + 1;
        const send = Buffer.concat([frame(1, m.said.subarray(0, at), { fin: false }), frame(9, 'p'), frame(0, m.said.subarray(at))]);
        return { send, echoes: [m], pongs: [Buffer.from('p')] };
    });
    return cases;
}
