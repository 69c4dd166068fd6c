import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Table, type Change } from '../src/data/table';

interface Row {
  id: string;
  n: number;
  updated_at: string;
}
const at = (s: number) => `2026-11-22T09:00:0${s}.5+00:00`;
const row = (id: string, n: number, s: number): Row => ({ id, n, updated_at: at(s) });
const event = (r: Row): Change<Row> => ({ kind: 'put', row: r, from: 'event' });
const removal = (id: string, s: number): Change<Row> => ({ kind: 'remove', key: id, at: at(s) });
const fresh = () => new Table<Row>((r) => r.id);
const shown = (t: Table<Row>) =>
  [...t.all]
    .map((r) => `${r.id}${r.n}`)
    .sort()
    .join(' ');

test('an event replaces the row with its key, also when its clock reads earlier', () => {
  const t = fresh();
  t.apply([event(row('a', 1, 5)), event(row('a', 2, 4))]);
  assert.equal(shown(t), 'a2');
});

test('the same event twice changes nothing the second time', () => {
  const t = fresh();
  t.apply([event(row('a', 1, 1)), event(row('b', 1, 1))]);
  t.apply([event(row('a', 1, 1)), event(row('b', 1, 1))]);
  assert.equal(shown(t), 'a1 b1');
});

test('an answer yields to a newer row and to the tombstone of a delete', () => {
  const t = fresh();
  t.apply([event(row('a', 2, 2))]);
  t.answer(row('a', 1, 1));
  assert.equal(shown(t), 'a2');
  t.apply([removal('a', 2)]);
  t.answer(row('a', 1, 1));
  t.answer(row('a', 2, 2));
  assert.equal(shown(t), '');
});

test('a row that is made again after its delete is shown', () => {
  const t = fresh();
  t.apply([event(row('a', 1, 1)), removal('a', 1), event(row('a', 7, 1))]);
  assert.equal(shown(t), 'a7');
});

test('what came while the snapshot was on its way is merged on top of it', () => {
  const t = fresh();
  t.apply([event(row('gone', 1, 1))]);
  t.begin();
  t.apply([event(row('new', 3, 3)), removal('old', 2), event(row('a', 9, 4))]);
  assert.equal(shown(t), 'a9 gone1 new3');
  t.commit([row('a', 1, 1), row('old', 1, 1)]);
  assert.equal(shown(t), 'a9 new3');
});

test('when the snapshot does not come, what is shown stays', () => {
  const t = fresh();
  t.apply([event(row('a', 1, 1))]);
  t.begin();
  t.abort();
  assert.equal(shown(t), 'a1');
});

test('a row outside the wanted range is not taken in, and one that leaves it goes', () => {
  const t = fresh();
  t.begin((r) => r.n < 5);
  t.commit([row('a', 1, 1)]);
  t.apply([event(row('b', 6, 1)), event(row('a', 6, 2))]);
  assert.equal(shown(t), '');
});

test('the version rises once for each batch that changes something', () => {
  const t = fresh();
  const before = t.version.value;
  t.apply([event(row('a', 1, 1)), event(row('b', 1, 1))]);
  t.apply([removal('nobody', 1)]);
  assert.equal(t.version.value, before + 1);
});

test('timestamps with trimmed zeros are compared as times', () => {
  const t = fresh();
  t.apply([event({ id: 'a', n: 1, updated_at: '2026-11-22T09:00:00+00:00' })]);
  t.answer({ id: 'a', n: 2, updated_at: '2026-11-22T09:00:00.1+00:00' });
  t.answer({ id: 'a', n: 3, updated_at: '2026-11-22T09:00:00.12+00:00' });
  t.answer({ id: 'a', n: 4, updated_at: '2026-11-22T09:00:00.119+00:00' });
  assert.equal(shown(t), 'a3');
});
