/* table: the rows of one table that this page holds, by key.  Three things arrive, in any order:
 *
 *   event     a committed change, from the live channel.  The channel delivers in commit order, so an event always
 *             wins; nothing is compared.  (updated_at is when a write was asked for, not when it was committed: two
 *             writes at the same moment may be committed the other way round, so it cannot order events.)
 *   answer    the row that came back from this page's own write.  It is an event's news come early or late, so it
 *             yields to a row that is newer, and to the tombstone of a delete.
 *   snapshot  all rows.  While it is on its way, events and answers are shown at once and kept as well; when it has
 *             come they are merged again on top of it.  An event older than the snapshot is put right by those that
 *             follow it on the channel, so the rows converge without sequence numbers.
 *
 * Merging is idempotent.  Rows are changed in place; `version` rises by one for each batch that changed something. */
import { signal, type Signal } from '@preact/signals';
import type { Stamped } from './rows';

export type Change<R> =
  { kind: 'put'; row: R; from: 'event' | 'answer' } | { kind: 'remove'; key: string; at: string };

const TOMBSTONES_MAX = 2000;

export class Table<R extends Stamped> {
  readonly version: Signal<number> = signal(0);
  private rows = new Map<string, R>();
  private tombs = new Map<string, string>();
  private kept: Change<R>[] | null = null;
  private wanted: (row: R) => boolean = () => true;

  constructor(readonly keyOf: (row: R) => string) {}

  /* Who reads these is told when the table changes. */
  get all(): Iterable<R> {
    void this.version.value;
    return this.rows.values();
  }
  get(key: string): R | undefined {
    void this.version.value;
    return this.rows.get(key);
  }
  get size(): number {
    void this.version.value;
    return this.rows.size;
  }

  /* A snapshot of the rows that `wanted` tells has been asked for. */
  begin(wanted: (row: R) => boolean = () => true): void {
    this.wanted = wanted;
    this.kept = [];
  }

  /* The snapshot has come. */
  commit(rows: Iterable<R>): void {
    const kept = this.kept ?? [];
    this.kept = null;
    this.tombs.clear();
    this.rows = new Map();
    for (const row of rows) this.rows.set(this.keyOf(row), row);
    for (const change of kept) this.merge(change);
    this.version.value++;
  }

  /* The snapshot did not come; what is shown stays. */
  abort(): void {
    this.kept = null;
  }

  apply(changes: readonly Change<R>[]): void {
    let changed = false;
    for (const change of changes) {
      this.kept?.push(change);
      if (this.merge(change)) changed = true;
    }
    if (changed) this.version.value++;
  }

  answer(row: R): void {
    this.apply([{ kind: 'put', row, from: 'answer' }]);
  }

  clear(): void {
    this.kept = null;
    this.tombs.clear();
    this.rows = new Map();
    this.version.value++;
  }

  private merge(change: Change<R>): boolean {
    return change.kind === 'put' ? this.mergeRow(change.row, change.from) : this.mergeRemoval(change);
  }

  private mergeRow(row: R, from: 'event' | 'answer'): boolean {
    const key = this.keyOf(row);
    const old = this.rows.get(key);
    if (from === 'answer' && this.knowsNewer(key, old, row)) return false;
    this.tombs.delete(key);
    if (!this.wanted(row)) return this.rows.delete(key);
    this.rows.set(key, old ? { ...old, ...row } : row);
    return true;
  }

  /* Timestamps are UTC with trailing zeros trimmed, and '+' sorts before '.' and the digits: text order is time order. */
  private knowsNewer(key: string, old: R | undefined, row: R): boolean {
    const tomb = this.tombs.get(key);
    return (
      (tomb !== undefined && row.updated_at <= tomb) || (old !== undefined && row.updated_at < old.updated_at)
    );
  }

  private mergeRemoval(change: { key: string; at: string }): boolean {
    this.tombs.set(change.key, change.at);
    for (const oldest of this.tombs.keys()) {
      if (this.tombs.size <= TOMBSTONES_MAX) break;
      this.tombs.delete(oldest);
    }
    return this.rows.delete(change.key);
  }
}
