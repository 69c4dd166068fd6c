// WebSocket by RFC 6455 and RFC 7692: every case whole and byte by byte, plain and under TLS, by our own driver and by
// peers that others wrote.  The last line counts.
//   node tests/conformance/run.mjs [--long] [PEER…]
import { makeWorlds, WAYS } from './worlds.mjs';
import { Score } from './score.mjs';
import { drive } from './driver.mjs';

const isThorough = process.argv.includes('--long');
const chosen = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const peers = { driver: drive };

const score = new Score();
const worlds = await makeWorlds();
try {
    for (const [peer, run] of Object.entries(peers)) {
        if (chosen.length && !chosen.includes(peer)) continue;
        for (const way of WAYS) {
            const began = performance.now();
            await run(worlds.of(way), { ...way, isThorough }, (family, name, error) => score.add(peer, way, family, name, error));
            console.log(`${peer}, ${way.name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
        }
    }
} finally {
    await worlds.stop();
}
process.exit(score.print());
