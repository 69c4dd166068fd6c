// What a binding may say: wildcards, filters of every kind, selected columns; through both wire versions, and the
// same filters through REST.
import WebSocket from 'ws';
import { randomUUID } from 'node:crypto';

import * as current from '@supabase/supabase-js';
import { postgresChangesFilter } from '@supabase/realtime-js';
import * as old from 'supabase-js-2.50';

import { assert, finish, test, until } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';

const bakery = makeBakery();
const server = await serve(bakery.data);
const { service_role: service } = keys(bakery.data);

const ok = ({ data, error }) => {
    assert.equal(error, null, JSON.stringify(error));
    return data;
};

async function suite(label, createClient) {
    const client = createClient(server.url, service, {
        auth: { persistSession: false, autoRefreshToken: false },
        realtime: { transport: WebSocket },
    });
    const on = (sentence, body) => test(`${label}: ${sentence}`, body);

    // One channel with these bindings; events by the place of their binding, and what `system` says.
    const listen = async (...bindings) => {
        const events = bindings.map(() => []);
        const channel = client.channel(`bindings-${randomUUID()}`);
        let told;
        const system = new Promise((done) => { told = done; });
        bindings.forEach((binding, place) => channel.on('postgres_changes', binding, (event) => events[place].push(event)));
        channel.on('system', {}, told);
        await new Promise((done, fail) =>
            channel.subscribe((status, error) => (status === 'SUBSCRIBED' ? done() : fail(error ?? new Error(status)))),
        );
        return { events, channel, system: await system };
    };
    const feedback = { event: '*', schema: 'public', table: 'shift_feedback' };
    const person = ok(await client.from('users').select('id').limit(1).single()).id;
    const say = async (note) => ok(await client.from('shift_feedback').insert({ note, shift: 'night', user_id: person }).select().single());

    await on('wildcards and missing parts mean all there is', async () => {
        const { events, channel, system } = await listen(
            { event: '*', schema: '*' },
            { event: '*', schema: 'public', table: '*' },
            { event: 'whatever', schema: 'public', table: 'shift_feedback' },
            { event: 'DELETE', schema: 'public' },
            { event: 'INSERT', schema: '*', table: 'shift_feedback' },
            { event: '*', table: 'shift_feedback', filter: '' },
        );
        assert.deepEqual([system.status, system.message], ['ok', 'Subscribed to PostgreSQL']);
        const row = await say('wild');
        ok(await client.from('shift_feedback').delete().eq('id', row.id));
        await until('the delete', () => events[3].length === 1);
        // A binding whose event is neither `*` nor the change's is skipped by the client itself.
        assert.deepEqual(events.map((list) => list.map((event) => event.eventType)), [
            ['INSERT', 'DELETE'], ['INSERT', 'DELETE'], [], ['DELETE'], ['INSERT'], ['INSERT', 'DELETE']]);
        await client.removeChannel(channel);
    });

    await on('what cannot be served is told, and the channel stays', async () => {
        for (const [binding, message] of [
            [{ ...feedback, table: 'nope' }, /^Unable to subscribe to changes with given parameters\..*table: nope, filters: \[\]\]$/],
            [{ ...feedback, table: 'audit_trail' }, /^Unable to subscribe to changes/],
            [{ event: '*' }, /^No subscription params provided\./],
            [{ ...feedback, filter: 'nope=eq.1' }, /^Error parsing `filter` params: .*column does not exist: nope$/],
            [{ ...feedback, filter: 'created_at=eq.soon' }, /invalid input syntax for type timestamp/],
            [{ ...feedback, filter: 'note=match.(?=a)' }, /invalid regular expression/],
            [{ ...feedback, filter: `note=like.${'a'.repeat(101)}` }, /pattern is too long/],
            [{ ...feedback, filter: `note=in.(${Array(101).fill('a')})` }, /too many terms or values/],
            [{ ...feedback, select: ['nope'] }, /^Error parsing `select` params: .*column does not exist: "nope"$/],
            [{ ...feedback, table: '*', select: ['id'] }, /^Column selection is not supported for wildcard subscriptions\./],
        ]) {
            const { channel, system } = await listen(binding);
            assert.deepEqual([system.status, system.extension], ['error', 'postgres_changes']);
            assert.match(system.message, message);
            assert.equal(channel.state, 'joined');
            await client.removeChannel(channel);
        }
    });

    await on('a filter means in the feed what it means in REST', async () => {
        const notes = ['rye', 'Rye bread', 'a,b', '(x)', 'say "hi"', '50 %', 'Bäcker', 'rye\\wheat', 'no'];
        const filters = [
            ['like', 'r%'], ['ilike', '%RYE%'], ['ilike', 'bÄ%'], ['like', '%\\%'], ['match', '^(rye|no)$'], ['match', '\\('],
            ['imatch', '^RYE.'], ['not.match', '[a-z],|"'], ['neq', 'a,b'], ['eq', 'say "hi"'], ['isdistinct', 'rye'], ['match', '\\\\'],
        ];
        const scope = postgresChangesFilter().in('user_id', [person]).build();
        const { events, channel, system } = await listen(...filters.map(([op, value]) => {
            const builder = postgresChangesFilter();
            if (op.startsWith('not.')) builder.not('note', op.slice(4), value);
            else builder[op === 'isdistinct' ? 'isDistinct' : op]('note', value);
            return { ...feedback, event: 'INSERT', filter: `${scope},${builder.build()}` };
        }), { ...feedback, event: 'INSERT' });
        assert.equal(system.status, 'ok', system.message);
        const ids = [];
        for (const note of notes) ids.push((await say(note)).id);
        await until('all notes', () => events.at(-1).length === notes.length);
        for (const [place, [op, value]] of filters.entries()) {
            const rows = ok(await client.from('shift_feedback').select('note').in('id', ids).filter('note', op, value));
            const heard = events[place].map((event) => event.new.note).sort();
            assert.deepEqual(heard, rows.map((row) => row.note).sort(), `${op} ${value}`);
            assert.ok(heard.length > 0 && heard.length < notes.length, `${op} ${value}`);
        }
        ok(await client.from('shift_feedback').delete().in('id', ids));
        await client.removeChannel(channel);
    });

    await on('a selection narrows the rows, and each one of a channel gets its own', async () => {
        const { events, channel, system } = await listen(
            { ...feedback, select: ['note'] },
            feedback,
            { ...feedback, event: 'DELETE', select: ['shift', 'note'] },
            { ...feedback, event: 'UPDATE', select: [], filter: 'note=eq.second' },
        );
        assert.equal(system.status, 'ok', system.message);
        const row = await say('first');
        const later = ok(await client.from('shift_feedback').update({ note: 'second' }).eq('id', row.id).select().single());
        ok(await client.from('shift_feedback').delete().eq('id', row.id));
        // What was removed before the join may still be on its way to this shard.
        const heard = (place) => events[place].filter((event) => (event.new.id ?? event.old.id) === row.id);
        await until('the delete', () => heard(2).length === 1 && heard(1).length === 3);
        const { id } = row;
        assert.deepEqual(heard(0).map((event) => [event.new, event.old]), [
            [{ id, note: 'first' }, {}], [{ id, note: 'second' }, { id, note: 'first' }], [{}, { id, note: 'second' }]]);
        assert.deepEqual(heard(1).map((event) => [event.new, event.old]), [[row, {}], [later, row], [{}, later]]);
        assert.deepEqual(heard(2).map((event) => event.old), [{ id, note: 'second', shift: 'night' }]);
        assert.deepEqual(heard(3).map((event) => [event.new, event.old]), [[{ id }, { id }]]);
        await client.removeChannel(channel);
    });

    await client.removeAllChannels();
}

try {
    await suite('supabase-js 2.119', current.createClient);
    await suite('supabase-js 2.50', old.createClient);
} finally {
    await server.stop();
    bakery.remove();
}
process.exit(finish());
