/* connection: Live, Connecting or Offline, and how long ago the server was last heard of; touched, it says more.  A
 * connection that is lost for longer than a moment is told once, and once that it is back. */
import { useEffect, useState } from 'preact/hooks';
import { lastTrouble, reconnect, refreshStatus, status } from '../data/live';
import { connection, type Connection } from '../data/state';
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

function Age() {
  const ms = status.value?.contactAgeMs ?? null;
  return <span class="conn-age">{ms === null ? '' : age(ms)}</span>;
}

function useClock(): void {
  useEffect(() => {
    const t = setInterval(() => {
      if (!document.hidden) refreshStatus();
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

function Fact({ name, figure, value }: { name: string; figure: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-figure={figure}>{value}</dd>
    </div>
  );
}

function Facts() {
  const is = status.value;
  const trouble = lastTrouble.value;
  const contact = is?.contactAgeMs ?? null;
  const latency = is?.latencyMs ?? null;
  const next = is?.retryInMs ?? null;
  return (
    <dl class="facts">
      <Fact
        name="Last contact"
        figure="contact"
        value={contact === null ? 'none yet' : `${timeWords(Date.now() - contact)} (${age(contact)})`}
      />
      <Fact name="Latency" figure="latency" value={latency === null ? 'not measured yet' : `${count(latency)} ms`} />
      <Fact
        name="Retries"
        figure="retries"
        value={`${count(is?.retries ?? 0)}${next === null ? '' : `, the next in ${count(Math.ceil(next / 1000))} s`}`}
      />
      <Fact name="Last error" figure="trouble" value={trouble ? `${timeWords(trouble.at)}: ${trouble.text}` : 'none'} />
      <Fact
        name="Subscriptions"
        figure="subscriptions"
        value={is ? `${count(is.live)} of ${count(is.subscriptions)} live` : 'none yet'}
      />
    </dl>
  );
}

function Details({ onClose }: { onClose: () => void }) {
  const c = connection.value;
  return (
    <Sheet title={`Connection: ${WORDS[c]}`} onClose={onClose}>
      <p>{MEANING[c]}</p>
      <Facts />
      <button type="button" class="button button-main" onClick={reconnect}>
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
