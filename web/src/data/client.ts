/* client: the one Supabase client, and what every request and heartbeat tells about the connection. */
import { signal } from '@preact/signals';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { lastContact } from './state';
import type { Config } from './rows';

const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = [500, 1500, 4000, 10_000];

let made: SupabaseClient | null = null;
/* How many times in a row the socket could not be opened. */
export const failedConnects = signal(0);
/* Called when the server says that this person may not go on. */
let onRefused: () => void = () => {};
export function whenRefused(f: () => void): void {
  onRefused = f;
}

export function heard(): void {
  lastContact.value = Date.now();
}

/* Half to one and a half times the step, so that a restarted server does not meet everybody at once. */
export function jittered(ms: number): number {
  return Math.round(ms * (0.5 + Math.random()));
}

async function watchedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const answer = await fetch(input, init);
  heard();
  if (answer.status === 401) {
    const body = (await answer
      .clone()
      .json()
      .catch(() => null)) as { code?: string } | null;
    if (body?.code === 'PGRST301') onRefused();
  }
  return answer;
}

export function makeClient(config: Config): SupabaseClient {
  made = createClient(location.origin, config.anon_key, {
    auth: {
      persistSession: true,
      autoRefreshToken: true,
      detectSessionInUrl: false,
      storageKey: 'homebake-auth',
    },
    global: { fetch: watchedFetch },
    realtime: {
      heartbeatIntervalMs: HEARTBEAT_MS,
      heartbeatCallback: (status) => {
        if (status === 'ok') heard();
      },
      reconnectAfterMs: (tries) => {
        failedConnects.value = tries - 1;
        return jittered(RECONNECT_MS[Math.min(tries, RECONNECT_MS.length) - 1] ?? 10_000);
      },
    },
  });
  return made;
}

export function client(): SupabaseClient {
  if (!made) throw new Error('The client is made after the settings have come.');
  return made;
}

/* A request of our own, as the signed-in person. */
export async function getJson<T>(path: string): Promise<T> {
  const { data } = await client().auth.getSession();
  const answer = await watchedFetch(path, {
    headers: { Authorization: `Bearer ${data.session?.access_token ?? ''}`, Accept: 'application/json' },
    cache: 'no-store',
  });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()) as T;
}
