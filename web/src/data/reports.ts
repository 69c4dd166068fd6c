/* reports: the totals and the feedback of a period, for owner and manager.  One select of each when the period is
 * chosen and after every join; from then on events keep them true. */
import { batch, signal } from '@preact/signals';
import { select, type Query } from './rest';
import type { Feedback, ShiftTotal } from './rows';
import { periodFeedback, totals, type Loading } from './state';

export interface Range {
  from: string; // business days, both included
  to: string;
}

export const range = signal<Range | null>(null);
export const reportLoading = signal<Loading>({ state: 'loading' });
const PAGE_ROWS = 5000;
let turn = 0;

/* Null: nobody looks at reports. */
export function chooseRange(next: Range | null): void {
  const now = range.peek();
  if (now?.from === next?.from && now?.to === next?.to) return;
  range.value = next;
  if (!next) return;
  reportLoading.value = { state: 'loading' };
  reloadReport().catch(() => {});
}

export async function reloadReport(): Promise<void> {
  const r = range.peek();
  if (!r) return;
  const mine = ++turn;
  const within = (row: { business_day: string }) => row.business_day >= r.from && row.business_day <= r.to;
  totals.begin(within);
  periodFeedback.begin(within);
  try {
    const [t, f] = await Promise.all([
      selectDays<ShiftTotal>('shift_totals', 'business_day,shift,bread_type_id', r),
      selectDays<Feedback>('shift_feedback', 'id', r),
    ]);
    if (mine !== turn) return;
    batch(() => {
      totals.commit(t);
      periodFeedback.commit(f);
      reportLoading.value = { state: 'ready' };
    });
  } catch (e) {
    if (mine !== turn) return;
    totals.abort();
    periodFeedback.abort();
    if (reportLoading.peek().state !== 'ready')
      reportLoading.value = { state: 'failed', why: e instanceof Error ? e.message : String(e) };
    throw e;
  }
}

async function selectDays<R>(table: string, order: string, r: Range): Promise<R[]> {
  const rows: R[] = [];
  for (;;) {
    const query: Query = [
      ['select', '*'],
      ['business_day', `gte.${r.from}`],
      ['business_day', `lte.${r.to}`],
      ['order', order],
      ['offset', rows.length],
      ['limit', PAGE_ROWS],
    ];
    const page = (await select<R>(table, query)).body;
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}
