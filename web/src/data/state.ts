/* state: everything the pages show, as signals.  Filled by live.ts (snapshots and events), write.ts (answers to own
 * writes), session.ts (who is signed in) and sales.ts (entries not saved yet). */
import { computed, signal } from '@preact/signals';
import { moneyFormat, type Minor } from '../lib/money';
import type { Shift } from '../lib/clock';
import { beyondLists, countDay, inventoryLines, type DayCounts, type Line } from './figures';
import type {
  Bread,
  Config,
  Feedback,
  Inventory,
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

export const breads = new Table<Bread>((r) => r.id);
export const stock = new Table<Stock>((r) => r.bread_type_id);
export const production = new Table<Production>((r) => r.id);
export const sales = new Table<Sale>((r) => r.id);
export const people = new Table<Person>((r) => r.id);
export const totals = new Table<ShiftTotal>((r) => `${r.business_day} ${r.shift} ${r.bread_type_id}`);
export const periodFeedback = new Table<Feedback>((r) => r.id);
/* The entries of one person in the period of the reports; else none. */
export const personProduction = new Table<Production>((r) => r.id);
export const personSales = new Table<Sale>((r) => r.id);
export const ownFeedback = new Table<Feedback>((r) => r.id);

/* The business day and shift that the server says it is; '' until the first snapshot. */
export const day = signal('');
export const shift = signal<Shift>('morning');
export const beyond = signal<Map<string, DayCounts>>(new Map());
/* The change of the database that the last snapshot is true for. */
export const seq = signal(0);
/* Server time minus this device's, in ms. */
export const clockOffset = signal(0);

export type Loading = { state: 'loading' } | { state: 'ready' } | { state: 'failed'; why: string };
export const inventoryLoading = signal<Loading>({ state: 'loading' });

export type Connection = 'live' | 'connecting' | 'offline';
export const connection = signal<Connection>('connecting');
/* When the server was last heard of, in ms of this device; 0 for never. */
export const lastContact = signal(0);

export const money = computed<(m: Minor) => string>(() => {
  const c = config.value;
  return moneyFormat(c?.locale ?? 'en', c?.currency ?? 'USD');
});

export const counts = computed(() => countDay(production.all, sales.all, day.value, shift.value));

export const lines = computed<Line[]>(() =>
  inventoryLines(breads.all, (id) => stock.get(id), counts.value, beyond.value),
);

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

type WithBread = {
  bread_type?: { id: string; name: string; size: string | null; unit_price: number } | null;
};

/* `all` are the bread types of somebody who may manage them; others know those that are in the inventory, and by
 * name those that today's entries speak of. */
export function commitInventory(inv: Inventory, all: Bread[] | null): void {
  const known = new Map<string, Bread>();
  for (const entry of [...inv.production, ...inv.sales] as WithBread[]) {
    const b = entry.bread_type;
    if (b) known.set(b.id, { ...b, low_threshold: 0, is_active: false, updated_at: '' });
  }
  for (const i of inv.items) {
    const { id, name, size, unit_price, low_threshold, is_active } = i;
    known.set(id, { id, name, size, unit_price, low_threshold, is_active, updated_at: '' });
  }
  for (const b of all ?? []) known.set(b.id, b);
  breads.commit(known.values());
  stock.commit(
    inv.items.map(({ id, produced, sold, remaining }) => ({
      bread_type_id: id,
      baked: produced,
      sold,
      remaining,
      updated_at: '',
    })),
  );
  production.commit(inv.production);
  sales.commit(inv.sales);
  beyond.value = beyondLists(inv);
  day.value = inv.business_day;
  shift.value = inv.shift;
  clockOffset.value = Date.parse(inv.timestamp) - Date.now();
  inventoryLoading.value = { state: 'ready' };
}

export function clearAll(): void {
  for (const t of [breads, stock, production, sales, people, totals, periodFeedback, ownFeedback]) t.clear();
  for (const t of [personProduction, personSales]) t.clear();
  day.value = '';
  beyond.value = new Map();
  inventoryLoading.value = { state: 'loading' };
}
