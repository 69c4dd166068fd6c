/* connection: Live, Connecting or Offline, and how long ago the server was last heard of; touched, it says more.  A
 * connection that is lost for longer than a moment is told once, and once that it is back. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { lastTrouble, latencyMs, retries } from '../data/channel';
import { reconnect } from '../data/live';
import { connection, lastContact, seq, type Connection } from '../data/state';
import { age, count, timeWords } from '../lib/words';
import { RetryIcon } from './icons';
import { Sheet } from './parts';
import { tell } from './toast';

const WORDS: Record<Connection, string> = { live: 'Live', connecting: 'Connecting', offline: 'Offline' };
const MEANING: Record<Connection, string> = {
  live: 'What happens in the bakery is on this screen at once.',
  connecting: 'This screen is catching up. What it shows may be a little old.',
  offline: 'The bakery cannot be reached. What is shown is as of the last contact; it is tried again by itself.',
};
const TELL_AFTER_MS = 4000;
const now = signal(Date.now());

function Age() {
  const at = lastContact.value;
  return <span class="conn-age">{at ? age(Math.max(0, now.value - at)) : ''}</span>;
}

function useClock(): void {
  useEffect(() => {
    const t = setInterval(() => {
      if (!document.hidden) now.value = Date.now();
    }, 1000);
    return () => clearInterval(t);
  }, []);
}

function useNews(): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wasLive = false;
    let isTold = false;
    const lost = () => {
      isTold = true;
      tell('Connection lost', { tone: 'bad', detail: 'It is tried again by itself.' });
    };
    const stop = connection.subscribe((c) => {
      if (c === 'live') {
        clearTimeout(timer);
        timer = undefined;
        wasLive = true;
        if (isTold) tell('Live again', { detail: 'Everything shown is up to date.' });
        isTold = false;
      } else if (wasLive && !isTold) timer ??= setTimeout(lost, TELL_AFTER_MS);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, []);
}

function Details({ onClose }: { onClose: () => void }) {
  const c = connection.value;
  const trouble = lastTrouble.value;
  const at = lastContact.value;
  const latency = latencyMs.value;
  return (
    <Sheet title={`Connection: ${WORDS[c]}`} onClose={onClose}>
      <p>{MEANING[c]}</p>
      <dl class="facts">
        <div>
          <dt>Last contact</dt>
          <dd>{at ? `${timeWords(at)} (${age(Math.max(0, now.value - at))})` : 'none yet'}</dd>
        </div>
        <div>
          <dt>Latency</dt>
          <dd data-figure="latency">{latency === null ? 'not measured yet' : `${count(Math.round(latency))} ms`}</dd>
        </div>
        <div>
          <dt>Retries</dt>
          <dd data-figure="retries">{count(retries.value)}</dd>
        </div>
        <div>
          <dt>Last error</dt>
          <dd>{trouble ? `${timeWords(trouble.at)}: ${trouble.text}` : 'none'}</dd>
        </div>
        <div>
          <dt>Last full load</dt>
          <dd>{seq.value ? `at change ${count(seq.value)}` : 'none yet'}</dd>
        </div>
      </dl>
      <button type="button" class="button button-main" onClick={() => void reconnect()}>
        <RetryIcon /> Reconnect now
      </button>
    </Sheet>
  );
}

export function ConnectionStatus() {
  const [isOpen, setOpen] = useState(false);
  useClock();
  useNews();
  const c = connection.value;
  return (
    <>
      <button
        type="button"
        class={`conn conn-${c}`}
        data-connection={c}
        aria-haspopup="dialog"
        title="Connection, and the time since the server was last heard of"
        onClick={() => setOpen(true)}
      >
        <span class="conn-dot" aria-hidden="true" />
        <span role="status" class="conn-word">
          {WORDS[c]}
        </span>
        <Age />
      </button>
      {isOpen && <Details onClose={() => setOpen(false)} />}
    </>
  );
}
