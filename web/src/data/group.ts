/* group: tables that are shown together.  Another choice of rows (another day, another period) takes the place of what
 * is shown only when all of its copies have come, in one turn, and only then the old ones are released. */
import { batch, signal } from '@preact/signals';
import { LiveError, type Change, type Client, type ErrorCode, type Query, type SubscriptionState } from '../live/client';
import type { Stamped } from './rows';
import type { Loading } from './state';
import { applyTo, type Rows, type Table } from './table';

type AnyTable = Table<Stamped>;

/* By what the rows may be parted where they are more than one subscription holds: numbers that stand for values of a
 * column, the last one excluded. */
export interface Span {
  column: string;
  from: number;
  to: number;
  text(n: number): string;
}

interface Piece {
  from: number;
  to: number;
}

export interface Want {
  table: AnyTable;
  query: Query;
  span: Span;
  pieces: Piece[];
}

const WHOLE: Span = { column: '', from: 0, to: 1, text: String };

export function want<R extends Stamped>(table: Table<R>, query: Query, span = WHOLE): Want {
  return { table: table as unknown as AnyTable, query, span, pieces: [{ from: span.from, to: span.to }] };
}

/* The ends of the span are not asked for: what lies beyond them belongs to the outer pieces. */
function queryOf({ query, span }: Want, { from, to }: Piece): Query {
  const terms = query.filter ? [query.filter] : [];
  if (from > span.from) terms.push(`${span.column}=gte.${span.text(from)}`);
  if (to < span.to) terms.push(`${span.column}=lt.${span.text(to)}`);
  return terms.length > 0 ? { ...query, filter: terms.join() } : query;
}

/* In two halves; null where it cannot be parted. */
function halves({ from, to }: Piece): Piece[] | null {
  const middle = Math.floor((from + to) / 2);
  return middle > from ? [{ from, to: middle }, { from: middle, to }] : null;
}

/* The server ended or refused a subscription: maybe this person may not go on. */
const REFUSALS: readonly ErrorCode[] = ['server', 'refused', 'denied'];

/* One subscription. */
class Part {
  state: SubscriptionState = 'waiting';
  isWhole = false;
  seq = 0;
  error: Error | null = null;
  leave: () => void = () => {};

  constructor(readonly piece: Piece) {}

  get isOver(): boolean {
    return this.state === 'failed' && this.error instanceof LiveError && this.error.code === 'limit';
  }
}

/* The rows of one table, in as many subscriptions as they need. */
class Copy {
  private readonly parts: Part[];
  private readonly rows: Rows<Stamped> = new Map();
  private isShown = false;
  private isParted = false;

  constructor(
    client: Client,
    readonly want: Want,
    changed: () => void,
    refused: () => void,
  ) {
    this.parts = want.pieces.map((piece) => new Part(piece));
    for (const part of this.parts) this.subscribe(client, part, changed, refused);
  }

  get table(): AnyTable {
    return this.want.table;
  }
  get isWhole(): boolean {
    return this.parts.every((p) => p.isWhole);
  }
  get isLive(): boolean {
    return this.parts.every((p) => p.state === 'live');
  }
  /* What went wrong, for good or until somebody tries again. */
  get fault(): Error | null {
    const failed = this.parts.find((p) => p.state === 'failed');
    return failed ? (failed.error ?? new Error('failed')) : null;
  }

  /* Parts what is too much for one subscription; true: the want is to be asked for anew. */
  part(): boolean {
    if (this.isParted) return false;
    const pieces = this.parts.flatMap((p) => (p.isOver && halves(p.piece)) || [p.piece]);
    this.isParted = pieces.length > this.parts.length;
    if (this.isParted) this.want.pieces = pieces;
    return this.isParted;
  }

  show(): void {
    this.isShown = true;
    this.table.adopt(this.rows, this.seq);
  }

  leave(): void {
    for (const part of this.parts) part.leave();
  }

  private subscribe(client: Client, part: Part, changed: () => void, refused: () => void): void {
    try {
      part.leave = client.subscribe<Stamped>(queryOf(this.want, part.piece), {
        onRows: (changes, isWhole, seq) => {
          part.seq = seq;
          part.isWhole ||= isWhole;
          this.take(changes);
          changed();
        },
        onState: (state) => {
          part.state = state;
          changed();
        },
        onError: (error) => {
          part.error = error;
          if (error instanceof LiveError && REFUSALS.includes(error.code)) refused();
        },
      });
    } catch (e) {
      part.state = 'failed';
      part.error = e instanceof Error ? e : new Error(String(e));
    }
  }

  private get seq(): number {
    return Math.min(...this.parts.map((p) => p.seq));
  }

  /* A whole comes once, first, and finds nothing of its part. */
  private take(changes: Change<Stamped>[]): void {
    if (this.isShown) this.table.tell(changes, this.seq);
    else applyTo(this.rows, changes);
  }
}

export class Group {
  readonly loading = signal<Loading>({ state: 'loading' });
  /* Nothing that is shown may be old. */
  readonly isCurrent = signal(true);
  private client: Client | null = null;
  private wants: Want[] = [];
  private then: () => void = () => {};
  private shown: Copy[] = [];
  private coming: Copy[] = [];

  constructor(private readonly refused: () => void) {}

  /* Null: there is none any more, and nothing is shown. */
  use(client: Client | null): void {
    if (!client) this.end();
    this.client = client;
    if (client) this.subscribe();
  }

  /* `then` is called when the rows are shown; `isQuiet`: until then the old ones are. */
  set(wants: Want[], isQuiet = false, then: () => void = () => {}): void {
    this.wants = wants;
    this.then = then;
    if (!isQuiet) this.loading.value = { state: 'loading' };
    this.subscribe();
  }

  /* Nobody looks any more. */
  clear(): void {
    this.wants = [];
    this.end();
  }

  private end(): void {
    for (const copy of [...this.coming, ...this.shown]) copy.leave();
    batch(() => {
      for (const copy of this.shown) copy.table.clear();
      this.coming = this.shown = [];
      this.loading.value = { state: 'loading' };
      this.isCurrent.value = true;
    });
  }

  private subscribe(): void {
    const { client } = this;
    if (!client || this.wants.length === 0) return;
    const before = this.coming;
    this.coming = this.wants.map((w) => new Copy(client, w, () => this.review(), this.refused));
    /* Behind the new ones, so that what both watch goes on. */
    for (const copy of before) copy.leave();
    this.review();
  }

  private review(): void {
    const all = [...this.coming, ...this.shown];
    if (all.filter((c) => c.part()).length > 0) return this.subscribe();
    if (this.coming.length > 0 && this.coming.every((c) => c.isWhole)) this.show();
    const fault = all.find((c) => c.fault)?.fault;
    if (fault && this.loading.peek().state === 'loading') this.loading.value = { state: 'failed', why: fault.message };
    this.isCurrent.value = this.shown.every((c) => c.isLive);
  }

  private show(): void {
    const before = this.shown;
    this.shown = this.coming;
    this.coming = [];
    const tables = new Set(this.shown.map((c) => c.table));
    batch(() => {
      for (const copy of before) if (!tables.has(copy.table)) copy.table.clear();
      for (const copy of this.shown) copy.show();
      this.then();
      this.loading.value = { state: 'ready' };
    });
    for (const copy of before) copy.leave();
  }
}
