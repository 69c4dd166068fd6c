/* reports: the totals and the feedback of a period, for owner and manager.  One select of each when the period is
 * chosen and after every join; from then on events keep them true. */
import { batch, signal } from '@preact/signals';
import { client } from './client';
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
      selectDays<ShiftTotal>('shift_totals', r),
      selectDays<Feedback>('shift_feedback', r),
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

async function selectDays<R>(table: string, r: Range): Promise<R[]> {
  const rows: R[] = [];
  for (;;) {
    let q = client().from(table).select('*').gte('business_day', r.from).lte('business_day', r.to);
    q =
      table === 'shift_totals'
        ? q.order('business_day').order('shift').order('bread_type_id')
        : q.order('id');
    const { data, error } = await q.range(rows.length, rows.length + PAGE_ROWS - 1);
    if (error) throw new Error(error.message);
    rows.push(...(data as R[]));
    if (data.length < PAGE_ROWS) return rows;
  }
}
