import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Table } from '../src/data/table';
import type { Change } from '../src/live/client';

interface Row {
  id: string;
  n: number;
  updated_at: string;
}
const at = (s: number) => `2026-11-22T09:00:0${s}.5+00:00`;
const row = (id: string, n: number, s: number): Row => ({ id, n, updated_at: at(s) });
const put = (r: Row): Change<Row> => ({ op: 'update', key: r.id, row: r });
const gone = (r: Row): Change<Row> => ({ op: 'delete', key: r.id, row: r });
const shown = (t: Table<Row>) =>
  [...t.all]
    .map((r) => `${r.id}${r.n}`)
    .sort()
    .join(' ');

/* True for change 10. */
function filled(...rows: Row[]): Table<Row> {
  const t = new Table<Row>();
  t.adopt(new Map(rows.map((r) => [r.id, r])), 10);
  return t;
}

test('changes are taken as they come, also when a clock reads earlier', () => {
  const t = filled(row('a', 1, 5));
  t.tell([put(row('a', 2, 4)), put(row('b', 1, 1))], 12);
  assert.equal(shown(t), 'a2 b1');
  t.tell([gone(row('a', 2, 4))], 13);
  assert.equal(shown(t), 'b1');
});

test('an answer is shown at once, and its own change finds nothing to do', () => {
  const t = filled(row('a', 1, 1));
  t.answer('b', row('b', 7, 2), 13);
  t.answer('a', row('a', 2, 2), 13);
  assert.equal(shown(t), 'a2 b7');
  t.tell([put(row('b', 7, 2)), put(row('a', 2, 2))], 12);
  assert.equal(shown(t), 'a2 b7');
  t.tell([put(row('a', 3, 2)), put(row('b', 8, 2))], 12);
  assert.equal(shown(t), 'a3 b8');
});

test('an answer that comes behind its own change is passed over', () => {
  const t = filled(row('a', 2, 2));
  t.answer('a', row('a', 2, 2), 13);
  t.tell([put(row('a', 3, 1))], 12);
  assert.equal(shown(t), 'a3');
});

test('an answer stays while older changes of its row come, and yields to a newer one', () => {
  const t = filled(row('a', 1, 1));
  t.answer('a', row('a', 5, 5), 20);
  t.tell([put(row('a', 2, 2))], 12);
  assert.equal(shown(t), 'a5');
  t.tell([put(row('a', 6, 6))], 19);
  assert.equal(shown(t), 'a6');
});

test('an answer yields to the end of its row, whichever comes first', () => {
  const t = filled();
  t.answer('a', row('a', 1, 1), 13);
  t.tell([gone(row('a', 1, 1))], 15);
  assert.equal(shown(t), '');
  t.answer('b', row('b', 1, 1), 13);
  assert.equal(shown(t), '');
});

test('an answer yields to a copy that has come past it without telling of its row', () => {
  const t = filled();
  t.answer('a', row('a', 1, 1), 13);
  assert.equal(shown(t), 'a1');
  t.tell([], 13);
  assert.equal(shown(t), '');
  t.answer('b', row('b', 1, 1), 14);
  t.adopt(new Map([['c', row('c', 1, 1)]]), 14);
  assert.equal(shown(t), 'c1');
});

test('what this page has deleted is gone at once, and stays so while older changes come', () => {
  const t = filled(row('a', 1, 1));
  t.answer('a', null, 20);
  assert.equal(shown(t), '');
  assert.equal(t.get('a'), undefined);
  t.tell([put(row('a', 2, 2))], 12);
  assert.equal(shown(t), '');
  t.tell([gone(row('a', 2, 2))], 19);
  t.tell([put(row('a', 3, 3))], 21);
  assert.equal(shown(t), 'a3');
});

test('a table without a copy takes no answers', () => {
  const t = new Table<Row>();
  t.answer('a', row('a', 1, 1), 5);
  assert.equal(shown(t), '');
  t.adopt(new Map(), 1);
  t.answer('a', row('a', 1, 1), 5);
  t.clear();
  assert.equal(shown(t), '');
});

test('the version rises once for each batch', () => {
  const t = filled();
  const before = t.version.value;
  t.tell([put(row('a', 1, 1)), put(row('b', 1, 1)), gone(row('a', 1, 1))], 13);
  assert.equal(t.version.value, before + 1);
});

test('timestamps with trimmed zeros are compared as times', () => {
  const a = (n: number, updated_at: string) => ({ id: 'a', n, updated_at });
  const t = filled(a(1, '2026-11-22T09:00:00+00:00'));
  t.answer('a', a(2, '2026-11-22T09:00:00.12+00:00'), 20);
  t.tell([put(a(3, '2026-11-22T09:00:00.119+00:00'))], 12);
  assert.equal(shown(t), 'a2');
  t.tell([put(a(4, '2026-11-22T09:00:00.121+00:00'))], 13);
  assert.equal(shown(t), 'a4');
});
