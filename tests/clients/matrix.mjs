// Who may do what: every role, table, verb and kind of row, through REST and as live events, and every role on
// private channels, against the product's matrix (matrix-table.mjs).  One line for each role and table; the last
// line counts single cells.
import { liveCells } from './matrix-live.mjs';
import { restCells } from './matrix-rest.mjs';
import { matrix } from './matrix-table.mjs';
import { topicCells } from './matrix-topics.mjs';
import { World } from './matrix-world.mjs';

let passed = 0;
let failed = 0;

async function tally(label, cells) {
    const wrong = [];
    for (const { words, run } of cells) {
        const fault = await Promise.resolve().then(run).catch((error) => String(error.stack ?? error));
        if (fault) wrong.push(`    ${words}: ${fault}`);
    }
    passed += cells.length - wrong.length;
    failed += wrong.length;
    console.log([`${wrong.length ? 'not ok' : 'ok'} ${label}: ${cells.length} cells`, ...wrong].join('\n'));
}

const world = await World.open();
try {
    world.now = await world.shiftNow();
    const live = await liveCells(world);
    await world.rule('PATCH', `bread_types?id=eq.${world.bread}`, { low_threshold: 6 }); // something to audit
    for (const actor of world.actors)
        await Promise.all(
            Object.keys(matrix).map((table) => {
                const heard = live.get(actor)[table] ?? [];
                return tally(`${actor.name} ${table}`, [...restCells(world, actor, table), ...heard]);
            }),
        );
    for (const [actor, cells] of await topicCells(world)) await tally(`${actor.name} private channels`, cells);
    const { business_day, shift } = await world.shiftNow();
    const isSame = business_day === world.now.business_day && shift === world.now.shift;
    await tally('one shift for the whole run', [{ words: 'the shift', run: () => (isSame ? null : 'ended meanwhile: run again') }]);
} finally {
    await world.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
