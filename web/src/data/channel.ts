/* channel: the live channel's wire, and the only file that knows which client library carries it.  One socket, one
 * channel with the tables asked for.  live.ts decides when to open, when to close, and what events mean. */
import { batch, signal } from '@preact/signals';
import { RealtimeClient, type RealtimeChannel, type RealtimePostgresChangesPayload } from '@supabase/realtime-js';
import { accessToken } from './auth';
import { heard, jittered } from './http';

export type Event = RealtimePostgresChangesPayload<Record<string, unknown>>;

export interface Handlers {
  event: (e: Event) => void;
  joined: () => void;
  /* The library joins again by itself.  `refusal` is the server's answer to the join, if that was the trouble. */
  lost: (refusal: string) => void;
  /* The server closed the channel; nobody joins again. */
  closed: () => void;
}

export interface Trouble {
  text: string;
  at: number; // ms
}

const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = [500, 1500, 4000, 10_000];
/* The socket's own troubles, as the library words them; any other error is the server's answer to the join. */
const TRANSPORT = /^(socket closed|channel error|timed out)/i;

/* How many times in a row the socket could not be opened. */
export const retries = signal(0);
export const latencyMs = signal<number | null>(null);
export const lastTrouble = signal<Trouble | null>(null);

let socket: RealtimeClient | null = null;
let channel: RealtimeChannel | null = null;

function trouble(text: string): void {
  lastTrouble.value = { text, at: Date.now() };
}

export function makeSocket(anonKey: string): void {
  socket = new RealtimeClient(`${location.origin.replace(/^http/, 'ws')}/realtime/v1`, {
    params: { apikey: anonKey },
    accessToken: () => Promise.resolve(accessToken()),
    heartbeatIntervalMs: HEARTBEAT_MS,
    heartbeatCallback: (status, latency) => {
      if (status === 'ok') {
        heard();
        latencyMs.value = latency ?? null;
      } else if (status === 'timeout') trouble('A heartbeat was not answered.');
    },
    reconnectAfterMs: (tries) => {
      batch(() => {
        retries.value = tries - 1;
        trouble('The connection was lost or could not be made.');
      });
      return jittered(RECONNECT_MS[Math.min(tries, RECONNECT_MS.length) - 1] ?? 10_000);
    },
  });
}

function theSocket(): RealtimeClient {
  if (!socket) throw new Error('The socket is made after the settings have come.');
  return socket;
}

/* `isWanted` is asked before each step: it may have been closed again in the meantime. */
export async function openChannel(
  tables: readonly string[],
  handlers: Handlers,
  isWanted: () => boolean,
): Promise<void> {
  /* The library copies the token into the join when subscribe() is called; a join without it is deaf. */
  await theSocket().setAuth();
  if (!isWanted()) return;
  let c = theSocket().channel('bakery');
  for (const table of tables)
    c = c.on('postgres_changes', { event: '*', schema: 'public', table }, (e: Event) => {
      if (isWanted()) handlers.event(e);
    });
  channel = c;
  c.subscribe((status, error) => {
    if (!isWanted()) return;
    if (status === 'SUBSCRIBED') {
      heard();
      retries.value = 0;
      handlers.joined();
      ping();
    } else if (status === 'CLOSED') handlers.closed();
    else {
      const refusal = error && !TRANSPORT.test(error.message) ? error.message : '';
      if (refusal) trouble(refusal);
      handlers.lost(refusal);
    }
  });
}

export async function closeChannel(): Promise<void> {
  const c = channel;
  channel = null;
  if (c) await theSocket().removeChannel(c);
}

export async function closeSocket(): Promise<void> {
  await theSocket().disconnect();
}

/* Tells the server the newer token. */
export function renewToken(): void {
  if (channel) void theSocket().setAuth();
}

export function ping(): void {
  void theSocket().sendHeartbeat();
}
