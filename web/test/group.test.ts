import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Group, want } from '../src/data/group';
import { Table } from '../src/data/table';
import { LiveError, type Client, type Handlers, type Query } from '../src/live/client';

interface Row {
  id: string;
  updated_at: string;
}

/* A client by script: the test says what each subscription is told. */
class Script {
  readonly subs = new Map<string, Handlers<Row>>();
  readonly client = {
    subscribe: (query: Query, handlers: Handlers<Row>) => {
      const name = `${query.table} ${query.filter ?? ''}`.trim();
      this.subs.set(name, handlers);
      return () => {
        if (this.subs.get(name) === handlers) this.subs.delete(name);
      };
    },
  } as unknown as Client;

  sub(name: string): Handlers<Row> {
    const sub = this.subs.get(name);
    assert.ok(sub, `nobody watches ${name}`);
    return sub;
  }
  whole(name: string, ...ids: string[]): void {
    const changes = ids.map((id) => ({ op: 'insert' as const, key: id, row: { id, updated_at: '' } }));
    this.sub(name).onRows(changes, true, 10);
    this.sub(name).onState?.('live');
  }
  watched(): string {
    return [...this.subs.keys()].sort().join(', ');
  }
}

function make() {
  const script = new Script();
  let refusals = 0;
  const group = new Group(() => refusals++);
  const [sales, baked] = [new Table<Row>(), new Table<Row>()];
  const day = (filter: string) => [want(sales, { table: 'sales', filter }), want(baked, { table: 'baked', filter })];
  const shown = () => [sales, baked].map((t) => [...t.all].map((r) => r.id).join('')).join(' ');
  return { script, group, sales, baked, day, shown, refusals: () => refusals };
}

test('what was wanted before there is a client is asked for when there is one', () => {
  const { script, group, day, shown } = make();
  group.set(day('mo'));
  assert.equal(script.watched(), '');
  group.use(script.client);
  assert.equal(script.watched(), 'baked mo, sales mo');
  script.whole('sales mo', 'a');
  assert.equal(shown(), ' ');
  assert.equal(group.loading.value.state, 'loading');
  script.whole('baked mo', 'b');
  assert.equal(shown(), 'a b');
  assert.equal(group.loading.value.state, 'ready');
});

test('another day takes the place of what is shown in one turn, and only then the old one is released', () => {
  const { script, group, day, shown } = make();
  group.use(script.client);
  group.set(day('mo'));
  script.whole('sales mo', 'a');
  script.whole('baked mo', 'b');
  let turns = 0;
  group.set(day('tu'), true, () => turns++);
  script.whole('sales tu', 'x');
  script.sub('sales mo').onRows([{ op: 'insert', key: 'c', row: { id: 'c', updated_at: '' } }], false, 11);
  assert.equal(shown(), 'ac b');
  assert.equal(group.loading.value.state, 'ready');
  assert.equal(turns, 0);
  script.sub('sales tu').onRows([{ op: 'insert', key: 'y', row: { id: 'y', updated_at: '' } }], false, 12);
  script.whole('baked tu');
  assert.equal(shown(), 'xy ');
  assert.equal(turns, 1);
  assert.equal(script.watched(), 'baked tu, sales tu');
});

test('a choice that is changed before it has come is released', () => {
  const { script, group, day, shown } = make();
  group.use(script.client);
  group.set(day('mo'));
  group.set(day('tu'));
  assert.equal(script.watched(), 'baked tu, sales tu');
  script.whole('sales tu', 'x');
  script.whole('baked tu', 'y');
  assert.equal(shown(), 'x y');
});

test('a table that the next choice does without is emptied', () => {
  const { script, group, sales, day, shown } = make();
  group.use(script.client);
  group.set(day('mo'));
  script.whole('sales mo', 'a');
  script.whole('baked mo', 'b');
  group.set([want(sales, { table: 'sales', filter: 'tu' })]);
  assert.equal(group.loading.value.state, 'loading');
  script.whole('sales tu', 'x');
  assert.equal(shown(), 'x ');
});

