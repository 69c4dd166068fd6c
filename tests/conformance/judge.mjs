// Runs the exchanges with a peer that others wrote, and holds what it reports against what must be.
import { assert } from '../support/harness.mjs';
import { exchangesFor } from './exchanges.mjs';

const CONNECTIONS = 6; // at a time

function judge(e, report, alwaysOffers) {
    assert.equal(report.error ?? null, null);
    assert.equal(report.code, e.code ?? 1000, 'the code of the close');
    assert.equal(report.isDeflated, Boolean(e.deflate) || alwaysOffers, 'whether compression was negotiated');
    assert.equal(report.messages.length, e.echoes.length, `${report.messages.length} messages came back, not ${e.echoes.length}`);
    report.messages.forEach(([opcode, data], i) => {
        assert.equal(opcode, e.echoes[i].opcode);
        assert.ok(data.equals(e.echoes[i].heard), `message ${i} is not what was said`);
    });
    assert.deepEqual(report.pongs, e.pongs);
}

// `peer`: { abilities, alwaysOffers?, open(world) → { converse(exchange) → report, stop() } }; a report is
// { messages: [[opcode, Buffer]], pongs: [Buffer], code, isDeflated } or { error }.
export const outsider = (peer) => async (world, way, result) => {
    const session = await peer.open(world);
    const exchanges = exchangesFor(peer.abilities);
    const worker = async () => {
        for (let e; (e = exchanges.shift()); ) {
            let error = null;
            try {
                judge(e, await session.converse(e), peer.alwaysOffers ?? false);
            } catch (fault) {
                error = fault;
            }
            result(e.family, e.name, error);
        }
    };
    try {
        await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    } finally {
        await session.stop();
    }
};
