// A peer for bench/peers: npm's `ws`.  What comes in on /pub goes to every other client, as its users write it
// (`send`, a call per client), or with one frame made for all of them and written to their sockets (`shared`).
import { createRequire } from 'node:module';

const mode = process.argv[2];
const { Sender, WebSocketServer } = createRequire(new URL('../../tests/clients/', import.meta.url))('ws');
const clients = new Set();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4096 });

function send(data) {
    for (const client of clients) client.send(data, { binary: true });
}
function shared(data) {
    const frame = Buffer.concat(Sender.frame(data, { opcode: 2, fin: true, mask: false, readOnly: true }));
    for (const client of clients) client._socket.write(frame);
}
const publish = mode === 'shared' ? shared : send;

server.on('connection', (client, request) => {
    if (request.url === '/pub') {
        client.on('message', publish);
        return;
    }
    clients.add(client);
    client.on('close', () => clients.delete(client));
});
server.on('listening', () => console.log(`listening on ${server.address().port}`));
