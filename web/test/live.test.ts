import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { effect, untracked } from '@preact/signals';
import { createClient, type Options } from '../src/live/client';
import { Core } from '../src/live/core';

const bytes = readFileSync('src/live/client.wasm');
const module = new WebAssembly.Module(bytes);

class Socket {
  static all: Socket[] = [];
  static last = () => Socket.all.at(-1) as Socket;
  readyState = 1;
  sent: string[] = [];
  closedWith = 0;
  onopen: (() => void) | null = null;
  onmessage: ((m: { data: string }) => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    Socket.all.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close(code: number) {
    this.closedWith = code;
  }
}
globalThis.WebSocket = Socket as unknown as typeof WebSocket;

async function client(more: Partial<Options> = {}) {
  const errors: string[] = [];
  const c = await createClient({
    url: 'http://bakery.test',
    apikey: 'K',
    token: () => ({ token: 'T' }),
    onError: (e) => errors.push(e.message),
    module,
    ...more,
  });
  return { c, errors, socket: Socket.last() };
}

test('the core asks the host for nothing and is at most 60 KiB compressed', (t) => {
  assert.deepEqual(WebAssembly.Module.imports(module), []);
  const sizes = { whole: bytes.length, gzip: gzipSync(bytes).length, brotli: brotliCompressSync(bytes).length };
  t.diagnostic(JSON.stringify(sizes));
  assert.ok(sizes.gzip <= 60 * 1024);
});

test('texts of every length and script come into the core and out again', () => {
  const core = new Core(module);
  for (const text of ['', 'Brot', 'نان سنگک', '🥖'.repeat(100_000)])
    assert.ok(
      core.lend([text, 'next'], (table, first) => {
        const whole = new Uint8Array(core.call.memory.buffer, first.at, first.size);
        assert.equal(new TextDecoder().decode(whole), text);
        const at = new DataView(core.call.memory.buffer).getUint32(table + 8, true);
        assert.equal(new TextDecoder().decode(new Uint8Array(core.call.memory.buffer, at, 4)), 'next');
      }),
    );
});

test('more memory than there may be is refused, and the core lives', () => {
  const core = new Core(module);
  assert.equal(core.call.hb_alloc(0x7fffffff), 0);
  assert.ok(core.lend(['x'], () => {}));
});

test('memory given back is used again', () => {
  const core = new Core(module);
  for (let i = 0; i < 20; i++) core.lend(['x'.repeat(100_000)], () => {});
  const before = core.call.memory.buffer.byteLength;
  for (let i = 0; i < 1000; i++) core.lend(['x'.repeat(100_000)], () => {});
  assert.equal(core.call.memory.buffer.byteLength, before);
});

test('a client connects by itself, and closing releases the socket', async () => {
  const { c, socket, errors } = await client();
  assert.match(socket.url, /^ws:\/\/bakery\.test\/realtime\/v1\/websocket\?/);
  socket.onopen?.();
  assert.ok(socket.sent.some((m) => m.includes('heartbeat')));
  c.close();
  assert.notEqual(socket.closedWith, 0);
  c.close();
  c.retry();
  assert.deepEqual(errors, []);
});

test('a subscription that cannot be read is refused at once', async () => {
  const { c } = await client();
  assert.throws(() => c.subscribe({ table: 'a b"' }, { onRows() {} }), /cannot be read/);
  const leave = c.subscribe({ table: 'stock', filter: 'quantity=gt.3' }, { onRows() {} });
  assert.equal(c.status.value.subscriptions, 1);
  leave();
  leave();
  assert.equal(c.status.value.subscriptions, 0);
  c.close();
});

test('bad data from the server does not end the client', async () => {
  const { c, socket } = await client();
  socket.onopen?.();
  for (const data of ['', '[', 'null', '[1,2,3,4,5]', '{"a":1}', '\u0000', '['.repeat(100_000)])
    Socket.last().onmessage?.({ data });
  assert.equal(c.status.value.subscriptions, 0);
  c.retry();
  c.close();
});

test('what an effect of the app does with news is carried out at once', async () => {
  const { c, socket } = await client();
  socket.onopen?.();
  await new Promise((done) => setImmediate(done));
  const end = effect(() => {
    if (c.status.value.state === 'live') untracked(() => c.subscribe({ table: 'stock' }, { onRows() {} }));
  });
  const beat = socket.sent.map((m) => JSON.parse(m) as [unknown, string, string, string]).find((m) => m[3] === 'heartbeat');
  socket.onmessage?.({ data: JSON.stringify([null, beat?.[1], 'phoenix', 'phx_reply', { status: 'ok', response: {} }]) });
  const hasJoined = socket.sent.some((m) => m.includes('phx_join'));
  end();
  c.close();
  assert.ok(hasJoined);
});

test('rows are handed out at once after quiet, and then once for each frame', async (t) => {
  const frames: (() => void)[] = [];
  const paint = () => frames.splice(0).forEach((f) => f());
  /* Behind all messages between ports that are on their way. */
  const settle = async () => {
    const { port1, port2 } = new MessageChannel();
    const heard = new Promise((done) => (port1.onmessage = done));
    port2.postMessage(0);
    await heard;
    port1.close();
    await new Promise((done) => setImmediate(done));
  };
  globalThis.requestAnimationFrame = (f) => frames.push(f as () => void);
  globalThis.cancelAnimationFrame = () => {};
  t.mock.method(Date, 'now', () => 1_000_000);
  const { c, socket } = await client();
  const told: string[] = [];
  socket.onopen?.();
  await settle();
  c.subscribe({ table: 'stock', event: 'INSERT' }, { onRows: (all) => told.push(all.map((x) => x.key).join()) });
  const [, ref, topic] = JSON.parse(socket.sent.find((m) => m.includes('phx_join')) ?? '[]') as string[];
  const say = (event: string, payload: object) =>
    socket.onmessage?.({ data: JSON.stringify([ref, event === 'phx_reply' ? ref : null, topic, event, payload]) });
  let seq = 1;
  const insert = (id: string) =>
    say('postgres_changes', {
      ids: [7],
      data: { schema: 'public', table: 'stock', type: 'INSERT', record: { id }, errors: null, seq: ++seq },
    });
  const resume = { epoch: 'E', seq, replayed: false };
  say('phx_reply', { status: 'ok', response: { postgres_changes: [{ id: 7 }], resume } });
  await settle();
  paint();
  paint();
  told.length = 0;

  insert('a');
  insert('b');
  assert.deepEqual(told, []);
  await settle();
  assert.deepEqual(told, ['a,b']);
  insert('c');
  await settle();
  insert('d');
  await settle();
  assert.deepEqual(told, ['a,b']);
  paint();
  assert.deepEqual(told, ['a,b', 'c,d']);
  insert('e');
  await settle();
  assert.deepEqual(told, ['a,b', 'c,d']);
  paint();
  paint();
  insert('f');
  await settle();
  assert.deepEqual(told, ['a,b', 'c,d', 'e', 'f']);
  c.close();
  Reflect.deleteProperty(globalThis, 'requestAnimationFrame');
});

test('a token that cannot be had is reported', async () => {
  const { c, errors, socket } = await client({ token: () => Promise.reject(new Error('signed out')) });
  socket.onopen?.();
  await new Promise((done) => setImmediate(done));
  assert.deepEqual([...new Set(errors)], ['signed out']);
  c.close();
});
