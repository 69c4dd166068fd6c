// The server speaks Phoenix and has no echo.  A broadcast with `self` comes back: so every message here has a twin, the
// message that must be heard when it is said on a channel that was joined so.
const V1 = '1.0.0';
let topics = 0;

export class Echo {
    constructor(version) {
        this.version = version;
        this.topic = `realtime:echo-${String(++topics).padStart(6, '0')}`;
    }

    join() {
        const config = { config: { broadcast: { self: true }, presence: { enabled: false } } };
        return this.#text('phx_join', JSON.stringify(config), '"1"', '"1"');
    }

    heartbeat(ref, padding = '') {
        const payload = padding ? `{"x":"${padding}"}` : '{}';
        return this.version === V1
            ? `{"topic":"phoenix","event":"heartbeat","payload":${payload},"ref":"${ref}"}`
            : `[null,"${ref}","phoenix","heartbeat",${payload}]`;
    }
    heartbeatReply(ref) {
        return this.version === V1
            ? `{"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"${ref}"}`
            : `[null,"${ref}","phoenix","phx_reply",{"status":"ok","response":{}}]`;
    }

    // With this JSON text inside; { opcode, said, heard }.
    text(inside) {
        const payload = `{"x":${inside}}`;
        return {
            opcode: 1,
            said: Buffer.from(this.#text('broadcast', payload, '"1"', '"2"')),
            heard: Buffer.from(this.#text('broadcast', payload, 'null', 'null')),
        };
    }
    // Of that many bytes; `fill(n)` gives n bytes of text that needs no escapes in JSON.
    textOf(size, fill = letters) {
        const empty = this.text('""').said.length;
        return this.text(`"${fill(size - empty)}"`);
    }

    // Version 2 alone: a binary broadcast of any bytes (kind 3 out, kind 4 back).
    binary(inside) {
        const topic = Buffer.from(this.topic);
        return {
            opcode: 2,
            said: Buffer.concat([Buffer.from([3, 1, 1, topic.length, 1, 0, 0]), Buffer.from('12'), topic, Buffer.from('e'), inside]),
            heard: Buffer.concat([Buffer.from([4, topic.length, 1, 0, 0]), topic, Buffer.from('e'), inside]),
        };
    }
    binaryOf(size, fill = noise) {
        return this.binary(fill(size - this.binary(Buffer.alloc(0)).said.length));
    }

    #text(event, payload, joinRef, ref) {
        if (this.version !== V1) return `[${joinRef},${ref},"${this.topic}","${event}",${payload}]`;
        const join = joinRef === 'null' ? '' : `,"join_ref":${joinRef}`;
        return `{"topic":"${this.topic}","event":"${event}","payload":${payload},"ref":${ref}${join}}`;
    }
}

// --- what fills messages; the same at every run ---

export const letters = (size) => {
    const text = Buffer.alloc(size);
    for (let i = 0; i < size; i++) text[i] = 97 + ((i * i + 3 * i) % 26);
    return text.toString('latin1');
};

export const noise = (size) => {
    const bytes = Buffer.alloc(size);
    let x = 0x9e3779b9;
    for (let i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        bytes[i] = x;
    }
    return bytes;
};

const repeat = (text) => (size) => {
    const bytes = Buffer.alloc(size, text);
    // A character that would be cut off at the end gives way to blanks.
    for (let i = size - 1; i >= 0 && bytes[i] & 0x80; i--) bytes[i] = 0x20;
    return bytes.toString();
};
export const prose = repeat('Ein Laib Brot, frisch gebacken für die Frühschicht; déjà vendu, 3,20 €. ');
export const rows = repeat("{'id':'019a','table':'sales_logs','quantity':2,'unit_price':'3.20','shift':'morning'}, ");
export const same = repeat('a');
export const noiseText = (size) => noise(size).toString('base64').slice(0, size);
