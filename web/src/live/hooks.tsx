/* hooks: the live client for Preact.  A page part says what it watches; what it watched is released with it. */
import { createContext, type ComponentChildren } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { createClient, type Client, type Options, type Query, type Row, type SubscriptionState } from './client';

const Context = createContext<Client | null>(null);

interface ProviderProps extends Options {
  showConnectionStatus?: boolean;
  children?: ComponentChildren;
}

/* The options are read once: another key, address or setting wants another provider (give it a `key`). */
export function LiveProvider({ showConnectionStatus = false, children, ...options }: ProviderProps) {
  const [client, setClient] = useState<Client | null>(null);
  useEffect(() => {
    let isGone = false;
    let mine: Client | null = null;
    createClient(options).then(
      (c) => {
        mine = c;
        if (isGone) c.close();
        else setClient(c);
      },
      (e: unknown) => {
        if (!isGone) options.onError?.(e instanceof Error ? e : new Error(String(e)));
      },
    );
    return () => {
      isGone = true;
      mine?.close();
    };
  }, []);
  return (
    <Context.Provider value={client}>
      {showConnectionStatus && <ConnectionStatus client={client} />}
      {children}
    </Context.Provider>
  );
}

const WORDS = {
  offline: 'Offline',
  connecting: 'Connecting',
  live: 'Live',
  stale: 'Connecting',
  waiting: 'Connecting',
} as const;

function ConnectionStatus({ client }: { client: Client | null }) {
  const state = client?.status.value.state ?? 'connecting';
  return (
    <button type="button" class="connection" data-state={state} onClick={() => client?.retry()}>
      {WORDS[state]}
    </button>
  );
}

/* Null until the client is loaded. */
export function useLive(): Client | null {
  return useContext(Context);
}

export interface LiveTable<R> {
  rows: R[];
  /* The rows have come; no rows before that do not mean that there are none. */
  isLoaded: boolean;
  state: SubscriptionState;
  error: Error | null;
}

const NOTHING: LiveTable<never> = { rows: [], isLoaded: false, state: 'waiting', error: null };

/* A copy of the table, kept live.  The rows come in the order in which they were first seen. */
export function useTable<R = Row>({ table, filter, key, priority }: Omit<Query, 'event'>): LiveTable<R> {
  const client = useLive();
  const [shown, show] = useState<LiveTable<R>>(NOTHING);
  useEffect(() => {
    if (!client) return;
    const rows = new Map<string, R>();
    show(NOTHING);
    const query: Query = { table };
    if (filter !== undefined) query.filter = filter;
    if (key !== undefined) query.key = key;
    if (priority !== undefined) query.priority = priority;
    try {
      return client.subscribe<R>(query, {
        onRows(changes, isWhole) {
          if (isWhole) rows.clear();
          for (const c of changes)
            if (c.op === 'delete') rows.delete(c.key);
            else rows.set(c.key, c.row);
          show((is) => ({ ...is, rows: [...rows.values()], isLoaded: true }));
        },
        onState: (state) => show((is) => ({ ...is, state, error: state === 'live' ? null : is.error })),
        onError: (error) => show((is) => ({ ...is, error })),
      });
    } catch (e) {
      show({ ...NOTHING, state: 'failed', error: e instanceof Error ? e : new Error(String(e)) });
      return;
    }
  }, [client, table, filter, key, priority]);
  return shown;
}
