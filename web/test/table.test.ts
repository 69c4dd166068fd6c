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

/* A small generator, so that a failure can be had again. */
function dice(seed: number) {
  let x = seed * 2654435761 + 1;
  return (n: number) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

interface Commit {
  key: string;
  row: Row | null;
}

/* A log of changes, some of them this page's own.  The copy follows in leaps, and is told of each row once, as it is then;
 * answers come at any time behind their commits. */
class Night {
  readonly table = new Table<Row>();
  private readonly log: Commit[] = [];
  private readonly told = new Map<string, Row>();
  private readonly answers: { key: string; row: Row | null; seq: number }[] = [];
  private readonly newest = new Map<string, number>();
  private at = 0;
  private head = 0;

  constructor(private readonly roll: (n: number) => number) {
    this.table.adopt(new Map(), 0);
  }

  truth(seq: number): Map<string, Row> {
    const rows = new Map<string, Row>();
    for (const { key, row } of this.log.slice(0, seq))
      if (row) rows.set(key, row);
      else rows.delete(key);
    return rows;
  }

  commit(name: string): void {
    const n = this.log.length + 1;
    /* An id does not come back. */
    const key = `${name}${this.log.filter((c) => !c.row && c.key.startsWith(name)).length}`;
    const isGone = this.roll(4) === 0 && this.truth(n).has(key);
    const row = isGone ? null : { id: key, n, updated_at: `2026-11-22T${String(n).padStart(6, '0')}` };
    this.log.push({ key, row });
    /* An answer's seq is that of its whole group of commits. */
    this.head = Math.max(this.head, n + this.roll(3));
    if (this.roll(2)) this.answers.push({ key, row, seq: this.head });
  }

  answer(): void {
    const [a] = this.answers.splice(this.roll(this.answers.length), 1);
    if (a) this.table.answer(a.key, a.row, a.seq);
  }

  leap(to = this.at + this.roll(this.log.length - this.at + 1)): void {
    const rows = this.truth(to);
    const changes: Change<Row>[] = [];
    for (const [key, row] of rows) if (this.told.get(key) !== row) changes.push(put(row));
    for (const [key, row] of this.told) if (!rows.has(key)) changes.push(gone(row));
    this.at = to;
    if (changes.length === 0) return;
    this.told.clear();
    for (const [key, row] of rows) this.told.set(key, row);
    this.table.tell(changes, to);
  }

  /* No row may go back to what it was. */
  look(): void {
    for (const row of this.table.all) {
      assert.ok(row.n >= (this.newest.get(row.id) ?? 0), `row ${row.id} went back to ${row.n}`);
      this.newest.set(row.id, row.n);
    }
  }

  end(): void {
    while (this.answers.length > 0) this.answer();
    this.commit('last');
    this.leap(this.log.length);
    assert.deepEqual(new Map([...this.table.all].map((r) => [r.id, r.n])), new Map([...this.truth(this.log.length)].map(([k, r]) => [k, r.n])));
  }
}

test('in any order of changes and answers no row goes back, and in the end all are as the log says', () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const roll = dice(seed);
    const night = new Night(roll);
    for (let i = 0; i < 40; i++) {
      const what = roll(3);
      if (what === 0) night.commit('abc'[roll(3)] ?? 'a');
      else if (what === 1) night.answer();
      else night.leap();
      try {
        night.look();
      } catch (e) {
        throw new Error(`seed ${seed}, step ${i}: ${String(e)}`);
      }
    }
    night.end();
  }
});
