// WebSocket by RFC 6455 and RFC 7692: every case whole and byte by byte, plain and under TLS, by a driver of our own and by
// peers that others wrote.  The last line counts.
//   node tests/conformance/run.mjs [--long] [PEER…]        driver, ws, websockets, chromium
import { startChopper } from './chopper.mjs';
import { drive } from './driver.mjs';
import { outsider } from './judge.mjs';
import { peerChromium } from './peer-chromium.mjs';
import { peerWebsockets } from './peer-websockets.mjs';
import { peerWs } from './peer-ws.mjs';
import { Score } from './score.mjs';
import { makeWorlds, WAYS } from './worlds.mjs';

// How many bytes at both ends of long input are delivered one by one, of the driver's cases; and how many of an outsider's
// connection.  With --long it is the whole of all but the largest.
const isLong = process.argv.includes('--long');
const EDGE = isLong ? 16384 : 150;
const CHOPPED = isLong ? 16384 : 300;

// The driver cuts by itself; for the others a chopper stands between.
const chopped = (run) => async (world, way, result) => {
    if (!way.isChopped) return run(world, way, result);
    const chopper = await startChopper(world, CHOPPED);
    try {
        await run({ ...world, url: chopper.url }, way, result);
    } finally {
        chopper.stop();
    }
};

const peers = {
    driver: drive,
    ws: chopped(outsider(peerWs)),
    websockets: chopped(outsider(peerWebsockets)),
    chromium: chopped(outsider(peerChromium)),
};

const chosen = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = chosen.filter((name) => !(name in peers));
if (unknown.length) {
    console.error(`no such peer: ${unknown}; there are ${Object.keys(peers).join(', ')}`);
    process.exit(2);
}

const score = new Score(Object.keys(peers));
const worlds = await makeWorlds();
try {
    for (const way of WAYS) {
        const world = worlds.of(way);
        const [began, before] = [performance.now(), await world.received()];
        const run = (peer) => peers[peer](world, { ...way, edge: EDGE }, (family, name, error) => score.add(peer, way, family, name, error));
        await Promise.all((chosen.length ? chosen : Object.keys(peers)).map(run));
        const after = await world.received();
        const seconds = ((performance.now() - began) / 1000).toFixed(1);
        console.log(`${way.name}: ${seconds} s; the server read ${after.bytes - before.bytes} bytes in ${after.reads - before.reads} reads`);
    }
} finally {
    await worlds.stop();
}
process.exit(score.print());
