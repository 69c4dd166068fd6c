/* sales: entries on their way to the server.  A sale has its id from the moment it is made, so sending it again is
 * harmless: 23505 for that id means that it was saved the first time.  What is not known to be saved stays on this
 * device and on the screen, and says so. */
import { signal } from '@preact/signals';
import type { Minor } from '../lib/money';
import { fromMinor, lineTotal } from '../lib/money';
import type { Shift } from '../lib/clock';
import type { Sale } from './rows';
import * as s from './state';
import { jittered } from './http';
import { insert, inWords } from './write';

export interface Unsaved {
  id: string;
  bread_type_id: string;
  bread: string;
  quantity: number;
  price: Minor;
  discount: Minor;
  returned: boolean;
  shift: Shift;
  at: number;
  state: 'sending' | 'waiting' | 'refused';
  why: string;
  /* An entry that is answered at once need not flash up as unsaved. */
  isSeen: boolean;
}

export const unsaved = signal<Unsaved[]>([]);
const UNSEEN_MS = 500;
const RETRY_MS = 5000;
const RETRY_MS_MAX = 60_000;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let retryMs = RETRY_MS;
let storeKey = '';

export function totalOf(u: Unsaved): Minor {
  return lineTotal(u.quantity, u.price, u.discount, u.returned);
}

export function openUnsaved(userId: string): void {
  storeKey = `homebake-unsaved-${userId}`;
  try {
    const kept = JSON.parse(localStorage.getItem(storeKey) ?? '[]') as Unsaved[];
    unsaved.value = kept.map((u) => ({
      ...u,
      isSeen: true,
      state: u.state === 'sending' ? 'waiting' : u.state,
    }));
  } catch {
    unsaved.value = [];
  }
}

function keep(list: Unsaved[]): void {
  unsaved.value = list;
  try {
    if (storeKey) localStorage.setItem(storeKey, JSON.stringify(list));
  } catch {
    /* No room or no permission: the entry is still on the screen. */
  }
}

function mark(id: string, part: Partial<Unsaved>): void {
  if (!unsaved.peek().some((u) => u.id === id)) return;
  keep(unsaved.peek().map((u) => (u.id === id ? { ...u, ...part } : u)));
}

export function discard(id: string): void {
  keep(unsaved.peek().filter((u) => u.id !== id));
}

export function makeSale(u: Omit<Unsaved, 'state' | 'why' | 'at' | 'isSeen'>): Promise<boolean> {
  keep([...unsaved.peek(), { ...u, at: Date.now(), state: 'waiting', why: '', isSeen: false }]);
  setTimeout(() => mark(u.id, { isSeen: true }), UNSEEN_MS);
  return send(u.id);
}

/* True: the server has it. */
export async function send(id: string): Promise<boolean> {
  const u = unsaved.peek().find((x) => x.id === id);
  if (!u || u.state === 'sending') return false;
  mark(id, { state: 'sending', why: '' });
  const o = await insert<Sale>('sales_logs', {
    id: u.id,
    bread_type_id: u.bread_type_id,
    quantity: u.quantity,
    unit_price: fromMinor(u.price),
    discount: fromMinor(u.discount),
    returned: u.returned,
    shift: u.shift,
  });
  if ('row' in o || o.failure.code === '23505') {
    if ('row' in o) s.sales.answer(id, o.row, o.seq);
    retryMs = RETRY_MS;
    discard(id);
    return true;
  }
  if (o.failure.isUnknown || o.failure.code.startsWith('PGRST30')) {
    mark(id, { state: 'waiting', isSeen: true });
    retryLater();
  } else mark(id, { state: 'refused', isSeen: true, why: inWords(o.failure) });
  return false;
}

function retryLater(): void {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(retryUnsaved, jittered(retryMs));
  retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
}

/* Nobody signed in, or another person: the entries wait for the one who made them. */
export function closeUnsaved(): void {
  clearTimeout(retryTimer);
  unsaved.value = [];
  storeKey = '';
}

export function retryUnsaved(): void {
  for (const u of unsaved.peek()) if (u.state === 'waiting') void send(u.id);
}