test('when nobody looks any more, everything is released', () => {
  const { script, group, day, shown } = make();
  group.use(script.client);
  group.set(day('mo'));
  script.whole('sales mo', 'a');
  script.whole('baked mo', 'b');
  group.set(day('tu'), true);
  group.clear();
  assert.equal(script.watched(), '');
  assert.equal(shown(), ' ');
  group.use(null);
  group.use(script.client);
  assert.equal(script.watched(), '');
});

test('only what is shown can be old', () => {
  const { script, group, day } = make();
  group.use(script.client);
  group.set(day('mo'));
  assert.equal(group.isCurrent.value, true);
  script.whole('sales mo');
  script.whole('baked mo');
  script.sub('sales mo').onState?.('waiting');
  assert.equal(group.isCurrent.value, false);
  script.sub('sales mo').onState?.('live');
  group.set(day('tu'), true);
  script.sub('sales tu').onState?.('joining');
  assert.equal(group.isCurrent.value, true);
});

test('what cannot come is said, comes when it can, and who is refused is told', () => {
  const { script, group, day, shown, refusals } = make();
  group.use(script.client);
  group.set(day('mo'));
  script.whole('sales mo', 'a');
  script.sub('baked mo').onError?.(new LiveError('network', 'no snapshot'));
  assert.equal(refusals(), 0);
  script.sub('baked mo').onError?.(new LiveError('refused', 'the server refused it'));
  script.sub('baked mo').onState?.('failed');
  assert.deepEqual(group.loading.value, { state: 'failed', why: 'the server refused it' });
  assert.equal(refusals(), 1);
  script.sub('baked mo').onState?.('joining');
  script.whole('baked mo', 'b');
  assert.deepEqual(group.loading.value, { state: 'ready' });
  assert.equal(shown(), 'a b');
});

test('what is more than one subscription holds is parted, and what is shown stays until all of it has come', () => {
  const { script, group, sales } = make();
  group.use(script.client);
  const span = { column: 'n', from: 0, to: 4, text: String };
  group.set([want(sales, { table: 'sales', filter: 'mo' }, span)]);
  script.whole('sales mo', 'a', 'b');
  script.sub('sales mo').onError?.(new LiveError('limit', 'more rows than a subscription may have'));
  script.sub('sales mo').onState?.('failed');
  const ids = () => [...sales.all].map((r) => r.id).join('');
  const [low, high] = ['sales mo,n=lt.2', 'sales mo,n=gte.2'];
  assert.equal(script.watched(), `sales mo, ${high}, ${low}`);
  script.whole(low, 'a');
  script.sub(high).onError?.(new LiveError('limit', 'more rows than a subscription may have'));
  script.sub(high).onState?.('failed');
  assert.equal(ids(), 'ab');
  assert.equal(group.isCurrent.value, false);
  const parts = [low, 'sales mo,n=gte.2,n=lt.3', 'sales mo,n=gte.3'];
  assert.equal(script.watched(), ['sales mo', ...parts].sort().join(', '));
  parts.forEach((name, i) => script.whole(name, 'xyz'[i] ?? ''));
  assert.equal(ids(), 'xyz');
  assert.equal(script.watched(), [...parts].sort().join(', '));
  assert.deepEqual([group.isCurrent.value, group.loading.value.state], [true, 'ready']);
});

test('what cannot be parted any more is said', () => {
  const { script, group, sales } = make();
  group.use(script.client);
  group.set([want(sales, { table: 'sales' })]);
  script.sub('sales').onError?.(new LiveError('limit', 'more rows than a subscription may have'));
  script.sub('sales').onState?.('failed');
  assert.deepEqual(group.loading.value, { state: 'failed', why: 'more rows than a subscription may have' });
});
