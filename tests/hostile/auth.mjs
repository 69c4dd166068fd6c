// Tokens that were forged, worn out or taken away; refresh tokens used twice; sign-in by force.
import { randomBytes } from 'node:crypto';

import { assert, test, until } from '../support/harness.mjs';
import { homebake } from '../support/server.mjs';
import { claimsOf, forge, live, pause } from './wire.mjs';

const flip = (token, at) => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);

export async function auth(world) {
    const { url, call, anon, service, sessions, people, signIn } = world;
    const token = sessions.owner.access_token;
    const claims = claimsOf(token);
    const later = Math.floor(Date.now() / 1000) + 3600;
    const [head, body, signature] = token.split('.');
    const refresh = (refresh_token) => call('POST', '/auth/v1/token?grant_type=refresh_token', { body: { refresh_token } });
    const user = (access) => call('GET', '/auth/v1/user', { token: access });

    const forged = {
        'alg none': `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${body}.`,
        'alg none with the signature': `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${body}.${signature}`,
        'alg HS512': `${Buffer.from('{"alg":"HS512","typ":"JWT"}').toString('base64url')}.${body}.${signature}`,
        'alg RS256': forge({ ...claims, exp: later }, 'x', { alg: 'RS256', typ: 'JWT' }),
        'another key': forge({ ...claims, exp: later }),
        'an empty key': forge({ ...claims, exp: later }, ''),
        'the anon key as key': forge({ ...claims, exp: later }, anon),
        'no signature': `${head}.${body}.`,
        'two parts': `${head}.${body}`,
        'four parts': `${token}.${signature}`,
        'a flipped bit in the claims': `${head}.${flip(body, 5)}.${signature}`,
        'a flipped bit in the signature': `${head}.${body}.${flip(signature, 5)}`,
        'a longer signature': `${token}AAAA`,
        'a shorter signature': token.slice(0, -2),
        'padding behind the signature': `${token}=`,
        'the service role by hand': forge({ role: 'service_role', exp: later, iss: 'homebake' }),
        'the claims of the anon key raised': (() => {
            const [h, , s] = anon.split('.');
            return `${h}.${Buffer.from(JSON.stringify({ ...claimsOf(anon), role: 'service_role' })).toString('base64url')}.${s}`;
        })(),
        'dots': '..',
        'many dots': '.'.repeat(5000),
        'no token at all': 'x',
        'a huge token': `${head}.${'A'.repeat(12000)}.${signature}`,
        'a deep token': forge({}, 'x', JSON.parse('['.repeat(900) + ']'.repeat(900))),
        'bytes': randomBytes(64).toString('base64'),
    };

    await test('no forged, truncated or foreign token is believed, in no place where one is taken', async () => {
        for (const [what, bad] of Object.entries(forged)) {
            for (const [path, where] of [
                ['/rest/v1/stock', { token: bad }],
                ['/rest/v1/stock', { headers: { apikey: bad } }],
                ['/api/inventory/current', { token: bad }],
                ['/auth/v1/user', { token: bad }],
                ['/metrics', { headers: { apikey: bad, 'x-forwarded-for': '127.0.0.1' } }],
            ]) {
                const { status } = await call('GET', path, where);
                if (path === '/metrics') continue; // open to the machine itself; it must only not fall over
                assert.ok(status === 401 || status === 403, `${what} at ${path}: ${status}`);
            }
            await assert.rejects(live(url, encodeURIComponent(bad)), undefined, what);
        }
        const peer = await live(url, anon);
        for (const [what, bad] of Object.entries(forged)) {
            const ref = peer.join(`realtime:${what}`, bad, [{ event: '*', schema: 'public', table: 'stock' }]);
            const reply = await until(`a reply for ${what}`, () => peer.reply(ref) ?? (peer.isClosed && { payload: { status: 'closed' } }));
            assert.equal(reply.payload.status, 'error', what);
        }
        peer.socket.destroy();
    });

    await test('the anon key sees nothing, writes nothing, and hears nothing', async () => {
        for (const table of ['users', 'bread_types', 'production_logs', 'sales_logs', 'shift_feedback', 'stock', 'shift_totals', 'audit_trail']) {
            const { status, body: rows } = await call('GET', `/rest/v1/${table}?select=*`, { headers: { prefer: 'count=exact' } });
            assert.ok(status === 401 || (status === 200 && rows.length === 0), `${table}: ${status}`);
            const write = await call('POST', `/rest/v1/${table}`, { body: {} });
            assert.ok(write.status >= 400 && write.status < 500, `${table}: ${write.status}`);
            const wipe = await call('DELETE', `/rest/v1/${table}`);
            assert.ok(wipe.status === 401 || wipe.status === 403 || wipe.status === 204, `${table}: ${wipe.status}`);
        }
        assert.equal((await call('GET', '/api/inventory/current', { token: anon })).status, 401);
        const peer = await live(url, anon);
        const ref = peer.join('realtime:nobody', anon, [{ event: '*', schema: 'public', table: '*' }]);
        await until('a reply', () => peer.reply(ref));
        const made = await world.rest.owner('POST', 'bread_types', { body: { name: 'Not for anon', unit_price: 1 }, headers: { prefer: 'return=representation' } });
        assert.equal(made.status, 201);
        const beat = peer.say('phoenix', 'heartbeat', {});
        await until('a heartbeat behind the change', () => peer.reply(beat));
        assert.deepEqual(peer.changes(), []);
        peer.socket.destroy();
        assert.equal((await world.rest.owner('DELETE', `bread_types?id=eq.${made.body[0].id}`)).status, 204);
    });

    await test('tabs that refresh the same token at the same time all stay signed in', async () => {
        const { refresh_token: first } = await signIn('manager');
        const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(first)));
        assert.deepEqual(answers.map((a) => a.status), Array(8).fill(200));
        for (const answer of answers) assert.equal((await user(answer.body.access_token)).status, 200);
        // Each tab goes on with what it got.
        const second = await Promise.all(answers.map((a) => refresh(a.body.refresh_token)));
        assert.deepEqual(second.map((a) => a.status), Array(8).fill(200));
    });

    await test('a used refresh token is still good for a moment, so that a lost answer does no harm', async () => {
        let { refresh_token: current, access_token } = await signIn('manager');
        const worn = current;
        for (let i = 0; i < 3; i++) current = (await refresh(current)).body.refresh_token;
        assert.equal((await refresh(worn)).status, 200);
        assert.equal((await user(access_token)).status, 200);
    });

    await test('refresh tokens that never were, and bodies that are none, are refused', async () => {
        for (const bad of ['', 'x', randomBytes(32).toString('base64url'), 'a'.repeat(100000), null, 5, {}, ['x'], true, '\u0000', "' OR 1=1 --"]) {
            const { status, body: said } = await refresh(bad);
            assert.equal(status, 400, JSON.stringify(bad)?.slice(0, 40));
            assert.ok(said.code ?? said.error_code);
        }
        for (const text of ['', '{', '[]', 'null', '"x"', '{"email":5,"password":[]}', '{"email":{"a":1},"password":"x"}', '{"email":"owner@homebake.example"}', '[['.repeat(5000), '\ufeff{}', '{"email":"\\ud800","password":"\\udfff"}', `{"email":"${'a'.repeat(100000)}","password":"x"}`, `{"email":"a@b.example","password":"${'p'.repeat(900000)}"}`]) {
            const { status } = await call('POST', '/auth/v1/token?grant_type=password', { text });
            assert.equal(status, 400, text.slice(0, 60));
        }
        for (const grant of ['', '?grant_type=', '?grant_type=pkce', '?grant_type=id_token', '?grant_type=password&grant_type=refresh_token'])
            assert.ok((await call('POST', `/auth/v1/token${grant}`, { body: {} })).status < 500);
    });

    await test('passwords cannot be tried by force, and another person still signs in', async () => {
        const email = 'nobody-at-all@homebake.example';
        const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => call('POST', '/auth/v1/token?grant_type=password', { body: { email, password: `guess ${i}` } })));
        const counts = {};
        for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
        assert.ok(counts[429] > 20, JSON.stringify(counts));
        const limited = answers.find((a) => a.status === 429);
        assert.ok(Number(limited.headers.get('retry-after')) > 0);
        // Case and blanks make no other person of it.
        const again = await call('POST', '/auth/v1/token?grant_type=password', { body: { email: email.toUpperCase(), password: 'x' } });
        assert.ok([400, 429].includes(again.status));
        assert.equal((await call('POST', '/auth/v1/token?grant_type=password', { body: people.rep2 })).status, 200);
    });

    await test('a crowd that guesses at many names at once keeps nobody from reading and writing', async () => {
        const guess = (i) => call('POST', '/auth/v1/token?grant_type=password', { body: { email: `guess-${i}@homebake.example`, password: 'x' } });
        const crowd = Array.from({ length: 200 }, (_, i) => guess(i));
        await pause(100);
        const began = Date.now();
        assert.equal((await world.rest.rep1('GET', 'bread_types?select=id')).status, 200);
        const took = Date.now() - began;
        const answers = (await Promise.all(crowd)).map((answer) => answer.status);
        assert.deepEqual([...new Set(answers)].filter((status) => ![400, 503].includes(status)), []);
        assert.ok(took < 1000, `${took} ms`);
        assert.equal((await call('POST', '/auth/v1/token?grant_type=password', { body: people.rep2 })).status, 200);
    }, 60);

    await test('logout: others keeps this session, local ends it alone, global ends all', async () => {
        const [a, b, c] = [await signIn('rep2'), await signIn('rep2'), await signIn('rep2')];
        const out = (session, scope) => call('POST', `/auth/v1/logout${scope}`, { token: session.access_token });
        assert.equal((await out(a, '?scope=others')).status, 204);
        assert.equal((await user(a.access_token)).status, 200);
        assert.equal((await user(b.access_token)).status, 403);
        assert.equal((await refresh(b.refresh_token)).status, 400);
        const d = await signIn('rep2');
        assert.equal((await out(d, '?scope=local')).status, 204);
        assert.equal((await user(d.access_token)).status, 403);
        assert.equal((await user(a.access_token)).status, 200);
        assert.ok((await out(a, '?scope=everything')).status >= 400);
        assert.equal((await out(a, '')).status, 204);
        assert.equal((await user(a.access_token)).status, 403);
        assert.equal((await refresh(a.refresh_token)).status, 400);
        assert.equal((await refresh(c.refresh_token)).status, 400);
    });

    await test('who is disabled is out at once: REST, refresh, sign-in, live; and back when enabled', async () => {
        const session = await signIn('rep2');
        const peer = await live(url, anon);
        const ref = peer.join('realtime:last', session.access_token, [{ event: '*', schema: 'public', table: 'stock' }]);
        await until('joined', () => peer.reply(ref)?.payload.status === 'ok');
        homebake('user', 'disable', '--data', world.data, '--email', people.rep2.email);
        try {
            assert.equal((await call('GET', '/rest/v1/stock', { token: session.access_token })).status, 401);
            assert.equal((await user(session.access_token)).status, 403);
            assert.equal((await refresh(session.refresh_token)).status, 400);
            assert.equal((await call('POST', '/auth/v1/token?grant_type=password', { body: people.rep2 })).status, 400);
            await until('the channel is ended', () => peer.isClosed || peer.messages.some((m) => m.event === 'phx_close' || m.event === 'phx_error' || m.event === 'system' && m.payload.status === 'error'));
            const [{ id }] = (await world.rest.owner('GET', 'bread_types?select=id&limit=1')).body;
            const before = peer.changes().length;
            assert.equal((await world.rest.owner('POST', 'sales_logs', { body: { bread_type_id: id, quantity: 1 } })).status, 201);
            assert.equal(peer.changes().length, before);
            const again = await live(url, anon);
            const r = again.join('realtime:again', session.access_token, [{ event: '*', schema: 'public', table: 'stock' }]);
            assert.equal((await until('a reply', () => again.reply(r))).payload.status, 'error');
            again.socket.destroy();
        } finally {
            homebake('user', 'enable', '--data', world.data, '--email', people.rep2.email);
        }
        peer.socket.destroy();
        world.sessions.rep2 = await signIn('rep2');
        assert.equal((await call('GET', '/rest/v1/stock', { token: world.sessions.rep2.access_token })).status, 200);
        // The old session stays ended or at least speaks for an active person only.
        assert.ok([200, 401].includes((await call('GET', '/rest/v1/stock', { token: session.access_token })).status));
    });

    await test('the service key is for nobody but its holder: a person cannot pass for it', async () => {
        assert.equal((await call('GET', '/rest/v1/audit_trail?limit=1', { headers: { apikey: service } })).status, 200);
        const mixed = await call('GET', '/rest/v1/audit_trail?limit=1', { token: sessions.rep1.access_token, headers: { apikey: service } });
        assert.equal(mixed.status, 403);
    });
}
