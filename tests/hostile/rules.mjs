// Who may do what (the matrix of roles, tables and verbs), asked for straight and by every way round.
import { randomUUID } from 'node:crypto';

import { assert, test } from '../support/harness.mjs';

const representation = { prefer: 'return=representation' };
const merge = { prefer: 'resolution=merge-duplicates,return=representation' };

export async function rules(world) {
    const { rest, sessions, call, anon } = world;
    const id = Object.fromEntries(Object.entries(sessions).map(([who, session]) => [who, session.id]));
    const add = async (who, table, body) => {
        const { status, body: rows } = await rest[who]('POST', table, { body, headers: representation });
        assert.equal(status, 201, JSON.stringify(rows));
        return rows[0];
    };
    const seen = async (who, path) => {
        const { status, body } = await rest[who]('GET', path);
        assert.ok(status === 200 || status === 206, `${who} ${path}: ${status} ${JSON.stringify(body)}`);
        return body;
    };
    // A row as it stands, asked for by the owner.
    const now = async (table, rowId) => (await seen('owner', `${table}?id=eq.${rowId}`))[0];
    const [bread] = await seen('owner', 'bread_types?order=name&limit=1');

    await test('users: owner sees all, a manager no owner, a rep only themselves; in lists, counts and embeds', async () => {
        const roles = async (who) => (await seen(who, 'users?select=role')).map((row) => row.role).sort();
        assert.deepEqual(await roles('owner'), ['manager', 'owner', 'sales_rep', 'sales_rep']);
        assert.deepEqual(await roles('manager'), ['manager', 'sales_rep', 'sales_rep']);
        assert.deepEqual((await seen('rep1', 'users')).map((row) => row.id), [id.rep1]);
        const counted = await rest.rep1('HEAD', 'users?select=*', { headers: { prefer: 'count=exact' } });
        assert.equal(counted.headers.get('content-range'), '0-0/1');
        const past = await rest.rep1('GET', 'users?select=*&offset=1', { headers: { prefer: 'count=exact' } });
        assert.ok(!/\/[2-9]/.test(past.headers.get('content-range') ?? ''));
        await add('owner', 'sales_logs', { bread_type_id: bread.id, quantity: 1 });
        for (const embed of ['users(*)', 'u:users!sales_logs_recorded_by_fkey(name,role)', 'recorded_by(name)', 'users!inner(*)']) {
            const rows = await seen('rep1', `sales_logs?select=recorded_by,x:${embed.replace(/^u:/, '')}&recorded_by=eq.${id.owner}`);
            assert.ok(rows.every((row) => row.x === null), `${embed}: ${JSON.stringify(rows[0])}`);
            if (embed.includes('inner')) assert.equal(rows.length, 0);
        }
        // A filter on a hidden row must not tell what is in it.
        for (const filter of ['users.role=eq.owner', 'users.name=neq.x', `users.id=eq.${id.owner}`]) {
            const { status, body } = await rest.rep1('GET', `sales_logs?select=id,users!inner(id)&${filter}`);
            assert.ok(status === 400 || body.every((row) => row.users.id === id.rep1), filter);
        }
        const many = await rest.rep1('GET', 'users?select=id,sales_logs(count),shift_feedback(count),production_logs(count)');
        assert.ok(many.status < 500);
    });

    await test('a rep finds no trace of feedback, totals and audit of others, whatever is asked', async () => {
        const mine = await add('rep1', 'shift_feedback', { note: 'mine' });
        const other = await add('rep2', 'shift_feedback', { note: 'the secret of rep2' });
        assert.deepEqual((await seen('rep1', `shift_feedback?id=in.(${mine.id},${other.id})`)).map((r) => r.id), [mine.id]);
        assert.equal((await seen('manager', `shift_feedback?id=in.(${mine.id},${other.id})`)).length, 2);
        const counted = await rest.rep1('GET', `shift_feedback?id=eq.${other.id}&select=count`);
        assert.ok(counted.status >= 400 || counted.body[0].count === 0);
        const head = await rest.rep1('HEAD', `shift_feedback?id=eq.${other.id}`, { headers: { prefer: 'count=exact' } });
        assert.equal(head.headers.get('content-range'), '*/0');
        for (const table of ['shift_totals', 'audit_trail']) assert.equal((await rest.rep1('GET', table)).status, 403);
        assert.equal((await rest.manager('GET', 'audit_trail')).status, 403);
        assert.ok((await seen('manager', 'shift_totals')).length > 0);
        const through = await rest.rep1('GET', 'bread_types?select=id,shift_totals(revenue)');
        assert.equal(through.status, 403);
        const backwards = await rest.rep1('GET', `users?select=id,shift_feedback(note)&id=eq.${id.rep2}`);
        assert.deepEqual(backwards.body, []);
        // Writes that find nothing say nothing.
        for (const method of ['PATCH', 'DELETE']) {
            const { status, body } = await rest.rep1(method, `shift_feedback?id=eq.${other.id}&note=eq.the secret of rep2`, { body: method === 'PATCH' ? { note: 'x' } : undefined, headers: representation });
            assert.ok(status === 403 || body.length === 0, `${method}: ${status}`);
        }
        assert.equal((await now('shift_feedback', other.id)).note, 'the secret of rep2');
        // Nor does a conflict with a row one may not see change or show it.
        for (const headers of [merge, { prefer: 'resolution=ignore-duplicates,return=representation' }, representation]) {
            const { body, text } = await rest.rep1('POST', 'shift_feedback', { body: { id: other.id, note: 'taken over' }, headers });
            assert.ok(!text.includes('secret'), text);
            assert.ok(!Array.isArray(body) || body.length === 0, text);
        }
        assert.equal((await now('shift_feedback', other.id)).note, 'the secret of rep2');
        assert.equal((await now('shift_feedback', other.id)).user_id, id.rep2);
    });

    await test('nobody writes in another name: not by insert, update, upsert or columns=', async () => {
        const sale = { bread_type_id: bread.id, quantity: 1 };
        for (const who of ['rep1', 'manager', 'owner'])
            assert.equal((await rest[who]('POST', 'sales_logs', { body: { ...sale, recorded_by: id.rep2 } })).status, 403, who);
        for (const body of [[sale, { ...sale, recorded_by: id.rep2 }], [{ ...sale, recorded_by: id.rep1 }, { ...sale, recorded_by: id.rep2 }]])
            assert.ok((await rest.rep1('POST', 'sales_logs', { body })).status >= 400);
        assert.equal((await rest.rep1('POST', 'sales_logs?columns=bread_type_id,quantity,recorded_by', { body: [{ ...sale, recorded_by: id.rep2 }] })).status, 403);
        assert.ok((await rest.rep1('POST', 'sales_logs', { text: `{"bread_type_id":"${bread.id}","quantity":1,"recorded_by":"${id.rep1}","recorded_by":"${id.rep2}"}` })).status >= 400);
        const mine = await add('rep1', 'sales_logs', sale);
        assert.equal((await rest.rep1('PATCH', `sales_logs?id=eq.${mine.id}`, { body: { recorded_by: id.rep2 } })).status, 403);
        for (const who of ['manager', 'owner'])
            assert.equal((await rest[who]('PATCH', `sales_logs?id=eq.${mine.id}`, { body: { recorded_by: id[who] } })).status, 403);
        assert.equal((await now('sales_logs', mine.id)).recorded_by, id.rep1);
        // An upsert over another's row.
        const theirs = await add('rep2', 'sales_logs', { ...sale, quantity: 7 });
        for (const body of [{ ...sale, id: theirs.id }, { ...sale, id: theirs.id, recorded_by: id.rep1 }, { ...sale, id: theirs.id, recorded_by: id.rep2 }])
            assert.equal((await rest.rep1('POST', 'sales_logs', { body, headers: merge })).status, 403);
        assert.equal((await now('sales_logs', theirs.id)).quantity, 7);
        // The id of one row put onto another.
        assert.ok((await rest.rep1('PATCH', `sales_logs?id=eq.${mine.id}`, { body: { id: theirs.id } })).status >= 400);
        for (const method of ['PATCH', 'DELETE']) {
            const { status, body } = await rest.rep1(method, `sales_logs?id=eq.${theirs.id}`, { body: method === 'PATCH' ? { quantity: 1 } : undefined, headers: representation });
            assert.ok(status === 200 && body.length === 0, `${method}: ${status}`);
        }
        // Everything at once: only one's own is touched.
        await rest.rep1('PATCH', 'sales_logs?quantity=gt.0', { body: { discount: 0.01 } });
        assert.equal((await now('sales_logs', theirs.id)).discount, 0);
    });

    await test('roles: nobody raises themselves, or changes, adds or removes another', async () => {
        for (const who of ['rep1', 'manager']) {
            assert.equal((await rest[who]('PATCH', `users?id=eq.${id[who]}`, { body: { role: 'owner' } })).status, 403);
            assert.equal((await rest[who]('PATCH', `users?id=eq.${id[who]}`, { body: { is_active: false } })).status, 403);
            assert.equal((await rest[who]('POST', 'users', { body: { id: id[who], name: 'Me', role: 'owner' }, headers: merge })).status, 403);
            assert.equal((await rest[who]('POST', 'users', { body: { name: 'New', role: 'owner' } })).status, 403);
            assert.ok((await rest[who]('PATCH', `users?id=eq.${id[who]}`, { body: { id: id.owner } })).status >= 400);
            for (const method of ['PATCH', 'DELETE']) {
                const { status, body } = await rest[who](method, `users?id=eq.${id.rep2}`, { body: method === 'PATCH' ? { name: 'Changed' } : undefined, headers: representation });
                assert.ok(status === 403 || body.length === 0, `${who} ${method}: ${status}`);
            }
        }
        assert.equal((await rest.owner('POST', 'users', { body: { name: 'New', role: 'sales_rep' } })).status, 403);
        const [me] = await seen('rep1', 'users');
        assert.equal((await rest.rep1('PATCH', `users?id=eq.${id.rep1}`, { body: { name: 'Another name' } })).status, 204);
        assert.equal((await rest.rep1('PATCH', `users?id=eq.${id.rep1}`, { body: { name: me.name } })).status, 204);
        assert.equal((await rest.owner('PATCH', `users?id=eq.${id.rep1}`, { body: { role: 'emperor' } })).status, 400);
        assert.equal((await rest.owner('DELETE', `users?id=eq.${id.rep1}`)).status, 409);
    });

    await test('what the server sets, nobody sets: times, business day, revenue, stock, totals, audit', async () => {
        const mine = await add('rep1', 'sales_logs', { bread_type_id: bread.id, quantity: 1 });
        for (const who of ['rep1', 'manager', 'owner']) {
            for (const body of [{ created_at: '2020-01-01T00:00:00Z' }, { updated_at: '2020-01-01T00:00:00Z' }, { business_day: '2020-01-01' }, { revenue: 5 }]) {
                assert.ok((await rest[who]('PATCH', `sales_logs?id=eq.${mine.id}`, { body })).status >= 400, JSON.stringify(body));
                assert.ok((await rest[who]('POST', 'sales_logs', { body: { bread_type_id: bread.id, quantity: 1, ...body } })).status >= 400);
                assert.ok((await rest[who]('POST', 'sales_logs?columns=bread_type_id,quantity,created_at', { body: [{ bread_type_id: bread.id, quantity: 1, created_at: '2020-01-01T00:00:00Z' }] })).status >= 400);
                assert.ok((await rest[who]('POST', 'sales_logs', { body: { id: mine.id, bread_type_id: bread.id, quantity: 1, ...body }, headers: merge })).status >= 400);
            }
            for (const table of ['stock', 'shift_totals', 'audit_trail']) {
                for (const method of ['POST', 'PATCH', 'DELETE'])
                    assert.equal((await rest[who](method, `${table}?baked=gt.-1`.replace('audit_trail?baked=gt.-1', 'audit_trail'), { body: method === 'DELETE' ? undefined : {} })).status, 403, `${who} ${method} ${table}`);
            }
        }
    });

    await test('breads and baking: a rep keeps no breads and bakes nothing', async () => {
        for (const [table, body] of [['bread_types', { name: 'Of a rep', unit_price: 1 }], ['production_logs', { bread_type_id: bread.id, quantity: 5 }]]) {
            assert.equal((await rest.rep1('POST', table, { body })).status, 403);
            assert.equal((await rest.rep1('POST', table, { body: { ...body, id: randomUUID() }, headers: merge })).status, 403);
            for (const method of ['PATCH', 'DELETE']) {
                const { status, body: rows } = await rest.rep1(method, `${table}?id=not.is.null`, { body: method === 'PATCH' ? { ...(table === 'bread_types' ? { unit_price: 1 } : { quantity: 1 }) } : undefined, headers: representation });
                assert.ok(status === 403 || (status === 200 && rows.length === 0), `${method} ${table}: ${status}`);
            }
        }
        const { status, body } = await rest.rep1('POST', 'bread_types', { body: { ...bread, created_at: undefined, updated_at: undefined, unit_price: 1 }, headers: merge });
        assert.equal(status, 403, JSON.stringify(body));
        assert.equal((await rest.manager('DELETE', `bread_types?id=eq.${bread.id}`)).status, 403);
        const baked = await add('owner', 'production_logs', { bread_type_id: bread.id, quantity: 5 });
        const gone = await rest.manager('DELETE', `production_logs?id=eq.${baked.id}`, { headers: representation });
        assert.deepEqual(gone.body, []);
        assert.equal((await rest.owner('DELETE', `production_logs?id=eq.${baked.id}`)).status, 204);
    });

    await test('feedback: words are the author\'s alone, and only the owner removes them', async () => {
        const mine = await add('rep1', 'shift_feedback', { note: 'as I said it' });
        for (const who of ['owner', 'manager'])
            assert.deepEqual((await rest[who]('PATCH', `shift_feedback?id=eq.${mine.id}`, { body: { note: 'as they like it' }, headers: representation })).body, []);
        for (const who of ['owner', 'manager'])
            assert.equal((await rest[who]('POST', 'shift_feedback', { body: { id: mine.id, note: 'as they like it' }, headers: merge })).status, 403);
        for (const who of ['rep1', 'manager'])
            assert.equal((await rest[who]('DELETE', `shift_feedback?id=eq.${mine.id}`)).status, 403);
        assert.equal((await now('shift_feedback', mine.id)).note, 'as I said it');
        assert.equal((await rest.owner('DELETE', `shift_feedback?id=eq.${mine.id}`)).status, 204);
    });

    await test('an author removes an entry of this shift, and none of another', async () => {
        const fresh = await add('rep1', 'sales_logs', { bread_type_id: bread.id, quantity: 1 });
        const elsewhere = await add('rep1', 'sales_logs', { bread_type_id: bread.id, quantity: 1, shift: fresh.shift === 'night' ? 'morning' : 'night' });
        assert.deepEqual((await rest.rep1('DELETE', `sales_logs?id=eq.${elsewhere.id}`, { headers: representation })).body, []);
        assert.equal((await rest.rep1('DELETE', `sales_logs?id=eq.${fresh.id}`)).status, 204);
    });

    await test('every column takes its type, and says so of any other, without a fault', async () => {
        const wrong = [null, true, false, 0, -1, 1.5, 1e308, -1e308, 1e-308, 12345678901234567890n, '', ' ', 'x', '\u0000', '\ud800', '١٢', '0x10', '1e5', 'NaN', 'Infinity',
            [], {}, [1], { a: 1 }, '2020-13-45', 'ffffffff-ffff-ffff-ffff-fffffffffffg', '00000000-0000-0000-0000-000000000000', 'a'.repeat(5000), '💥'.repeat(3000), "'; DROP TABLE users; --"];
        const tables = {
            bread_types: { base: () => ({ name: `Bread ${randomUUID()}`, unit_price: 1 }), columns: ['id', 'name', 'size', 'unit_price', 'low_threshold', 'is_active', 'created_by'] },
            production_logs: { base: () => ({ bread_type_id: bread.id, quantity: 1 }), columns: ['id', 'bread_type_id', 'quantity', 'shift', 'note', 'recorded_by'] },
            sales_logs: { base: () => ({ bread_type_id: bread.id, quantity: 1 }), columns: ['id', 'bread_type_id', 'quantity', 'unit_price', 'discount', 'returned', 'shift', 'recorded_by'] },
            shift_feedback: { base: () => ({ note: 'x' }), columns: ['id', 'user_id', 'shift', 'note'] },
        };
        const made = [];
        for (const [table, { base, columns }] of Object.entries(tables)) {
            for (const column of columns) {
                for (const value of wrong) {
                    const text = JSON.stringify({ ...base(), [column]: typeof value === 'bigint' ? '@' : value }).replace('"@"', String(value));
                    const { status, body, text: said } = await rest.owner('POST', table, { text, headers: representation });
                    assert.ok(status === 201 || (status >= 400 && status < 500), `${table}.${column} = ${text.slice(0, 120)}: ${status} ${said.slice(0, 200)}`);
                    if (status === 201) made.push([table, body[0].id]);
                    else assert.ok(body.code && body.message, said);
                }
            }
        }
        for (const [table, rowId] of made.filter(([table]) => table !== 'bread_types').concat(made.filter(([table]) => table === 'bread_types')))
            assert.equal((await rest.owner('DELETE', `${table}?id=eq.${rowId}`)).status, 204, `${table} ${rowId}`);
    });

    await test('bodies: deep, huge, empty, doubled, not JSON, not UTF-8', async () => {
        const post = (text, headers) => rest.owner('POST', 'shift_feedback', { text, headers });
        for (const text of ['', ' ', 'null', 'true', '5', '"x"', '{', '}', '[', '[[', '{"note":}', '{"note":"x"', '{"note":"x"}}', '{note:1}', "{'note':'x'}", '{"note":"x",}', '[{"note":"x"},]',
            '['.repeat(500000), '{"a":'.repeat(150000), `{"note":${'['.repeat(10000)}${']'.repeat(10000)}}`, '{"note":"\\u00"}', '{"note":"\u0001"}', '\ufeff{"note":"x"}', '{"note":"x"} {"note":"y"}', '{"note":-}', '{"note":01}', '{"":1}', '{"\\u0000":1}', '[1]', '[null]', '[[]]', '[{"note":"x"},5]', '[{"note":"x"},{}]'])
            assert.ok([400, 413].includes((await post(text)).status), text.slice(0, 40));
        for (const bytes of [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22]])
            assert.equal((await post(Buffer.concat([Buffer.from('{"note":'), Buffer.from(bytes), Buffer.from('}')]))).status, 400);
        assert.equal((await post('{"note":"a","note":"b"}', representation)).body[0].note, 'b');
        assert.equal((await post('{}')).status, 400);
        assert.equal((await post('[]')).status, 201);
        const long = (await post(JSON.stringify({ note: 'é'.repeat(2000) }), representation));
        assert.equal(long.body[0].note.length, 2000);
        assert.equal((await post(JSON.stringify({ note: 'é'.repeat(2001) }))).status, 400);
        assert.equal((await post(JSON.stringify({ note: 'a'.repeat(1024 * 1024 - 50) }))).status, 400);
        assert.equal((await post(JSON.stringify({ note: 'a'.repeat(1024 * 1024 + 1) }))).status, 413);
        for (const note of ['👩‍👩‍👧‍👦', '\u202eevil', 'a\u0301', '\u0000', '\ufffe\uffff', '\u{10ffff}', '\\', '"', '\u2028\u2029', '</script>']) {
            const { status, body } = await post(JSON.stringify({ note }), representation);
            if (note === '\u0000') assert.equal(status, 400);
            else assert.deepEqual([status, body[0].note], [201, note]);
        }
        assert.equal((await rest.owner('DELETE', `shift_feedback?user_id=eq.${id.owner}`)).status, 204);
    });

    await test('ten thousand rows in one insert are taken or refused, and a neighbour is served meanwhile', async () => {
        const rows = (n) => `[${Array(n).fill(`{"bread_type_id":"${bread.id}","quantity":1}`).join(',')}]`;
        const began = Date.now();
        const many = rest.rep2('POST', 'sales_logs', { text: rows(10000), headers: { prefer: 'return=minimal' } });
        const near = await rest.rep1('GET', 'bread_types?select=id');
        const readMs = Date.now() - began;
        const { status, body } = await many;
        assert.ok(status === 201 || status === 413, JSON.stringify(body));
        assert.equal(near.status, 200);
        assert.ok(readMs < 1000, `${readMs} ms`);
        assert.equal((await rest.rep2('POST', 'sales_logs', { text: rows(10001) })).status, 413);
    });

    await test('a price, a count, a quantity at and past the edge', async () => {
        const post = (table, body) => rest.owner('POST', table, { text: body, headers: representation });
        const price = (p) => post('bread_types', `{"name":"Edge ${randomUUID()}","unit_price":${p}}`);
        for (const [p, status] of [['9999999999.99', 201], ['10000000000', 400], ['0.01', 201], ['0.001', 400], ['0.004', 400], ['-1', 400], ['1e9', 201], ['1e400', 400], ['0.'.padEnd(9000, '0') + '1', 400]])
            assert.equal((await price(p)).status, status, p.slice(0, 30));
        for (const q of ['0', '-1', '1000001', '2147483648', '1.5', '1e3', '"7"'])
            assert.ok([201, 400].includes((await post('sales_logs', `{"bread_type_id":"${bread.id}","quantity":${q}}`)).status), q);
        assert.equal((await post('sales_logs', `{"bread_type_id":"${bread.id}","quantity":1000000,"unit_price":9999999999.99}`)).status, 400);
    });

    await test('the api key alone, in every header, opens nothing more', async () => {
        const token = sessions.rep1.access_token;
        for (const headers of [{ 'x-user-role': 'owner' }, { role: 'service_role' }, { 'x-forwarded-user': id.owner }, { 'accept-profile': 'auth' }, { 'content-profile': 'auth' }, { prefer: 'tx=rollback' }, { prefer: 'params=single-object' }, { prefer: 'x'.repeat(8000) }, { range: '0-99999999999999999999' }, { accept: 'text/csv' }, { accept: 'application/vnd.pgrst.plan' }]) {
            const { status, body } = await call('GET', '/rest/v1/users', { token, headers: { apikey: anon, ...headers } });
            assert.ok(status >= 400 && status < 500 || (Array.isArray(body) && body.length <= 1), JSON.stringify(headers).slice(0, 60));
        }
    });
}
