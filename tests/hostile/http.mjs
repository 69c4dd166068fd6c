// HTTP/1.1 as an attacker speaks it.  A neighbour's request must be answered all the while.
import { assert, test, until } from '../support/harness.mjs';
import { serve } from '../support/server.mjs';
import { connect, pause, raw, statuses } from './wire.mjs';

const head = (line, ...fields) => `${line} HTTP/1.1\r\nHost: bakery\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`;

export async function slowHttp({ url }) {
    await test('a header that trickles in is cut off after ten seconds, with 408', async () => {
        const began = Date.now();
        const wire = connect(url);
        await wire.opened;
        await wire.send('GET /livez HTTP/1.1\r\n');
        const drip = setInterval(() => wire.isClosed || wire.send('X: y\r\n'), 500);
        await Promise.race([wire.ended, pause(15000)]);
        clearInterval(drip);
        wire.socket.destroy();
        assert.deepEqual(statuses(wire.text), [408]);
        assert.ok(Date.now() - began < 13000);
    });
}

export async function slowBody({ url }) {
    await test('a body that trickles in, and a connection that says nothing, end after ten seconds', async () => {
        const silent = connect(url);
        const wire = connect(url);
        await wire.opened;
        await wire.send(head('POST /auth/v1/token?grant_type=password', 'Content-Length: 1000'));
        const drip = setInterval(() => wire.isClosed || wire.send(' '), 500);
        await Promise.race([Promise.all([wire.ended, silent.ended]), pause(15000)]);
        clearInterval(drip);
        const texts = [wire.text, silent.text];
        const ended = wire.isClosed || wire.socket.readableEnded;
        wire.socket.destroy();
        silent.socket.destroy();
        assert.deepEqual(texts.map(statuses), [[408], []]);
        assert.ok(ended);
    });
}

