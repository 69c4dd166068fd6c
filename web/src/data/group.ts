/* group: tables that are shown together.  Another choice of rows (another day, another period) takes the place of what
 * is shown only when all of its copies have come, in one turn, and only then the old ones are released. */
import { batch, signal } from '@preact/signals';
import { LiveError, type Change, type Client, type ErrorCode, type Query, type SubscriptionState } from '../live/client';
import type { Stamped } from './rows';
import type { Loading } from './state';
import { applyTo, type Rows, type Table } from './table';

type AnyTable = Table<Stamped>;
export interface Want {
  table: AnyTable;
  query: Query;
}
export const want = <R extends Stamped>(table: Table<R>, query: Query): Want => ({
  table: table as unknown as AnyTable,
  query,
});

/* The server ended or refused a subscription: maybe this person may not go on. */
const REFUSALS: readonly ErrorCode[] = ['server', 'refused', 'denied'];

class Copy {
  state: SubscriptionState = 'waiting';
  isWhole = false;
  why = '';
  private rows: Rows<Stamped> = new Map();
  private seq = 0;
  private isShown = false;
  readonly leave: () => void;

  constructor(
    client: Client,
    private readonly want: Want,
    changed: () => void,
    refused: () => void,
  ) {
    this.leave = client.subscribe<Stamped>(want.query, {
      onRows: (changes, isWhole, seq) => {
        this.take(changes, isWhole, seq);
        changed();
      },
      onState: (state) => {
        this.state = state;
        changed();
      },
      onError: (error) => {
        this.why = error.message;
        if (error instanceof LiveError && REFUSALS.includes(error.code)) refused();
      },
    });
  }

  get table(): AnyTable {
    return this.want.table;
  }

  show(): void {
    this.isShown = true;
    this.table.adopt(this.rows, this.seq);
  }

  private take(changes: Change<Stamped>[], isWhole: boolean, seq: number): void {
    this.seq = seq;
    if (isWhole) this.isWhole = true;
    if (this.isShown) this.table.tell(changes, isWhole, seq);
    else applyTo(this.rows, changes, isWhole);
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
    for (const copy of this.shown) copy.table.clear();
    this.coming = this.shown = [];
    this.loading.value = { state: 'loading' };
    this.isCurrent.value = true;
  }

  private subscribe(): void {
    const { client } = this;
    if (!client || this.wants.length === 0) return;
    const before = this.coming;
    this.coming = this.wants.map((w) => new Copy(client, w, () => this.review(), this.refused));
    for (const copy of before) copy.leave();
  }

  private review(): void {
    if (this.coming.length > 0 && this.coming.every((c) => c.isWhole)) this.show();
    const failed = [...this.coming, ...this.shown].find((c) => c.state === 'failed');
    if (failed && this.loading.peek().state === 'loading') this.loading.value = { state: 'failed', why: failed.why };
    this.isCurrent.value = this.shown.every((c) => c.state === 'live');
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
