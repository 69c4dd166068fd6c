// What goes over a page's network: its requests, and each message of its live connections, as the browser sees them.
import { until } from '../support/harness.mjs';

const LISTS = /^GET \/(rest\/v1|api\/inventory)/;
const ANSWERED = new Set(['heartbeat', 'phx_join']);

function read(text) {
    const [joinRef, ref, topic, event, payload] = JSON.parse(text);
    return { joinRef, ref, topic, event, payload };
}

export class Traffic {
    constructor(page) {
        Object.assign(this, { sockets: [], open: new Set(), requests: [], waiting: new Set() });
        page.on('request', (r) => {
            this.requests.push(`${r.method()} ${new URL(r.url()).pathname}${new URL(r.url()).search}`);
            this.waiting.add(r);
        });
        for (const end of ['requestfinished', 'requestfailed']) page.on(end, (r) => this.waiting.delete(r));
        page.on('websocket', (ws) => this.follow(ws));
    }

    follow(ws) {
        const socket = { sent: [], heard: [], owed: new Map() };
        this.sockets.push(socket);
        this.open.add(socket);
        ws.on('framesent', ({ payload }) => {
            const m = read(payload);
            socket.sent.push(m);
            if (ANSWERED.has(m.event)) socket.owed.set(m.ref, m.event);
        });
        ws.on('framereceived', ({ payload }) => {
            const m = read(payload);
            socket.heard.push(m);
            if (m.event === 'phx_reply') socket.owed.delete(m.ref);
        });
        ws.on('close', () => {
            this.open.delete(socket);
            socket.owed.clear();
        });
    }

    // From now on; what was before is forgotten.  Sockets that are open stay.
    forget() {
        this.requests.length = 0;
        this.sockets = [...this.open];
        for (const s of this.open) s.sent.length = s.heard.length = 0;
    }

    lists() {
        return this.requests.filter((r) => LISTS.test(r));
    }
    sent(event) {
        return this.sockets.flatMap((s) => s.sent).filter((m) => m.event === event);
    }
    heard(event) {
        return this.sockets.flatMap((s) => s.heard).filter((m) => m.event === event);
    }
    // Whether these words were in anything that came over a live connection.
    hasHeard(words) {
        return this.sockets.some((s) => s.heard.some((m) => JSON.stringify(m).includes(words)));
    }

    // Nothing that was asked waits for its answer.
    async isQuiet() {
        const owed = () => [...this.waiting].map((r) => r.url()).concat([...this.open].flatMap((s) => [...s.owed.values()]));
        try {
            await until('everything asked is answered', () => owed().length === 0, 30);
        } catch {
            throw new Error(`still waited for: ${owed().join(', ')}`);
        }
    }
}
