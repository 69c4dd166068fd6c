/* table: the rows of one table that this page holds, by key: as the live copy has them, and above them what this page's
 * own writes were answered and the copy has not come to yet.
 *
 * An answer is shown at once.  It yields when the copy is true for the change it speaks of (both have the seq of the
 * server's log), and before that to a row that is at least as new, and to the end of the row (ids do not come back).
 * So the row neither flickers nor doubles, whichever of the two comes first. */
import { signal, type Signal } from '@preact/signals';
import type { Change } from '../live/client';
import type { Stamped } from './rows';

export type Rows<R> = Map<string, R>;

export function applyTo<R>(rows: Rows<R>, changes: readonly Change<R>[]): void {
  for (const { op, key, row } of changes)
    if (op === 'delete') rows.delete(key);
    else rows.set(key, row);
}

/* Is `a` at least as new as `b`?  Of one row; null: it is gone.  Timestamps are UTC with trailing zeros trimmed, and
 * '+' sorts before '.' and the digits: text order is time order. */
function isNewer(a: Stamped | null | undefined, b: Stamped | null): boolean {
  return a === null || (a !== undefined && b !== null && a.updated_at >= b.updated_at);
}

interface Answer<R> {
  /* Null: it was deleted. */
  row: R | null;
  seq: number;
}

export class Table<R extends Stamped> {
  /* Rises by one for each batch of changes. */
  readonly version: Signal<number> = signal(0);
  private rows: Rows<R> = new Map();
  private answers = new Map<string, Answer<R>>();
  private seen: Rows<R> = this.rows;
  /* What the rows are true for; without a copy they are nobody's. */
  private seq = Infinity;

  /* Who reads these is told when the table changes. */
  get all(): Iterable<R> {
    void this.version.value;
    return this.seen.values();
  }
  get(key: string): R | undefined {
    void this.version.value;
    return this.seen.get(key);
  }
  get size(): number {
    void this.version.value;
    return this.seen.size;
  }

  /* The rows of another copy, from now on the table's own. */
  adopt(rows: Rows<R>, seq: number): void {
    this.rows = rows;
    this.reach(seq);
    this.change();
  }

  tell(changes: readonly Change<R>[], seq: number): void {
    applyTo(this.rows, changes);
    for (const { op, key, row } of changes) if (this.isToldBy(key, op === 'delete' ? null : row)) this.answers.delete(key);
    this.reach(seq);
    this.change();
  }

  /* This page's own write, as it was answered. */
  answer(id: string, row: R | null, seq: number): void {
    const before = this.answers.get(id);
    const isLate = before !== undefined && (before.seq > seq || (before.seq === seq && isNewer(before.row, row)));
    if (seq <= this.seq || isLate || (row && isNewer(this.rows.get(id), row))) return;
    this.answers.set(id, { row, seq });
    this.change();
  }

  clear(): void {
    this.rows = new Map();
    this.answers.clear();
    this.seq = Infinity;
    this.change();
  }

  /* Is the answer no news any more? */
  private isToldBy(key: string, row: R | null): boolean {
    const answer = this.answers.get(key);
    return answer !== undefined && isNewer(row, answer.row);
  }

  private reach(seq: number): void {
    this.seq = seq;
    for (const [key, answer] of this.answers) if (answer.seq <= seq) this.answers.delete(key);
  }

  private change(): void {
    this.seen = this.rows;
    if (this.answers.size > 0) {
      this.seen = new Map(this.rows);
      for (const [key, { row }] of this.answers)
        if (row) this.seen.set(key, row);
        else this.seen.delete(key);
    }
    this.version.value++;
  }
}
