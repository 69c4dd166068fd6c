/* toast: one line that confirms what was just done, with a way back for some seconds; and above it, one line of news
 * that nobody asked for, so that news never takes away an Undo. */
import { signal, type Signal } from '@preact/signals';
import { AlertIcon, CheckIcon, CloseIcon } from './icons';

interface Toast {
  text: string;
  detail: string;
  tone: 'good' | 'bad';
  action: { label: string; run: () => void } | null;
}
type More = Partial<Omit<Toast, 'text'>>;

const SHOWN_MS = 9000;

class Slot {
  readonly toast: Signal<Toast | null> = signal(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  show(text: string, more: More): void {
    this.toast.value = { text, detail: '', tone: 'good', action: null, ...more };
    this.arm();
  }
  arm(): void {
    this.hold();
    if (this.toast.peek()) this.timer = setTimeout(() => this.clear(), SHOWN_MS);
  }
  hold(): void {
    clearTimeout(this.timer);
  }
  clear(): void {
    this.hold();
    this.toast.value = null;
  }
}

const done = new Slot();
const news = new Slot();

export function say(text: string, more: More = {}): void {
  done.show(text, more);
}
export function tell(text: string, more: More = {}): void {
  news.show(text, more);
}
export function hush(): void {
  done.clear();
}

function Line({ slot }: { slot: Slot }) {
  const t = slot.toast.value;
  if (!t) return null;
  return (
    <div
      class={`toast toast-${t.tone}`}
      onMouseEnter={() => slot.hold()}
      onMouseLeave={() => slot.arm()}
      onFocusCapture={() => slot.hold()}
      onBlurCapture={() => slot.arm()}
    >
      {t.tone === 'good' ? <CheckIcon /> : <AlertIcon />}
      <p>
        <strong>{t.text}</strong>
        {t.detail && <span>{t.detail}</span>}
      </p>
      {t.action && (
        <button
          type="button"
          class="button button-toast"
          onClick={() => {
            slot.clear();
            t.action?.run();
          }}
        >
          {t.action.label}
        </button>
      )}
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => slot.clear()}>
        <CloseIcon />
      </button>
    </div>
  );
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      <Line slot={news} />
      <Line slot={done} />
    </div>
  );
}
