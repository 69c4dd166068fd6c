// A slow line between a browser and the server: so many bytes a second each way for all connections together, and so long
// for a round trip.  A connection takes one round trip to be made.  There is no loss and no slow start.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

// One way of the line: pieces leave it in order, each when the line has had the time for it, and arrive half a round trip later.
class Way {
    constructor(bytesPerSecond, delayMs) {
        Object.assign(this, { bytesPerSecond, delayMs, freeAt: 0 });
    }
    carry(size, arrive) {
        const now = performance.now();
        this.freeAt = Math.max(this.freeAt, now) + (1000 * size) / this.bytesPerSecond;
        setTimeout(arrive, this.freeAt + this.delayMs - now);
    }
}

const PIECE = 1400;

export async function makeSlowWire(target, { bytesPerSecond, roundTripMs }) {
    const { hostname, port } = new URL(target);
    const [up, down] = [0, 1].map(() => new Way(bytesPerSecond, roundTripMs / 2));
    const ends = new Set();
    const pass = (from, to, way) => {
        from.on('data', (data) => {
            for (let i = 0; i < data.length; i += PIECE) {
                const piece = data.subarray(i, i + PIECE);
                way.carry(piece.length, () => to.destroyed || to.write(piece));
            }
        });
        from.on('close', () => way.carry(0, () => to.destroy()));
        from.on('error', () => {});
        ends.add(from);
    };
    const server = createServer({ noDelay: true }, (near) => {
        near.pause();
        setTimeout(() => {
            const far = connect({ port: Number(port), host: hostname, noDelay: true });
            pass(near, far, up);
            pass(far, near, down);
            near.resume();
        }, roundTripMs);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        close() {
            for (const s of ends) s.destroy();
            server.close();
        },
    };
}
