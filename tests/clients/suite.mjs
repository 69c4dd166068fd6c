// What an app does with supabase-js, for one version of it.
import WebSocket from 'ws';
import { randomUUID } from 'node:crypto';

import { assert, test, until } from '../support/harness.mjs';
import { homebake } from '../support/server.mjs';
import { privateSuite } from './private.mjs';

export async function suite(label, createClient, { url, data, people, keys }) {
    const clients = [];
    const connect = (key = keys.anon) => {
        const client = createClient(url, key, {
            auth: { autoRefreshToken: false, persistSession: false, storageKey: randomUUID() },
            realtime: { transport: WebSocket },
        });
        clients.push(client);
        return client;
    };
    const signIn = async (who) => {
        const client = connect();
        const { data: session, error } = await client.auth.signInWithPassword(people[who]);
        assert.equal(error, null);
        await client.realtime.setAuth(session.session.access_token);
        return client;
    };
    const ok = ({ data: rows, error }) => {
        assert.equal(error, null, JSON.stringify(error));
        return rows;
    };
    const me = async (client) => (await client.auth.getSession()).data.session.user.id;
    // Subscribes and collects events; resolves when SUBSCRIBED.
    const listen = async (client, ...bindings) => {
        const events = [];
        const channel = client.channel(`test-${randomUUID()}`);
        for (const binding of bindings)
            channel.on('postgres_changes', { schema: 'public', ...binding }, (event) => events.push(event));
        await new Promise((done, fail) =>
            channel.subscribe((status, error) => {
                if (status === 'SUBSCRIBED') done();
                else fail(error ?? new Error(status));
            }),
        );
        return { events, channel };
    };
    const on = (sentence, body, seconds) => test(`${label}: ${sentence}`, body, seconds);

    const owner = await signIn('owner');
    const manager = await signIn('manager');
    const rep = await signIn('rep1');
    const other = await signIn('rep2');
    const breads = ok(await owner.from('bread_types').select('*').order('name'));
    const [bread, second] = breads;

    await on('a wrong password is refused', async () => {
        const { error } = await connect().auth.signInWithPassword({ ...people.owner, password: 'not this one' });
        assert.equal(error.message, 'Invalid login credentials');
        assert.equal(error.code, 'invalid_credentials');
    });

    await on('the session names its user, and refreshes with rotation', async () => {
        const client = await signIn('manager');
        const before = (await client.auth.getSession()).data.session;
        assert.equal(before.user.email, people.manager.email);
        assert.equal(before.user.user_metadata.role, 'manager');
        const { data: fresh, error } = await client.auth.refreshSession();
        assert.equal(error, null);
        assert.notEqual(fresh.session.refresh_token, before.refresh_token);
        assert.equal((await client.auth.getUser()).data.user.email, people.manager.email);
    });

    await on('signing out ends the session', async () => {
        const client = await signIn('manager');
        const token = (await client.auth.getSession()).data.session.access_token;
        assert.equal((await client.auth.signOut()).error, null);
        const { error } = await connect().auth.getUser(token);
        assert.equal(error.name === 'AuthSessionMissingError' || error.code === 'session_not_found', true);
    });

    await on('select gives columns, embeds, filters, order, ranges and counts', async () => {
        const rows = ok(
            await rep
                .from('sales_logs')
                .select('id,quantity,price:unit_price,bread_types(id,name,unit_price),users:recorded_by(name)')
                .gte('quantity', 1)
                .in('shift', ['morning', 'night'])
                .order('created_at', { ascending: false })
                .range(2, 6),
        );
        assert.equal(rows.length, 5);
        assert.deepEqual(Object.keys(rows[0]), ['id', 'quantity', 'price', 'bread_types', 'users']);
        assert.equal(typeof rows[0].bread_types.name, 'string');
        const { count, error } = await rep.from('sales_logs').select('*', { count: 'exact', head: true });
        assert.equal(error, null);
        assert.ok(count > 100);
        const none = ok(await rep.from('bread_types').select('id').is('size', null).eq('name', 'no such bread'));
        assert.deepEqual(none, []);
        const one = ok(await rep.from('bread_types').select('name').eq('id', bread.id).single());
        assert.deepEqual(one, { name: bread.name });
        assert.equal(ok(await rep.from('bread_types').select('name').eq('id', randomUUID()).maybeSingle()), null);
    });

    await on('errors carry the documented codes', async () => {
        const code = async (request) => (await request).error?.code;
        assert.equal(await code(rep.from('bread_types').select('*').single()), 'PGRST116');
        assert.equal(await code(rep.from('nothing').select('*')), 'PGRST205');
        assert.equal(await code(rep.from('bread_types').select('nothing')), '42703');
        assert.equal(await code(rep.from('bread_types').select('id').eq('id', 'x')), '22P02');
        assert.equal(await code(rep.from('bread_types').select('id,batches(id)')), 'PGRST200');
        assert.equal(await code(owner.from('bread_types').insert({ name: bread.name, unit_price: 1 })), '23505');
        assert.equal(await code(owner.from('bread_types').insert({ unit_price: 1 })), '23502');
        assert.equal(await code(owner.from('bread_types').insert({ name: 'Free', unit_price: 0 })), '23514');
        assert.equal(await code(owner.from('bread_types').insert({ nme: 'x' })), 'PGRST204');
        assert.equal(await code(owner.from('bread_types').delete().eq('id', bread.id)), '23503');
        assert.equal(await code(rep.from('sales_logs').insert({ bread_type_id: randomUUID(), quantity: 1, unit_price: 1 })), '23503');
        assert.equal(await code(rep.from('bread_types').insert({ name: 'Mine', unit_price: 1 })), '42501');
        assert.equal(await code(rep.from('stock').insert({ bread_type_id: bread.id })), '42501');
        assert.equal(await code(rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 1, recorded_by: await me(owner) })), '42501');
    });

    await on('insert one and many, update and delete, with representation', async () => {
        const sale = ok(
            await rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 3, discount: 50.5 }).select('*,bread_types(name)').single(),
        );
        assert.equal(sale.recorded_by, await me(rep));
        assert.equal(sale.unit_price, bread.unit_price);
        assert.equal(sale.revenue, 3 * bread.unit_price - 50.5);
        assert.equal(sale.bread_types.name, bread.name);
        const many = ok(
            await rep.from('sales_logs').insert([1, 2].map((quantity) => ({ bread_type_id: second.id, quantity }))).select(),
        );
        assert.deepEqual(many.map((row) => row.quantity), [1, 2]);
        const changed = ok(await rep.from('sales_logs').update({ returned: true }).eq('id', sale.id).select());
        assert.equal(changed.length, 1);
        assert.equal(changed[0].revenue, 0);
        assert.deepEqual(ok(await other.from('sales_logs').update({ quantity: 99 }).eq('id', sale.id).select()), []);
        const { count } = await rep.from('sales_logs').delete({ count: 'exact' }).in('id', [sale.id, ...many.map((row) => row.id)]);
        assert.equal(count, 3);
    });

    await on('the inventory agrees with the stock, and says for which seq', async () => {
        const token = (await rep.auth.getSession()).data.session.access_token;
        const answer = await fetch(`${url}/api/inventory/current`, { headers: { authorization: `Bearer ${token}` } });
        assert.equal(answer.status, 200);
        const inventory = await answer.json();
        assert.equal(Number(answer.headers.get('homebake-seq')), inventory.seq);
        const stock = ok(await rep.from('stock').select('*'));
        for (const item of inventory.items)
            assert.equal(item.remaining, stock.find((row) => row.bread_type_id === item.id).remaining);
        assert.equal((await fetch(`${url}/api/inventory/current`)).status, 401);
    });

    await on('insert, update and delete arrive with exact old and new rows', async () => {
        const { events, channel } = await listen(manager, { event: '*', table: 'sales_logs' });
        const inserted = ok(await rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 2 }).select().single());
        const updated = ok(await rep.from('sales_logs').update({ quantity: 5 }).eq('id', inserted.id).select().single());
        ok(await rep.from('sales_logs').delete().eq('id', inserted.id));
        await until('three events', () => events.length >= 3);
        assert.deepEqual(events.map((event) => event.eventType), ['INSERT', 'UPDATE', 'DELETE']);
        assert.deepEqual(events[0].new, inserted);
        assert.deepEqual(events[0].old, {});
        assert.deepEqual(events[1].new, updated);
        assert.deepEqual(events[1].old, inserted);
        assert.deepEqual(events[2].new, {});
        assert.deepEqual(events[2].old, updated);
        assert.equal(events[0].errors, null);
        await manager.removeChannel(channel);
    });

    await on('a filter lets through its rows alone, deletes included', async () => {
        const { events, channel } = await listen(other, { event: '*', table: 'sales_logs', filter: `bread_type_id=eq.${second.id}` });
        const kept = ok(await rep.from('sales_logs').insert({ bread_type_id: second.id, quantity: 1 }).select().single());
        const passed = ok(await rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 1 }).select().single());
        ok(await rep.from('sales_logs').delete().eq('id', passed.id));
        ok(await rep.from('sales_logs').delete().eq('id', kept.id));
        await until('the delete', () => events.some((event) => event.eventType === 'DELETE'));
        assert.deepEqual(events.map((event) => [event.eventType, event.new.id ?? event.old.id]), [['INSERT', kept.id], ['DELETE', kept.id]]);
        await other.removeChannel(channel);
    });

    await on('several bindings of one channel get their own events', async () => {
        const { events, channel } = await listen(owner, { event: 'UPDATE', table: 'bread_types' }, { event: '*', table: 'stock', filter: `bread_type_id=eq.${bread.id}` });
        ok(await owner.from('bread_types').update({ low_threshold: 7 }).eq('id', bread.id));
        ok(await owner.from('bread_types').update({ low_threshold: bread.low_threshold }).eq('id', bread.id));
        const batch = ok(await manager.from('production_logs').insert({ bread_type_id: bread.id, quantity: 40 }).select().single());
        await until('three events', () => events.length >= 3);
        assert.deepEqual(events.map((event) => event.table), ['bread_types', 'bread_types', 'stock']);
        assert.equal(events[2].new.remaining, events[2].old.remaining + 40);
        ok(await owner.from('production_logs').delete().eq('id', batch.id));
        await owner.removeChannel(channel);
    });

    await on('no change is missed after SUBSCRIBED, and all arrive once, in commit order', async () => {
        const { events, channel } = await listen(manager, { event: 'INSERT', table: 'sales_logs' });
        const ids = Array.from({ length: 200 }, () => randomUUID());
        for (let i = 0; i < ids.length; i += 50)
            await Promise.all(
                ids.slice(i, i + 50).map(async (id, n) =>
                    ok(await (n % 2 ? rep : other).from('sales_logs').insert({ id, bread_type_id: second.id, quantity: 1 })),
                ),
            );
        await until('200 events', () => events.length >= ids.length);
        assert.deepEqual(events.map((event) => event.new.id).sort(), [...ids].sort());
        const stamps = events.map((event) => event.commit_timestamp);
        assert.deepEqual(stamps, [...stamps].sort());
        ok(await owner.from('sales_logs').delete().in('id', ids));
        await manager.removeChannel(channel);
    });

    await on('feedback reaches its author, the manager and the owner, and nobody else', async () => {
        const listeners = await Promise.all([owner, manager, rep, other].map((client) => listen(client, { event: '*', table: 'shift_feedback' })));
        const anon = connect();
        const stranger = await listen(anon, { event: '*', table: 'shift_feedback' }, { event: '*', table: 'sales_logs' });
        const note = ok(await rep.from('shift_feedback').insert({ shift: 'morning', note: 'The oven is slow' }).select().single());
        const mark = ok(await other.from('shift_feedback').insert({ shift: 'night', note: 'All fine' }).select().single());
        await until('the manager has both', () => listeners[1].events.length >= 2);
        await until('the others have theirs', () => listeners[0].events.length >= 2 && listeners[2].events.length >= 1 && listeners[3].events.length >= 1);
        assert.deepEqual(listeners[2].events.map((event) => event.new.id), [note.id]);
        assert.deepEqual(listeners[3].events.map((event) => event.new.id), [mark.id]);
        ok(await owner.from('shift_feedback').delete().in('id', [note.id, mark.id]));
        await until('the author sees the delete', () => listeners[2].events.length >= 2);
        assert.equal(listeners[2].events[1].old.note, note.note);
        assert.deepEqual(stranger.events, []);
        assert.equal((await rep.from('shift_totals').select('*')).error.code, '42501');
        assert.ok(ok(await manager.from('shift_totals').select('*')).length > 0);
        for (const [index, client] of [owner, manager, rep, other].entries()) await client.removeChannel(listeners[index].channel);
    });

    await on('a price change never alters history', async () => {
        const sale = ok(await rep.from('sales_logs').insert({ bread_type_id: second.id, quantity: 2 }).select().single());
        ok(await owner.from('bread_types').update({ unit_price: second.unit_price + 100 }).eq('id', second.id));
        const later = ok(await rep.from('sales_logs').select('unit_price,revenue').eq('id', sale.id).single());
        assert.deepEqual(later, { unit_price: sale.unit_price, revenue: sale.revenue });
        ok(await owner.from('bread_types').update({ unit_price: second.unit_price }).eq('id', second.id));
        ok(await rep.from('sales_logs').delete().eq('id', sale.id));
    });

    await on('an entry of another shift cannot be moved into this one in order to be removed', async () => {
        const token = (await rep.auth.getSession()).data.session.access_token;
        const answer = await fetch(`${url}/api/inventory/current`, { headers: { authorization: `Bearer ${token}` } });
        const { shift } = await answer.json();
        const past = shift === 'night' ? 'morning' : 'night';
        const service = connect(keys.service_role);
        for (const [table, client] of [['sales_logs', rep], ['production_logs', manager]]) {
            const row = { bread_type_id: bread.id, quantity: 2, shift: past, recorded_by: await me(client) };
            const { id } = ok(await service.from(table).insert(row).select('id').single());
            assert.equal((await client.from(table).update({ shift }).eq('id', id)).error?.code, '42501');
            assert.equal((await client.from(table).update({ id: randomUUID() }).eq('id', id)).error?.code, '42501');
            ok(await client.from(table).update({ quantity: 3 }).eq('id', id));
            ok(await client.from(table).delete().eq('id', id));
            assert.equal(ok(await service.from(table).select('quantity').eq('id', id).single()).quantity, 3);
            ok(await service.from(table).delete().eq('id', id));
        }
    });

    await on('a disabled person reads, writes and hears nothing from that moment', async () => {
        const { events } = await listen(other, { event: 'INSERT', table: 'sales_logs' });
        homebake('user', 'disable', '--data', data, '--email', people.rep2.email);
        try {
            ok(await rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 1 }));
            const { error, status } = await other.from('sales_logs').select('id').limit(1);
            assert.equal(status, 401, JSON.stringify(error));
            assert.equal((await other.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 1 })).status, 401);
            assert.equal((await connect().auth.signInWithPassword(people.rep2)).error.code, 'user_banned');
            assert.deepEqual(events, []);
        } finally {
            homebake('user', 'enable', '--data', data, '--email', people.rep2.email);
        }
    });

    await on('the service role bypasses the policies', async () => {
        const service = connect(keys.service_role);
        const { events, channel } = await listen(service, { event: '*', table: 'shift_totals' });
        ok(await rep.from('sales_logs').insert({ bread_type_id: bread.id, quantity: 1 }));
        await until('its total changes', () => events.length >= 1);
        assert.ok(ok(await service.from('shift_feedback').select('*')) !== null);
        await service.removeChannel(channel);
        const { error, status } = await connect().from('sales_logs').select('*').limit(1);
        assert.deepEqual([status, error.code], [401, '42501']);
    });

    await privateSuite(label, { owner, manager, rep, other, connect, url, data, keys });

    await Promise.all(clients.map((client) => client.removeAllChannels()));
}
