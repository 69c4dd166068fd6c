// A wire between browsers and the server that can be cut and mended.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

export async function makeWire(target) {
    const { hostname, port } = new URL(target);
    const ends = new Set();
    let isCut = false;
    const track = (socket) => {
        ends.add(socket);
        socket.on('close', () => ends.delete(socket));
        socket.on('error', () => {});
    };
    const server = createServer((near) => {
        track(near);
        if (isCut) return near.resetAndDestroy();
        const far = connect(Number(port), hostname);
        track(far);
        near.pipe(far).pipe(near);
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        cut() {
            isCut = true;
            for (const s of ends) s.destroy();
        },
        mend() {
            isCut = false;
        },
        async close() {
            this.cut();
            server.close();
            await once(server, 'close');
        },
    };
}
