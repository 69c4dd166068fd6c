/* live: keeps the tables true.  One channel for each signed-in person; its life:
 *
 *            start                    SUBSCRIBED                     snapshot is in
 *   stopped ───────▶ joining ───────────────────────▶ loading ───────────────────────▶ live
 *                       ▲   ◀── error, timeout, lost ───┴──────────────────────────────┘
 *                       └── the wire (channel.ts) joins again by itself; if the server closes the channel, a new one is made
 *
 * An event never causes a request.  A snapshot is taken after every join, at a change of shift, and when somebody
 * presses “Try again”; what is on the screen stays until it has come. */
import { batch, effect, signal } from '@preact/signals';
import { shiftAt, untilNextShift } from '../lib/clock';
import { askAsMe } from './auth';
import { closeChannel, closeSocket, openChannel, ping, retries as failedConnects, type Event } from './channel';
import { heard, jittered } from './http';
import { select } from './rest';
import type { Bread, Inventory, Person, Stamped } from './rows';
import * as s from './state';
import type { Change, Table } from './table';
import { reloadOwnFeedback } from './feedback';
import { reloadReport } from './reports';

type Phase = 'stopped' | 'joining' | 'loading' | 'live';

const RELOAD_SPREAD_MS = 1200;
const PROBE_MS = 6000;
const QUEUE_MAX = 20_000;
const BREAD_COLUMNS = 'id,name,size,unit_price,low_threshold,is_active,updated_at';

const phase = signal<Phase>('stopped');
const online = signal(navigator.onLine);
/* Counts starts and stops, so that what was begun for an earlier one is dropped. */
let era = 0;
let hasLoaded = false;
let retries = 0;
let onOwnRow: (row: Person | null) => void = () => {};

export function whenOwnRowChanges(f: (row: Person | null) => void): void {
  onOwnRow = f;
}

effect(() => {
  if (!online.value || failedConnects.value > 0) s.connection.value = 'offline';
  else s.connection.value = phase.value === 'live' ? 'live' : 'connecting';
});

/* ---- events: queued, and merged once for each frame ---- */

const TABLES: Record<string, Table<never>[]> = {
  sales_logs: [s.sales, s.personSales],
  production_logs: [s.production, s.personProduction],
  bread_types: [s.breads],
  stock: [s.stock],
  shift_totals: [s.totals],
  shift_feedback: [s.periodFeedback, s.ownFeedback],
  users: [s.people],
} as unknown as Record<string, Table<never>[]>;

let queue: Event[] = [];
let isFlushDue = false;

function enqueue(p: Event): void {
  heard();
  queue.push(p);
  /* More than can be held, or a row that came without all of its values. */
  if (queue.length > QUEUE_MAX || p.errors?.length) {
    queue = [];
    void load();
    return;
  }
  if (isFlushDue) return;
  isFlushDue = true;
  /* A hidden page gets no frames. */
  if (document.hidden) setTimeout(flush, 1000);
  else requestAnimationFrame(flush);
}

function flush(): void {
  isFlushDue = false;
  const due = queue;
  queue = [];
  const changes = new Map<Table<Stamped>, Change<Stamped>[]>();
  for (const p of due) {
    for (const t of (TABLES[p.table] ?? []) as unknown as Table<Stamped>[]) {
      const list = changes.get(t) ?? [];
      changes.set(t, list);
      const c = toChange(t, p);
      if (c) list.push(c);
    }
    if (p.table === 'users') tellOwnRow(p);
  }
  batch(() => {
    for (const [t, list] of changes) t.apply(list);
  });
}

function toChange(t: Table<Stamped>, p: Event): Change<Stamped> | null {
  if (p.eventType === 'DELETE') {
    const old = p.old as unknown as Stamped;
    return { kind: 'remove', key: t.keyOf(old), at: old.updated_at ?? p.commit_timestamp };
  }
  return { kind: 'put', row: p.new as unknown as Stamped, from: 'event' };
}

function tellOwnRow(p: Event): void {
  const row = (p.eventType === 'DELETE' ? p.old : p.new) as Partial<Person>;
  if (row.id === s.me.value?.id) onOwnRow(p.eventType === 'DELETE' ? null : (row as Person));
}

/* ---- the channel ---- */

function tablesSeen(): string[] {
  const all = ['sales_logs', 'production_logs', 'bread_types', 'stock', 'shift_feedback', 'users'];
  return s.leads.value ? [...all, 'shift_totals'] : all;
}