const refused = [
    ['both Content-Length and Transfer-Encoding', head('POST /auth/v1/token', 'Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['two different lengths', head('POST /auth/v1/token', 'Content-Length: 5', 'Content-Length: 6') + 'abcdef', 400],
    ['two equal lengths', head('POST /auth/v1/token', 'Content-Length: 5', 'Content-Length: 5') + 'abcde', 400],
    ['a negative length', head('POST /auth/v1/token', 'Content-Length: -1'), 400],
    ['a signed length', head('POST /auth/v1/token', 'Content-Length: +5') + 'abcde', 400],
    ['a hexadecimal length', head('POST /auth/v1/token', 'Content-Length: 0x5') + 'abcde', 400],
    ['an overflowing length', head('POST /auth/v1/token', 'Content-Length: 18446744073709551621') + 'abcde', [400, 413]],
    ['a length of ten thousand digits', head('POST /auth/v1/token', `Content-Length: ${'9'.repeat(10000)}`), [400, 413]],
    ['a body of 2 GiB announced', head('POST /auth/v1/token', 'Content-Length: 2147483648'), 413],
    ['a coding that is not chunked', head('POST /auth/v1/token', 'Transfer-Encoding: gzip, chunked') + '0\r\n\r\n', 501],
    ['chunked twice', head('POST /auth/v1/token', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n', [400, 501]],
    ['chunked with a tab', head('POST /auth/v1/token', 'Transfer-Encoding:\tchunked\tx') + '0\r\n\r\n', [400, 501]],
    ['a vertical tab before chunked', head('POST /auth/v1/token', 'Transfer-Encoding: \x0bchunked') + '0\r\n\r\n', [400, 501]],
    ['a blank before the colon', head('POST /auth/v1/token', 'Transfer-Encoding : chunked') + '0\r\n\r\n', 400],
    ['a chunk size that overflows', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + 'fffffffffffffffff\r\n', [400, 413]],
    ['a chunk of 4 GiB', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + 'ffffffff\r\n', 413],
    ['a chunk size that is no number', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + 'xyz\r\n', 400],
    ['a negative chunk size', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + '-1\r\n', 400],
    ['a chunk longer than it says', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + '2\r\nabcdef\r\n0\r\n\r\n', 400],
    ['a chunk extension without end', head('POST /auth/v1/token', 'Transfer-Encoding: chunked') + `1;${'a'.repeat(40000)}`, [400, 413, 431]],
    ['lines that end in LF', 'GET /livez HTTP/1.1\nHost: a\n\n', 400],
    ['a folded field', 'GET /livez HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
    ['a bare CR in a field', 'GET /livez HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', 400],
    ['a NUL in a field', 'GET /livez HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n', 400],
    ['a NUL in the target', 'GET /li\0vez HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['no host', 'GET /livez HTTP/1.1\r\n\r\n', 400],
    ['two hosts', head('GET /livez', 'Host: other'), 400],
    ['HTTP/0.9', 'GET /livez\r\n\r\n', [400, 505]],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
    ['HTTP/1.2', 'GET /livez HTTP/1.2\r\nHost: a\r\n\r\n', [400, 505]],
    ['another protocol', 'GET /livez ICE/1.0\r\nHost: a\r\n\r\n', [400, 505]],
    ['a header of 40 KiB', head('GET /livez', `X: ${'a'.repeat(40000)}`), 431],
    ['a target of 40 KiB', head(`GET /${'a'.repeat(40000)}`), 431],
    ['a thousand fields', head('GET /livez', ...Array.from({ length: 1000 }, (_, i) => `X${i}: y`)), 431],
    ['a method nobody knows', head('BREW /livez'), [400, 405, 501]],
    ['a TLS hello', Buffer.from('160301020001000001fc0303', 'hex'), 400],
    ['nothing but NULs', Buffer.alloc(4096), 400],
    ['nothing but line ends', '\r\n'.repeat(20000), [400, 431]],
];

export async function http(world) {
    const { url, call, anon, sessions } = world;
    const rep = sessions.rep1.access_token;

    await test('what smuggles, lies about its size or is no HTTP is refused, and ends the connection', async () => {
        for (const [what, text, expected] of refused) {
            const wire = await raw(url, text, 4);
            const got = statuses(wire.text);
            assert.equal(got.length, 1, `${what}: one answer, got ${JSON.stringify(wire.text.slice(0, 300))}`);
            assert.ok([expected].flat().includes(got[0]), `${what}: ${got[0]}`);
        }
        assert.equal((await fetch(`${url}/livez`)).status, 200);
    });

    await test('garbage behind a good request: the good one is answered, the rest refused', async () => {
        const wire = await raw(url, `${head('GET /livez')}\x01\x02\x03garbage\r\n\r\n${head('GET /livez')}`, 3);
        assert.deepEqual(statuses(wire.text), [200, 400]);
    });

    await test('two thousand pipelined requests are answered in order', async () => {
        const wire = connect(url);
        await wire.opened;
        const good = `GET /livez HTTP/1.1\r\nHost: a\r\n\r\n`;
        const bad = `GET /rest/v1/stock HTTP/1.1\r\nHost: a\r\n\r\n`;
        wire.send((good + bad).repeat(1000));
        await until('2,000 answers', () => statuses(wire.text).length === 2000);
        const got = statuses(wire.text);
        assert.ok(got.every((status, i) => status === (i % 2 ? 401 : 200)));
        wire.socket.destroy();
    });

    await test('one byte at a time is read like all at once', async () => {
        const wire = connect(url);
        await wire.opened;
        for (const byte of head('POST /auth/v1/token?grant_type=password', 'Transfer-Encoding: chunked', `apikey: ${anon}`)) await wire.send(byte);
        for (const byte of '1\r\n{\r\n1;x=y\r\n}\r\n0\r\nTrailer: x\r\n\r\n') await wire.send(byte);
        await until('an answer', () => statuses(wire.text).length === 1);
        assert.deepEqual(statuses(wire.text), [400]);
        assert.match(wire.text, /validation_failed/);
        wire.socket.destroy();
    });

    await test('a half-closed socket gets its answer', async () => {
        const wire = connect(url);
        await wire.opened;
        await wire.send(head('GET /rest/v1/stock?select=remaining', `apikey: ${anon}`, `Authorization: Bearer ${rep}`));
        wire.socket.end();
        await wire.ended;
        assert.deepEqual(statuses(wire.text), [200]);
    });

    await test('two thousand idle connections do not slow a neighbour', async () => {
        const idle = Array.from({ length: 2000 }, () => connect(url));
        try {
            await Promise.all(idle.map((wire) => wire.opened));
            await Promise.all(idle.map((wire, i) => (i % 2 ? wire.send('GET /livez HTTP/1.1\r\nX: ') : null)));
            const began = Date.now();
            for (let i = 0; i < 20; i++) {
                const { status } = await call('GET', '/rest/v1/bread_types?select=id', { token: rep });
                assert.equal(status, 200);
            }
            const took = (Date.now() - began) / 20;
            assert.ok(took < 100, `${took} ms a request`);
        } finally {
            idle.forEach((wire) => wire.socket.destroy());
        }
    });

    await test('resets in the middle of large answers leave nothing behind', async () => {
        const request = head('GET /rest/v1/sales_logs?select=*,bread_types(*),users(*)', `apikey: ${anon}`, `Authorization: Bearer ${sessions.owner.access_token}`);
        for (let round = 0; round < 5; round++) {
            const wires = Array.from({ length: 40 }, () => connect(url));
            await Promise.all(wires.map((wire) => wire.opened));
            wires.forEach((wire) => wire.send(request));
            await pause(10 * round);
            wires.forEach((wire) => wire.socket.resetAndDestroy());
        }
        const open = await until('the connections are forgotten', async () => {
            const text = await (await fetch(`${url}/metrics`)).text();
            const count = Number(text.match(/^homebake_connections(?:\{[^}]*\})? (\d+)/m)?.[1]);
            return count < 50 && { count };
        });
        assert.ok(open.count < 50);
    });

    await test('a reader of a large answer that stops reading does not hold up a neighbour', async () => {
        const request = head('GET /rest/v1/sales_logs?select=*,bread_types(*),users(*)', `apikey: ${anon}`, `Authorization: Bearer ${sessions.owner.access_token}`);
        const wires = Array.from({ length: 20 }, () => connect(url));
        await Promise.all(wires.map((wire) => wire.opened));
        wires.forEach((wire) => {
            wire.socket.pause();
            wire.send(request.repeat(20));
        });
        await pause(100);
        const began = Date.now();
        assert.equal((await call('GET', '/rest/v1/bread_types?select=id', { token: rep })).status, 200);
        assert.ok(Date.now() - began < 1500);
        wires.forEach((wire) => wire.socket.destroy());
    });

    await test('methods: HEAD has no body, OPTIONS is answered, odd ones are refused', async () => {
        for (const path of ['/livez', '/', '/rest/v1/stock', '/api/config', '/metrics', '/nothing']) {
            const wire = await raw(url, `HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
            assert.match(wire.text, /\r\n\r\n$/, `HEAD ${path} has a body`);
            assert.equal(statuses(wire.text).length, 1);
        }
        for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'PURGE', 'PUT', 'DELETE', 'LINK', 'M-SEARCH']) {
            for (const target of ['/', '/rest/v1/stock', '/auth/v1/token', '/realtime/v1/websocket', '/api/config', '*', 'bakery:80']) {
                const wire = await raw(url, `${method} ${target} HTTP/1.1\r\nHost: a\r\napikey: ${anon}\r\nConnection: close\r\n\r\n`);
                const [status] = statuses(wire.text);
                assert.ok(status >= 400 && status < 500 || status === 501, `${method} ${target}: ${status}`);
            }
        }
        const wire = await raw(url, 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
        assert.equal(statuses(wire.text).length, 1);
    });

    await test('no path leads out of the pages, however it is written', async () => {
        const paths = ['/../../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/....//etc/passwd', '/assets/../../homebake.db',
            '//etc/passwd', '/\\..\\..\\etc\\passwd', '/index.html%00.png', '/index.html%', '/%', '/%zz', '/%c0%ae%c0%ae/', '/assets/', '/./', '/homebake.db',
            '/demo-sign-ins.txt', 'http://bakery/../etc/passwd', '/rest/v1/../../etc/passwd', '/;/..;/'];
        for (const path of paths) {
            const wire = await raw(url, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
            const [status] = statuses(wire.text);
            assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
            assert.ok(!wire.text.includes('root:'), path);
        }
    });

    await test('percent-encoding in tables, columns and values: an answer, never a fault', async () => {
        const tries = ['%73tock', 'sto%00ck', 'stock%2f', 'stock%20', '%', '%zz', 'STOCK', 'main.stock', 'sqlite_master', 'meta', 'auth_people', 'changes',
            'auth_sessions', 'rpc/x', 'rpc/..', 'stock/../users', 'stock?select=%', 'stock?select=%00', 'stock?select=%zz', 'stock?%00=eq.1', 'stock?baked=eq.%00',
            'stock?baked=eq.%ff%fe', 'stock?select=*;drop', "stock?select=baked'--", 'stock?order=%22baked%22', 'stock?limit=-1', 'stock?limit=1e9',
            `stock?limit=${'9'.repeat(40)}`, 'stock?offset=-5', `stock?offset=${'9'.repeat(19)}`, 'stock?limit=%31', 'stock?=&&&==&', 'stock?select=',
            'stock?select=*,*,*', `stock?select=${Array(500).fill('*').join(',')}`, `stock?baked=in.(${Array(3000).fill(1).join(',')})`, 'stock?baked=in.()',
            'stock?baked=in.(', 'stock?and=(baked.eq.1,', `stock?and=${'('.repeat(4000)}`, `stock?select=${'bread_types('.repeat(800)}`,
            `stock?${'not.'.repeat(1000)}baked=eq.1`, `stock?baked=${'not.'.repeat(1000)}eq.1`];
        for (const path of tries) {
            const { status, body } = await call('GET', `/rest/v1/${path}`, { token: rep });
            assert.ok(status < 500, `${path.slice(0, 80)}: ${status}`);
            assert.notEqual(body, undefined, path.slice(0, 80));
        }
        for (const table of ['sqlite_master', 'meta', 'auth_people', 'changes', 'auth_sessions', 'exposed_tables', 'column_rules', 'auth_refresh_tokens'])
            assert.equal((await call('GET', `/rest/v1/${table}`, { token: rep })).status, 404, table);
    });
}

export async function crowds({ data }) {
    await test('past the limit of connections a new one is closed at once, and those inside are served', async () => {
        const server = await serve(data, '127.0.0.1:0', '--max-connections', '40', '--shards', '2');
        try {
            const wires = Array.from({ length: 200 }, () => connect(server.url));
            await Promise.all(wires.map((wire) => wire.opened));
            await until('the surplus is closed', () => wires.filter((wire) => wire.isClosed || wire.socket.readableEnded).length >= 150);
            const inside = wires.filter((wire) => !wire.isClosed && !wire.socket.readableEnded);
            assert.ok(inside.length > 0);
            await inside[0].send('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
            await until('an answer inside', () => statuses(inside[0].text)[0] === 200);
            wires.forEach((wire) => wire.socket.destroy());
            await until('there is room again', async () => {
                const wire = await raw(server.url, 'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
                return statuses(wire.text)[0] === 200;
            });
        } finally {
            const { code } = await server.stop();
            assert.equal(code, 0);
        }
    });
}
