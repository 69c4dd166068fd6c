/* auth: the session of this browser, shared by its tabs through localStorage.  An access token is good for an hour; it
 * is changed for a new one some time before, or when the server calls it expired (this device's clock may have
 * jumped).
 *
 * One refresh at a time: within a tab by the promise that is under way, across tabs by a Web Lock, under which the
 * store is read again, because another tab may have done it.  Where there are no Web Locks (plain HTTP in the shop's
 * own network) two tabs may both refresh: the server takes a used token for another 10 s. */
import { ask, Failure, jittered, type Answer, type Request } from './http';

export interface User {
  id: string;
  email?: string;
  app_metadata: { role?: string };
  user_metadata: { name?: string; role?: string };
}

export interface Session {
  access_token: string;
  refresh_token: string;
  /* Of the new token, in s of this device's clock. */
  expires_at: number;
  user: User;
}

type Granted = Session & { expires_in: number };

const KEY = 'homebake-auth';
const LOCK = 'homebake-refresh';
const AHEAD_MS = 90_000;
const RETRY_MS = 5000;
const SEEN_MS = 500;
const RENEW_MS_MIN = 10_000;
const TIMER_MS_MAX = 2_000_000_000;

let anonKey = '';
let session: Session | null = null;
let underWay: Promise<void> | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let onChange: (session: Session | null) => void = () => {};
let onRefused: () => void = () => {};

function stored(): Session | null {
  try {
    const s = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Session | null;
    return s?.access_token && s.refresh_token && s.user?.id ? s : null;
  } catch {
    return null;
  }
}

function store(s: Session | null): void {
  try {
    if (s) localStorage.setItem(KEY, JSON.stringify(s));
    else localStorage.removeItem(KEY);
  } catch {
    /* No room or no permission: the session lasts as long as the page. */
  }
}

function adopt(s: Session | null): void {
  session = s;
  arm();
  onChange(s);
}

function arm(): void {
  clearTimeout(timer);
  if (!session) return;
  const due = session.expires_at * 1000 - AHEAD_MS - Date.now();
  timer = setTimeout(() => void renew(), Math.min(Math.max(due, RENEW_MS_MIN), TIMER_MS_MAX));
}

/* `changed` hears of every session, this tab's and the other tabs'; `refused` that this person may not go on. */
export async function openAuth(
  key: string,
  changed: (session: Session | null) => void,
  refused: () => void,
): Promise<void> {
  anonKey = key;
  onChange = changed;
  onRefused = refused;
  addEventListener('storage', (e) => {
    if (e.key === KEY || e.key === null) adopt(stored());
  });
  session = stored();
  /* Nothing is begun with a token that is known to be too old. */
  if (session && session.expires_at * 1000 < Date.now()) await refresh().catch(() => {});
  adopt(session);
}

export function accessToken(): string {
  return session?.access_token ?? anonKey;
}

/* Of the access token, by this device's clock. */
export function expiresInMs(): number {
  return session ? Math.max(session.expires_at * 1000 - Date.now(), 0) : 0;
}

function grant(type: 'password' | 'refresh_token', body: object): Promise<Answer<Granted>> {
  return ask<Granted>(`/auth/v1/token?grant_type=${type}`, {
    method: 'POST',
    headers: { apikey: anonKey },
    body,
  });
}

function take({ expires_in, ...granted }: Granted): void {
  const s = { ...granted, expires_at: Math.floor(Date.now() / 1000) + expires_in };
  store(s);
  adopt(s);
}

/* Throws Failure. */
export async function signInWithPassword(email: string, password: string): Promise<void> {
  take((await grant('password', { email, password })).body);
}

export async function signOut(): Promise<void> {
  const token = session?.access_token;
  store(null);
  adopt(null);
  if (!token) return;
  await ask('/auth/v1/logout?scope=local', {
    method: 'POST',
    headers: { apikey: anonKey, Authorization: `Bearer ${token}` },
  }).catch(() => {});
}

/* ---- refresh ---- */

/* `work` hears whether another tab was at it meanwhile. */
async function exclusively(work: (hasWaited: boolean) => Promise<void>): Promise<void> {
  if (!navigator.locks) return work(false);
  const isFree = await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await work(false);
    return lock !== null;
  });
  if (!isFree) await navigator.locks.request(LOCK, () => work(true));
}

/* A tab may see what another has stored only some moments after the lock has passed on. */
function untilStored(): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      removeEventListener('storage', end);
      clearTimeout(patience);
      done();
    };
    const patience = setTimeout(end, SEEN_MS);
    addEventListener('storage', end);
  });
}

async function exchange(stale: string, hasWaited: boolean): Promise<void> {
  if (hasWaited && stored()?.access_token === stale) await untilStored();
  const kept = stored();
  if (kept && kept.access_token !== stale) return adopt(kept);
  const token = kept?.refresh_token ?? session?.refresh_token;
  if (!session || !token) return;
  try {
    take((await grant('refresh_token', { refresh_token: token })).body);
  } catch (e) {
    if (!(e instanceof Failure) || e.isUnknown || e.status === 429) throw e;
    if (e.code === 'user_banned') return onRefused();
    store(null);
    adopt(null);
  }
}

/* Settles when the session is new or has ended; throws Failure when the server could not be asked. */
export function refresh(): Promise<void> {
  const stale = session?.access_token ?? '';
  underWay ??= exclusively((hasWaited) => exchange(stale, hasWaited)).finally(() => {
    underWay = null;
  });
  return underWay;
}

async function renew(): Promise<void> {
  try {
    await refresh();
  } catch {
    timer = setTimeout(() => void renew(), jittered(RETRY_MS));
  }
}

/* ---- requests of the signed-in person ---- */

/* An expired token is changed once and the request made again: the server had refused it, so nothing is done twice. */
export async function askAsMe<T>(path: string, request: Request = {}): Promise<Answer<T>> {
  const used = accessToken();
  const signed = () =>
    ask<T>(path, {
      ...request,
      headers: { ...request.headers, apikey: anonKey, Authorization: `Bearer ${accessToken()}` },
    });
  try {
    return await signed();
  } catch (e) {
    if (!(e instanceof Failure) || e.status !== 401) throw e;
    if (e.code === 'PGRST301') onRefused();
    if (e.code !== 'PGRST303' || !session) throw e;
  }
  if (accessToken() === used) await refresh();
  return signed();
}
