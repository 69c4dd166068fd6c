/* connection: Live, Connecting or Offline, and how long ago the server was last heard of. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { connection, lastContact, type Connection } from '../data/state';
import { age } from '../lib/words';

const WORDS: Record<Connection, string> = { live: 'Live', connecting: 'Connecting', offline: 'Offline' };
const now = signal(Date.now());

function Age() {
  const at = lastContact.value;
  return <span class="conn-age">{at ? age(Math.max(0, now.value - at)) : ''}</span>;
}

export function ConnectionStatus() {
  useEffect(() => {
    const t = setInterval(() => {
      if (!document.hidden) now.value = Date.now();
    }, 1000);
    return () => clearInterval(t);
  }, []);
  const c = connection.value;
  return (
    <div class={`conn conn-${c}`} data-connection={c} title="Time since the server was last heard of">
      <span class="conn-dot" aria-hidden="true" />
      <span role="status" class="conn-word">
        {WORDS[c]}
      </span>
      <Age />
    </div>
  );
}
