/* live: the one live client of the signed-in person, and what every page needs of it.  The client (web/src/live) keeps
 * the copies true; nothing here asks again, waits, or counts tries. */
import { computed, effect, signal, untracked } from '@preact/signals';
import { createClient, preload, type Client, type Status } from '../live/client';
import { dayStart, shiftAt, untilNextShift, type Shift, type ShiftBounds } from '../lib/clock';
import { sentence } from '../lib/words';
import { accessToken, expiresInMs, refresh } from './auth';
import { Group, want, type Span } from './group';
import { jittered } from './http';
import { select } from './rest';
import type { Person } from './rows';
import * as s from './state';

const SPREAD_MS = 1200;
const UNREACHABLE = 'The bakery cannot be reached.';
const LOAD_AGAIN_MS = 5000;
/* After sleep, or when this device's clock is set, a long wait would end at the wrong time. */
const LOOK_MS = 60_000;

const client = signal<Client | null>(null);
/* Counts starts and stops, so that what was begun for an earlier one is dropped. */
let era = 0;

export const status = computed<Status | null>(() => client.value?.status.value ?? null);

export interface Trouble {
  text: string;
  at: number; // ms
}
export const lastTrouble = signal<Trouble | null>(null);

function trouble(text: string): void {
  lastTrouble.value = { text: sentence(text), at: Date.now() };
}

const error = computed(() => status.value?.error ?? '');
effect(() => {
  if (error.value) trouble(error.value);
});

/* ---- what is watched ---- */

let question: Promise<unknown> | null = null;

/* Whoever was switched off learns it from REST (auth.ts listens). */
function askWhy(): void {
  question ??= select('users', [
    ['select', 'id'],
    ['limit', 1],
  ])
    .catch(() => {})
    .finally(() => {
      question = null;
    });
}

const all = new Group(askWhy);
const today = new Group(askWhy);
const groups = signal([all, today]);

export function makeGroup(): Group {
  const group = new Group(askWhy);
  group.use(client.peek());
  groups.value = [...groups.peek(), group];
  return group;
}

all.set([
  want(s.breads, { table: 'bread_types', priority: 'high' }),
  want(s.stock, { table: 'stock', key: 'bread_type_id', priority: 'high' }),
  want(s.people, { table: 'users' }),
]);

const isOffline = computed(() => connectionOf(status.value, false) === 'offline');

/* There is no use in waiting for what cannot come. */
function orOffline(loading: s.Loading): s.Loading {
  return loading.state === 'loading' && isOffline.value ? { state: 'failed', why: UNREACHABLE } : loading;
}

effect(() => {
  const [a, b] = [orOffline(all.loading.value), orOffline(today.loading.value)];
  s.stockLoading.value = a;
  s.inventoryLoading.value = a.state === 'ready' ? b : a;
});

effect(() => {
  s.connection.value = connectionOf(status.value, s.inventoryLoading.value.state === 'ready' && areCurrent());
});

function areCurrent(): boolean {
  return groups.value.every((g) => g.isCurrent.value);
}

function connectionOf(is: Status | null, hasAll: boolean): s.Connection {
  if (is?.state === 'live' && hasAll) return 'live';
  const isTrying = !is || is.state === 'live' || is.state === 'stale' || (is.state !== 'offline' && is.retries < 2);
  return isTrying ? 'connecting' : 'offline';
}

/* ---- who watches ---- */

let onOwnRow: (row: Person | undefined) => void = () => {};

export function whenOwnRowChanges(f: (row: Person | undefined) => void): void {
  onOwnRow = f;
}

effect(() => {
  const me = s.me.value;
  if (!me || all.loading.value.state !== 'ready') return;
  const row = s.people.get(me.id);
  untracked(() => onOwnRow(row));
});

let given = '';

/* Asked again for what it has been given already, the core knows that the server does not take it any more. */
async function newToken() {
  if (accessToken() === given) await refresh();
  return currentToken();
}

function currentToken() {
  given = accessToken();
  return { token: given, expiresInMs: expiresInMs() };
}

export function renewToken(): void {
  client.peek()?.setToken(currentToken());
}

function use(c: Client | null): void {
  client.value = c;
  for (const g of groups.peek()) g.use(c);
}

export async function startLive(): Promise<void> {
  stopLive();
  const mine = era;
  const config = s.config.peek();
  if (!config) return;
  given = '';
  followClock();
  try {
    const c = await createClient({
      url: location.origin,
      apikey: config.anon_key,
      token: newToken,
      onError: (e) => trouble(e.message),
    });
    if (mine === era) use(c);
    else c.close();
  } catch (e) {
    if (mine !== era) return;
    trouble(e instanceof Error ? e.message : String(e));
    s.stockLoading.value = s.inventoryLoading.value = { state: 'failed', why: 'The live client could not be loaded.' };
    setTimeout(() => {
      if (mine === era) void startLive();
    }, jittered(LOAD_AGAIN_MS));
  }
}

export function stopLive(): void {
  era++;
  clearTimeout(shiftTimer);
  client.peek()?.close();
  use(null);
  s.day.value = '';
  lastTrouble.value = null;
}

/* What has failed is tried again, and so is the connection, at once. */
export function reconnect(): void {
  const c = client.peek();
  if (c) c.retry();
  else if (s.me.peek()) void startLive();
}

/* Ages and waits do not count by themselves. */
export function refreshStatus(): void {
  client.peek()?.refreshStatus();
}

/* Long before somebody is signed in, so that nothing waits for it then. */
export function preloadLive(): void {
  preload().catch(() => {});
}

/* ---- the business day ---- */

let shiftTimer: ReturnType<typeof setTimeout> | undefined;

function followClock(): void {
  clearTimeout(shiftTimer);
  const c = s.config.peek();
  if (!c) return;
  const now = Date.now() + s.clockOffset.peek();
  const is = shiftAt(now, c);
  if (is.day !== s.day.peek()) watchDay(is.day, is.shift, c);
  else s.shift.value = is.shift;
  /* Not all screens of a bakery in the same moment. */
  const due = untilNextShift(now, c) + SPREAD_MS * Math.random();
  shiftTimer = setTimeout(followClock, Math.min(due, LOOK_MS));
}

function spanOf(day: string, bounds: ShiftBounds): Span {
  const from = dayStart(day, bounds);
  return { column: 'created_at', from, to: from + 86_400_000, text: (ms) => new Date(ms).toISOString() };
}

function watchDay(day: string, shift: Shift, bounds: ShiftBounds): void {
  const filter = `business_day=eq.${day}`;
  const span = spanOf(day, bounds);
  const turn = () => {
    s.day.value = day;
    s.shift.value = shift;
  };
  const isFirst = s.day.peek() === '';
  if (isFirst) turn();
  today.set(
    [want(s.sales, { table: 'sales_logs', filter }, span), want(s.production, { table: 'production_logs', filter }, span)],
    !isFirst,
    turn,
  );
}
