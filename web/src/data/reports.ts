/* reports: the totals and the feedback of a period, for owner and manager, and the entries of one person in it.  Watched
 * while somebody looks. */
import { signal } from '@preact/signals';
import { dayNumber, dayOf } from '../lib/clock';
import { want } from './group';
import { makeGroup } from './live';
import { periodFeedback, personProduction, personSales, totals } from './state';

export interface Range {
  from: string; // business days, both included
  to: string;
}

/* The period that is shown. */
export const range = signal<Range | null>(null);
/* Whose entries alone are counted; '' for everybody's. */
export const person = signal('');

const group = makeGroup();
export const reportLoading = group.loading;
let wanted: Range | null = null;

/* `isQuiet`: nobody asked for another period, a day has ended. */
export function chooseRange(next: Range, isQuiet: boolean): void {
  if (wanted?.from === next.from && wanted.to === next.to) return;
  wanted = next;
  if (!isQuiet) range.value = next;
  watch(isQuiet);
}

export function choosePerson(id: string): void {
  if (id === person.peek()) return;
  person.value = id;
  watch(false);
}

export function leaveReports(): void {
  group.clear();
  wanted = range.value = null;
  person.value = '';
}

function watch(isQuiet: boolean): void {
  const r = wanted;
  if (!r) return;
  const days = `business_day=gte.${r.from},business_day=lte.${r.to}`;
  const span = { column: 'business_day', from: dayNumber(r.from), to: dayNumber(r.to) + 1, text: dayOf };
  const theirs = `recorded_by=eq.${person.peek()},${days}`;
  group.set(
    [
      want(
        totals,
        { table: 'shift_totals', key: 'business_day,shift,bread_type_id', filter: days, priority: 'high' },
        span,
      ),
      want(periodFeedback, { table: 'shift_feedback', filter: days }, span),
      ...(person.peek()
        ? [
            want(personProduction, { table: 'production_logs', filter: theirs }, span),
            want(personSales, { table: 'sales_logs', filter: theirs }, span),
          ]
        : []),
    ],
    isQuiet,
    () => (range.value = r),
  );
}
