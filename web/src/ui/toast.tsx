/* toast: one line that confirms what was just done, with a way back for some seconds. */
import { signal } from '@preact/signals';
import { AlertIcon, CheckIcon, CloseIcon } from './icons';

interface Toast {
  text: string;
  detail: string;
  tone: 'good' | 'bad';
  action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 9000;
const toast = signal<Toast | null>(null);
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string, more: Partial<Omit<Toast, 'text'>> = {}): void {
  toast.value = { text, detail: '', tone: 'good', action: null, ...more };
  arm();
}

export function hush(): void {
  clearTimeout(timer);
  toast.value = null;
}

function arm(): void {
  clearTimeout(timer);
  timer = setTimeout(hush, SHOWN_MS);
}

export function Toasts() {
  const t = toast.value;
  return (
    <div
      class="toasts"
      role="status"
      onMouseEnter={() => clearTimeout(timer)}
      onMouseLeave={arm}
      onFocusCapture={() => clearTimeout(timer)}
      onBlurCapture={arm}
    >
      {t && (
        <div class={`toast toast-${t.tone}`}>
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
                const run = t.action?.run;
                hush();
                run?.();
              }}
            >
              {t.action.label}
            </button>
          )}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={hush}>
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}