export async function startLive(): Promise<void> {
  await stopLive();
  const mine = era;
  phase.value = 'joining';
  await openChannel(
    tablesSeen(),
    { event: enqueue, joined: onJoined, lost: onLost, closed: onClosed },
    () => mine === era,
  );
}

export async function stopLive(): Promise<void> {
  era++;
  phase.value = 'stopped';
  queue = [];
  hasLoaded = false;
  await closeChannel();
}

function onLost(refusal: string): void {
  phase.value = 'joining';
  if (refusal) void askWhy();
  if (refusal && !hasLoaded)
    s.inventoryLoading.value = { state: 'failed', why: 'The live connection could not be made.' };
}

/* A refused join may mean that this person was switched off: REST says so (auth.ts listens). */
async function askWhy(): Promise<void> {
  await select<Person>('users', [['select', 'id']]).catch(() => {});
}

/* A token that ran out, for one. */
function onClosed(): void {
  phase.value = 'joining';
  const mine = era;
  void askWhy();
  setTimeout(() => {
    if (mine === era) void startLive();
  }, jittered(2000));
}

function onJoined(): void {
  phase.value = 'loading';
  void load(hasLoaded ? Math.random() * RELOAD_SPREAD_MS : 0);
}

/* ---- snapshots ---- */

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
let loads = 0;

async function load(after = 0): Promise<void> {
  const mine = era;
  const turn = ++loads;
  const isOurs = () => mine === era && turn === loads;
  for (const t of [s.breads, s.stock, s.production, s.sales, s.people]) t.begin();
  if (after) await wait(after);
  if (!isOurs()) return;
  try {
    await loadOnce(isOurs);
  } catch (e) {
    if (!isOurs()) return;
    if (!hasLoaded)
      s.inventoryLoading.value = { state: 'failed', why: e instanceof Error ? e.message : String(e) };
    await wait(jittered(Math.min(1000 * 2 ** retries++, 15_000)));
    if (isOurs() && phase.value !== 'joining') void load();
  }
}

async function loadOnce(isOurs: () => boolean): Promise<void> {
  const leads = s.leads.value;
  const [inventory, breads, people] = await Promise.all([
    askAsMe<Inventory>('/api/inventory/current'),
    leads ? select<Bread>('bread_types', [['select', BREAD_COLUMNS]]) : null,
    select<Person>('users', [['select', 'id,name,role,is_active,updated_at']]),
    leads ? reloadReport() : null,
    reloadOwnFeedback(),
  ]);
  if (!isOurs()) return;
  batch(() => {
    s.commitInventory(inventory.body, breads?.body ?? null);
    s.people.commit(people.body);
    s.seq.value = inventory.seq;
  });
  hasLoaded = true;
  retries = 0;
  if (phase.value === 'loading') phase.value = 'live';
  const self = people.body.find((p) => p.id === s.me.value?.id);
  if (self) onOwnRow(self);
  awaitNextShift();
}

export function reload(): void {
  if (s.inventoryLoading.value.state === 'failed') s.inventoryLoading.value = { state: 'loading' };
  if (phase.value === 'joining' || phase.value === 'stopped') void startLive();
  else void load();
}

/* ---- the end of the shift ---- */

let shiftTimer: ReturnType<typeof setTimeout> | undefined;

function awaitNextShift(): void {
  clearTimeout(shiftTimer);
  const c = s.config.value;
  if (!c) return;
  const now = () => Date.now() + s.clockOffset.value;
  const due = untilNextShift(now(), c);
  shiftTimer = setTimeout(
    () => {
      const is = shiftAt(now(), c);
      if (is.day === s.day.value && is.shift === s.shift.value) awaitNextShift();
      else if (phase.value === 'live') void load(Math.random() * RELOAD_SPREAD_MS);
    },
    Math.min(due + 500, 3_600_000),
  );
}

/* ---- the browser's surroundings ---- */

/* A new socket, whatever became of the old one. */
export async function reconnect(): Promise<void> {
  const mine = era;
  await closeSocket();
  if (mine === era) await startLive();
}

/* Asks for a sign of life; if none comes, the socket is dead without saying so, and is made anew. */
function probe(): void {
  if (phase.value === 'stopped') return;
  const mine = era;
  const before = s.lastContact.value;
  ping();
  setTimeout(() => {
    if (mine !== era || s.lastContact.value !== before || document.hidden || !online.value) return;
    void reconnect();
  }, PROBE_MS);
}

export function watchBrowser(): void {
  addEventListener('online', () => {
    online.value = true;
    probe();
  });
  addEventListener('offline', () => {
    online.value = false;
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    if (isFlushDue) flush();
    probe();
  });
}
