// A man in the middle that passes on what a client sends byte by byte, and what the server sends as it comes.  Under TLS
// it has a session of its own with either side, so that each byte comes in a record of its own.  Behind the handshake
// `count` bytes of a connection are treated so; the rest is passed on in pieces.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

import { deliver } from './wire.mjs';

export async function startChopper({ url, certificate }, count) {
    const { hostname: host, port, protocol } = new URL(url);
    const isTls = protocol === 'https:';
    const sockets = new Set();
    const meet = (client) => {
        const server = isTls ? tls.connect({ host, port, rejectUnauthorized: false }) : net.connect({ host, port });
        for (const socket of [client, server]) {
            sockets.add(socket);
            socket.setNoDelay(true);
            socket.on('error', () => {});
            socket.once('close', () => sockets.delete(socket));
        }
        let isUpgraded = false; // the handshake is passed on as it came
        let left = count;
        client.on('data', async (piece) => {
            client.pause();
            await deliver(server, piece, { isChopped: isUpgraded, edge: left > 0 ? left : 0 });
            if (isUpgraded) left -= piece.length;
            isUpgraded = true;
            client.resume();
        });
        client.once('end', () => server.end());
        client.once('close', () => server.end());
        server.pipe(client);
        server.once('close', () => client.end());
    };
    const listener = isTls ? tls.createServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, meet) : net.createServer(meet);
    listener.on('tlsClientError', () => {});
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return {
        url: `${protocol}//127.0.0.1:${listener.address().port}`,
        stop() {
            for (const socket of sockets) socket.destroy();
            listener.close();
        },
    };
}
