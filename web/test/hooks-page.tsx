/* A page of somebody else's, as tests/e2e/hooks.mjs opens it: parts that watch, and switches for the test. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import { LiveProvider, useLive, useTable, type Token } from '../src/live';

interface Setup {
  apikey: string;
  email: string;
  password: string;
  autoReconnect: boolean;
}

const switches = {
  isOpen: signal(true),
  parts: signal(1),
  filter: signal(''),
};

function Count() {
  const client = useLive();
  return <p id="subscriptions">{client?.status.value.subscriptions ?? 'none'}</p>;
}

function Breads() {
  const filter = switches.filter.value;
  const { rows, isLoaded, state, error } = useTable<{ id: string; name: string }>({
    table: 'bread_types',
    ...(filter ? { filter } : {}),
  });
  return (
    <section class="breads" data-state={state}>
      {error && <p class="error">{error.message}</p>}
      {!isLoaded && <p class="loading">Loading</p>}
      <ul>
        {rows.map((r) => (
          <li key={r.id}>{r.name}</li>
        ))}
      </ul>
    </section>
  );
}

let session: Promise<Token> | null = null;

async function signIn({ apikey, email, password }: Setup): Promise<Token> {
  const answer = await fetch('/auth/v1/token?grant_type=password', {
    method: 'POST',
    headers: { apikey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  const { access_token, expires_in } = (await answer.json()) as { access_token: string; expires_in: number };
  return { token: access_token, expiresInMs: expires_in * 1000 };
}

function App({ setup }: { setup: Setup }) {
  if (!switches.isOpen.value) return <p id="closed">closed</p>;
  return (
    <LiveProvider
      url={location.origin}
      apikey={setup.apikey}
      token={() => (session ??= signIn(setup))}
      autoReconnect={setup.autoReconnect}
      showConnectionStatus
    >
      <Count />
      {Array.from({ length: switches.parts.value }, (_, i) => (
        <Breads key={i} />
      ))}
    </LiveProvider>
  );
}

Object.assign(window, {
  switches,
  open: (setup: Setup) => render(<App setup={setup} />, document.body.appendChild(document.createElement('main'))),
});
