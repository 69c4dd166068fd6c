// Our own peer: every case, by hand.
import { assert } from '../support/harness.mjs';
import { allCases } from './cases.mjs';
import { Echo } from './echo.mjs';
import { close, message, Wire } from './wire.mjs';

const CONNECTIONS = 12; // at a time

// Buffers of a mebibyte are no good in an error message.
const shown = (data) => (data.length > 100 ? `${data.length} bytes: ${data.subarray(0, 60).toString('latin1')}…` : data.toString('latin1'));

function sameMessages(got, want) {
    assert.equal(got.length, want.length, `${got.length} messages came back, not ${want.length}`);
    got.forEach((m, i) => {
        assert.equal(m.opcode, want[i].opcode);
        if (!m.payload.equals(want[i].heard)) assert.fail(`came: ${shown(m.payload)}\nwant: ${shown(want[i].heard)}`);
        if (want[i].isDeflated !== undefined) assert.equal(m.isDeflated, want[i].isDeflated, 'compressed or not');
    });
}

async function goodBye(wire, echo) {
    await wire.send(message(1, echo.heartbeat('last')));
    await wire.until('the answer to the last heartbeat', () => wire.messages.some((m) => m.payload.equals(Buffer.from(echo.heartbeatReply('last')))));
    wire.messages = wire.messages.filter((m) => !m.payload.equals(Buffer.from(echo.heartbeatReply('last'))));
    await wire.send(close(1000));
}

async function joined(world, oneCase, way, echo) {
    const path = `/realtime/v1/websocket?apikey=${world.anon}&vsn=${oneCase.version}`;
    const wire = await Wire.open(world.url, path, way, { offer: oneCase.offer, isHandshakeTried: oneCase.family === 'negotiation' });
    assert.equal(wire.answer, oneCase.answer ?? null, 'what was negotiated');
    await wire.sendWhole(message(1, echo.join()));
    await wire.until('the reply to the join', () => wire.messages.length > 0);
    assert.match(wire.messages.shift().payload.toString(), /"status":"ok"/);
    return wire;
}

async function run(world, oneCase, way) {
    const echo = new Echo(oneCase.version);
    const wire = await joined(world, oneCase, way, echo);
    try {
        const { send, echoes = [], pongs = [], close: code } = oneCase.make(echo);
        await wire.send(send);
        if (code === undefined) {
            await wire.until('the messages and pongs', () => wire.messages.length >= echoes.length && wire.pongs.length >= pongs.length);
            await goodBye(wire, echo);
        }
        await wire.end('the close');
        assert.equal(wire.fault, null);
        assert.equal(wire.close.code, code ?? 1000, 'the code of the close');
        sameMessages(wire.messages, echoes);
        assert.deepEqual(wire.pongs, pongs);
    } finally {
        wire.destroy();
    }
}

// Calls result(family, name, error) for each case.
export async function drive(world, way, result) {
    const cases = allCases();
    const worker = async () => {
        for (let oneCase; (oneCase = cases.shift()); ) {
            let error = null;
            try {
                await run(world, oneCase, way);
            } catch (e) {
                error = e;
            }
            result(oneCase.family, oneCase.name, error);
        }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}
