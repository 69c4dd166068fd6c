/* state: everything the pages show, as signals.  Filled by live.ts and its groups (copies of the server's tables), write.ts
 * (answers to own writes), session.ts (who is signed in) and sales.ts (entries not saved yet). */
import { computed, signal } from '@preact/signals';
import { moneyFormat, type Minor } from '../lib/money';
import type { Shift } from '../lib/clock';
import { countDay, inventoryLines, type Line } from './figures';
import type {
  Bread,
  Config,
  Feedback,
  Person,
  Production,
  Role,
  Sale,
  ShiftTotal,
  Stock,
} from './rows';
import { Table } from './table';

export interface Me {
  id: string;
  name: string;
  role: Role;
}

export const config = signal<Config | null>(null);
export const me = signal<Me | null>(null);
/* Why the last session ended, for the sign-in page. */
export const signedOutBecause = signal('');

export const breads = new Table<Bread>();
export const stock = new Table<Stock>();
export const production = new Table<Production>();
export const sales = new Table<Sale>();
export const people = new Table<Person>();
export const totals = new Table<ShiftTotal>();
export const periodFeedback = new Table<Feedback>();
/* The entries of one person in the period of the reports; else none. */
export const personProduction = new Table<Production>();
export const personSales = new Table<Sale>();
export const ownFeedback = new Table<Feedback>();

/* The business day that is shown, and the shift that it is, by the server's clock; '' for nobody. */
export const day = signal('');
export const shift = signal<Shift>('morning');
/* Server time minus this device's, in ms. */
export const clockOffset = signal(0);

export type Loading = { state: 'loading' } | { state: 'ready' } | { state: 'failed'; why: string };
/* Of breads, stock and people; and of today's entries as well. */
export const stockLoading = signal<Loading>({ state: 'loading' });
export const inventoryLoading = signal<Loading>({ state: 'loading' });

export type Connection = 'live' | 'connecting' | 'offline';
export const connection = signal<Connection>('connecting');

export const money = computed<(m: Minor) => string>(() => {
  const c = config.value;
  return moneyFormat(c?.locale ?? 'en', c?.currency ?? 'USD');
});

export const counts = computed(() => countDay(production.all, sales.all, day.value, shift.value));

export const lines = computed<Line[]>(() => inventoryLines(breads.all, (id) => stock.get(id), counts.value));

export const leads = computed(() => me.value?.role === 'owner' || me.value?.role === 'manager');

export function personName(id: string): string {
  const m = me.value;
  if (m?.id === id) return 'You';
  return people.get(id)?.name ?? 'Somebody';
}

export function breadName(id: string): string {
  const b = breads.get(id);
  return b ? b.name : 'A removed bread';
}
