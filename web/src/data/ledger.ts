/* ledger: the entries that a bread's numbers are made of: today's from the tables that the feed keeps true, earlier
 * ones page by page when somebody asks. */
import type { Shift } from '../lib/clock';
import { toMinor, type Minor } from '../lib/money';
import type { Production, Sale } from './rows';
import { select, type Query } from './rest';

export interface Entry {
  id: string;
  kind: 'baked' | 'sold';
  /* What it does to the stock: a returned sale does nothing. */
  change: number;
  quantity: number;
  isReturned: boolean;
  revenue: Minor | null;
  day: string;
  shift: Shift;
  note: string;
  by: string;
  at: string;
}

const PAGE = 50;

function ofProduction(p: Production): Entry {
  const { id, quantity, shift, note, recorded_by: by, created_at: at, business_day: day } = p;
  return {
    ...{ id, kind: 'baked', change: quantity, quantity, isReturned: false, revenue: null },
    ...{ day, shift, note: note ?? '', by, at },
  };
}

function ofSale(x: Sale): Entry {
  const { id, quantity, shift, returned, recorded_by: by, created_at: at, business_day: day } = x;
  return {
    ...{ id, kind: 'sold', change: returned ? 0 : -quantity, quantity, isReturned: returned },
    ...{ revenue: toMinor(x.revenue), day, shift, note: '', by, at },
  };
}

function newestFirst(a: Entry, b: Entry): number {
  return a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1;
}

export function entriesOf(
  bread: string,
  day: string,
  production: Iterable<Production>,
  sales: Iterable<Sale>,
): Entry[] {
  const out: Entry[] = [];
  for (const p of production) if (p.bread_type_id === bread && p.business_day === day) out.push(ofProduction(p));
  for (const x of sales) if (x.bread_type_id === bread && x.business_day === day) out.push(ofSale(x));
  return out.sort(newestFirst);
}

export interface Page {
  entries: Entry[];
  isLast: boolean;
}

/* Of the days before `day`, those that follow the entries `after` in time, backwards. */
export async function earlierEntries(bread: string, day: string, after: Entry | undefined): Promise<Page> {
  const query: Query = [
    ['select', '*'],
    ['bread_type_id', `eq.${bread}`],
    ['business_day', `lt.${day}`],
    ...(after ? ([['created_at', `lt.${after.at}`]] as const) : []),
    ['order', 'created_at.desc'],
    ['limit', PAGE + 1],
  ];
  const [baked, sold] = await Promise.all([
    select<Production>('production_logs', query),
    select<Sale>('sales_logs', query),
  ]);
  const all = [...baked.body.map(ofProduction), ...sold.body.map(ofSale)].sort(newestFirst);
  /* Entries of one moment are not torn apart: the next page begins before the moment of this one's last. */
  let end = Math.min(PAGE, all.length);
  while (end < all.length && all[end]?.at === all[end - 1]?.at) end++;
  return { entries: all.slice(0, end), isLast: end >= all.length };
}
