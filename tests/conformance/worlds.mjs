// The servers that are asked: one plain, one with TLS.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { keys, makeBakery, serve } from '../support/server.mjs';

export const WAYS = [
    { name: 'plain, whole', isTls: false, isChopped: false },
    { name: 'plain, bytes', isTls: false, isChopped: true },
    { name: 'TLS, whole', isTls: true, isChopped: false },
    { name: 'TLS, bytes', isTls: true, isChopped: true },
];

// Small messages are compressed too, so that every size is tried; and there is room for all that comes back, so that a slow
// machine loses no broadcast; and time, for a long message takes long byte by byte.
const LIMITS = ['deflate-from=64', 'outbox-bytes=64MiB', 'outbox-frames=65536', 'idle-time=10min'].flatMap((limit) => ['--limit', limit]);

export function makeCertificate(folder) {
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { cert, key };
}

async function makeWorld(isTls) {
    const bakery = makeBakery();
    const certificate = makeCertificate(join(bakery.data, '..'));
    const options = isTls ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : [];
    const server = await serve(bakery.data, '127.0.0.1:0', ...LIMITS, ...options);
    return {
        url: server.url,
        anon: keys(bakery.data).anon,
        certificate,
        // What has been read from all sockets so far, by the server's own count.
        async received() {
            const text = await (await fetch(`${server.url}/metrics`)).text();
            const value = (name) => Number(text.match(new RegExp(`^homebake_${name} (\\d+)$`, 'm'))[1]);
            return { bytes: value('received_bytes_total'), reads: value('receives_total') };
        },
        async stop() {
            await server.stop();
            bakery.remove();
        },
    };
}

export async function makeWorlds() {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // the certificate is our own
    const [plain, tls] = await Promise.all([makeWorld(false), makeWorld(true)]);
    return {
        of: (way) => (way.isTls ? tls : plain),
        stop: () => Promise.all([plain.stop(), tls.stop()]),
    };
}
