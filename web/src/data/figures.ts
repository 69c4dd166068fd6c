/* figures: what the pages show, computed from rows.  Pure. */
import type { Shift } from '../lib/clock';
import { fromMinor, toMinor, type Minor } from '../lib/money';
import type { Bread, Counts, Level, Production, Sale, ShiftTotal, Stock } from './rows';

export function levelOf(remaining: number, threshold: number, bakedToday: number): Level {
  if (remaining <= 0) return 'out';
  if (remaining <= threshold) return 'low';
  return remaining > bakedToday / 2 ? 'high' : 'normal';
}

export interface DayCounts {
  day: Counts;
  shift: Counts;
}

const none = (): DayCounts => ({ day: { produced: 0, sold: 0 }, shift: { produced: 0, sold: 0 } });

/* Baked and sold per bread type, of the business day and of the shift. */
export function countDay(
  production: Iterable<Production>,
  sales: Iterable<Sale>,
  day: string,
  shift: Shift,
): Map<string, DayCounts> {
  const out = new Map<string, DayCounts>();
  const of = (id: string) => {
    let c = out.get(id);
    if (!c) out.set(id, (c = none()));
    return c;
  };
  for (const p of production) {
    if (p.business_day !== day) continue;
    const c = of(p.bread_type_id);
    c.day.produced += p.quantity;
    if (p.shift === shift) c.shift.produced += p.quantity;
  }
  for (const s of sales) {
    if (s.business_day !== day || s.returned) continue;
    const c = of(s.bread_type_id);
    c.day.sold += s.quantity;
    if (s.shift === shift) c.shift.sold += s.quantity;
  }
  return out;
}

export interface Line extends DayCounts {
  bread: Bread;
  remaining: number;
  level: Level;
}

/* One line for each bread that is sold, and for each other one that something is left of. */
export function inventoryLines(
  breads: Iterable<Bread>,
  stockOf: (id: string) => Stock | undefined,
  counts: Map<string, DayCounts>,
): Line[] {
  const lines: Line[] = [];
  for (const bread of breads) {
    const remaining = stockOf(bread.id)?.remaining ?? 0;
    if (!bread.is_active && remaining === 0) continue;
    const { day, shift } = counts.get(bread.id) ?? none();
    lines.push({
      bread,
      remaining,
      level: levelOf(remaining, bread.low_threshold, day.produced),
      day,
      shift,
    });
  }
  return lines.sort((a, b) => a.bread.name.localeCompare(b.bread.name));
}

export interface Sums {
  revenue: Minor;
  discount: Minor;
  baked: number;
  sold: number;
  returned: number;
  sales: number;
}

export const noSums = (): Sums => ({ revenue: 0, discount: 0, baked: 0, sold: 0, returned: 0, sales: 0 });

export function addTotal(sums: Sums, t: ShiftTotal): void {
  sums.revenue += toMinor(t.revenue);
  sums.discount += toMinor(t.discount);
  sums.baked += t.baked;
  sums.sold += t.sold;
  sums.returned += t.returned;
  sums.sales += t.sales;
}

export interface Report {
  total: Sums;
  byDay: Map<string, Sums>;
  byBread: Map<string, Sums>;
  byShift: Map<Shift, Sums>;
}

export interface ReportFilter {
  shift: Shift | '';
  bread: string; // '' for all
}

/* The entries of one person, as totals. */
export function totalsOf(production: Iterable<Production>, sales: Iterable<Sale>): ShiftTotal[] {
  const out = new Map<string, ShiftTotal>();
  const of = ({ business_day, shift, bread_type_id }: Production | Sale) => {
    const key = `${business_day} ${shift} ${bread_type_id}`;
    let t = out.get(key);
    if (!t) {
      t = {
        ...{ business_day, shift, bread_type_id, updated_at: '' },
        ...{ baked: 0, sold: 0, returned: 0, sales: 0, discount: 0, revenue: 0 },
      };
      out.set(key, t);
    }
    return t;
  };
  for (const p of production) of(p).baked += p.quantity;
  for (const x of sales) {
    const t = of(x);
    if (x.returned) {
      t.returned += x.quantity;
      continue;
    }
    t.sold += x.quantity;
    t.sales++;
    t.discount = fromMinor(toMinor(t.discount) + toMinor(x.discount));
    t.revenue = fromMinor(toMinor(t.revenue) + toMinor(x.revenue));
  }
  return [...out.values()];
}

/* Those that a report with this filter is made of. */
export function matching(
  totals: Iterable<ShiftTotal>,
  days: ReadonlySet<string>,
  filter: ReportFilter,
): ShiftTotal[] {
  return [...totals].filter(
    (t) =>
      days.has(t.business_day) &&
      (!filter.shift || t.shift === filter.shift) &&
      (!filter.bread || t.bread_type_id === filter.bread),
  );
}

export function report(totals: Iterable<ShiftTotal>, days: readonly string[], filter: ReportFilter): Report {
  const out: Report = {
    total: noSums(),
    byDay: new Map(days.map((d) => [d, noSums()])),
    byBread: new Map(),
    byShift: new Map([
      ['morning', noSums()],
      ['night', noSums()],
    ]),
  };
  for (const t of matching(totals, new Set(days), filter)) {
    const day = out.byDay.get(t.business_day) ?? noSums();
    let bread = out.byBread.get(t.bread_type_id);
    if (!bread) out.byBread.set(t.bread_type_id, (bread = noSums()));
    const shift = out.byShift.get(t.shift);
    for (const sums of [out.total, day, bread]) addTotal(sums, t);
    if (shift) addTotal(shift, t);
  }
  return out;
}
