/* reports: the totals and the feedback of a period, for owner and manager.  One select of each when the period is
 * chosen and after every join; from then on events keep them true. */
import { batch, signal } from '@preact/signals';
import { select, type Query } from './rest';
import type { Feedback, Production, Sale, ShiftTotal } from './rows';
import { periodFeedback, personProduction, personSales, totals, type Loading } from './state';

export interface Range {
  from: string; // business days, both included
  to: string;
}

export const range = signal<Range | null>(null);
/* Whose entries alone are counted; '' for everybody's. */
export const person = signal('');
export const reportLoading = signal<Loading>({ state: 'loading' });
const PAGE_ROWS = 5000;
let turn = 0;

/* They hold nothing, and take nothing in, until a person is chosen. */
function dropPerson(): void {
  for (const t of [personProduction, personSales]) {
    t.begin(() => false);
    t.commit([]);
  }
}
dropPerson();

/* Null: nobody looks at reports. */
export function chooseRange(next: Range | null): void {
  const now = range.peek();
  if (now?.from === next?.from && now?.to === next?.to) return;
  range.value = next;
  if (!next) {
    person.value = '';
    dropPerson();
    return;
  }
  reportLoading.value = { state: 'loading' };
  reloadReport().catch(() => {});
}

export function choosePerson(id: string): void {
  if (id === person.peek()) return;
  person.value = id;
  if (!id) dropPerson();
  reportLoading.value = { state: 'loading' };
  reloadReport().catch(() => {});
}

export async function reloadReport(): Promise<void> {
  const r = range.peek();
  if (!r) return;
  const mine = ++turn;
  const within = (row: { business_day: string }) => row.business_day >= r.from && row.business_day <= r.to;
  const who = person.peek();
  const isTheirs = (row: Production | Sale) => row.recorded_by === who && within(row);
  const tables = who ? [totals, periodFeedback, personProduction, personSales] : [totals, periodFeedback];
  totals.begin(within);
  periodFeedback.begin(within);
  if (who) for (const table of [personProduction, personSales]) table.begin(isTheirs);
  try {
    const [t, f, p, x] = await Promise.all([
      selectDays<ShiftTotal>('shift_totals', 'business_day,shift,bread_type_id', r),
      selectDays<Feedback>('shift_feedback', 'id', r),
      who ? selectDays<Production>('production_logs', 'id', r, who) : [],
      who ? selectDays<Sale>('sales_logs', 'id', r, who) : [],
    ]);
    if (mine !== turn) return;
    batch(() => {
      totals.commit(t);
      periodFeedback.commit(f);
      if (who) {
        personProduction.commit(p);
        personSales.commit(x);
      }
      reportLoading.value = { state: 'ready' };
    });
  } catch (e) {
    if (mine !== turn) return;
    for (const table of tables) table.abort();
    if (reportLoading.peek().state !== 'ready')
      reportLoading.value = { state: 'failed', why: e instanceof Error ? e.message : String(e) };
    throw e;
  }
}

async function selectDays<R>(table: string, order: string, r: Range, who = ''): Promise<R[]> {
  const rows: R[] = [];
  for (;;) {
    const query: Query = [
      ['select', '*'],
      ['business_day', `gte.${r.from}`],
      ['business_day', `lte.${r.to}`],
      ...(who ? ([['recorded_by', `eq.${who}`]] as const) : []),
      ['order', order],
      ['offset', rows.length],
      ['limit', PAGE_ROWS],
    ];
    const page = (await select<R>(table, query)).body;
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}
