/* parts: the small pieces that all pages are made of. */
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Level } from '../data/rows';
import { reconnect } from '../data/live';
import type { Shift } from '../lib/clock';
import { sentence, shiftWords } from '../lib/words';
import { AlertIcon, CloseIcon, MinusIcon, MoonIcon, PlusIcon, RetryIcon, SunIcon } from './icons';

const LEVEL_WORDS: Record<Level, string> = { out: 'Out', low: 'Low', normal: 'Normal', high: 'High' };

export function LevelBadge({ level }: { level: Level }) {
  return <span class={`badge badge-${level}`}>{LEVEL_WORDS[level]}</span>;
}

export function ShiftIcon({ shift }: { shift: Shift }) {
  return shift === 'morning' ? <SunIcon /> : <MoonIcon />;
}

export function PageHead({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="page-head">
      <h1 tabIndex={-1} id="page-title">
        {title}
      </h1>
      {children}
    </div>
  );
}

export function Failed({ why, retry = reconnect }: { why: string; retry?: () => void }) {
  return (
    <div class="notice notice-bad" role="alert">
      <AlertIcon />
      <div>
        <p class="notice-title">This could not be loaded</p>
        <p>{sentence(why)} It is tried again by itself.</p>
      </div>
      <button type="button" class="button" onClick={retry}>
        <RetryIcon /> Try again
      </button>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Skeleton({ count, kind }: { count: number; kind: string }) {
  return (
    <div class={`skeletons ${kind}`} role="status">
      <span class="unseen">Loading</span>
      {Array.from({ length: count }, (_, i) => (
        <div key={i} class="skeleton" />
      ))}
    </div>
  );
}

interface StepperProps {
  label: string;
  value: number;
  min?: number;
  max?: number;
  onChange: (n: number) => void;
  inputRef?: RefObject<HTMLInputElement>;
}

/* A number of loaves: typed, or stepped with big keys.  While the field is being emptied to type anew it may hold
 * nothing, which counts as the least. */
export function Stepper({ label, value, min = 1, max = 1_000_000, onChange, inputRef }: StepperProps) {
  const id = useId();
  const [text, setText] = useState<string | null>(null);
  const set = (n: number) => {
    setText(null);
    onChange(Math.min(max, Math.max(min, n)));
  };
  const type = (e: { currentTarget: HTMLInputElement }) => {
    const digits = e.currentTarget.value.replace(/\D/g, '').slice(0, 7);
    setText(digits);
    onChange(Math.min(max, Math.max(min, Number(digits))));
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="stepper">
        <button
          type="button"
          class="step"
          aria-label="One less"
          disabled={value <= min}
          onClick={() => set(value - 1)}
        >
          <MinusIcon />
        </button>
        <input
          id={id}
          ref={inputRef ?? null}
          inputMode="numeric"
          autoComplete="off"
          value={text ?? String(value)}
          onInput={type}
          onBlur={() => setText(null)}
          onFocus={(e) => e.currentTarget.select()}
        />
        <button
          type="button"
          class="step"
          aria-label="One more"
          disabled={value >= max}
          onClick={() => set(value + 1)}
        >
          <PlusIcon />
        </button>
      </div>
    </div>
  );
}

interface FieldProps {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  children: (attributes: {
    id: string;
    'aria-describedby'?: string;
    'aria-invalid'?: 'true';
  }) => ComponentChildren;
  isLabelUnseen?: boolean; // what the field is for can be seen in it
}

export function Field({ label, hint, error, isLabelUnseen = false, children }: FieldProps) {
  const id = useId();
  const note = error || hint;
  return (
    <div class="field">
      <label for={id} class={isLabelUnseen ? 'unseen' : ''}>
        {label}
      </label>
      {children({
        id,
        ...(note ? { 'aria-describedby': `${id}-note` } : {}),
        ...(error ? { 'aria-invalid': 'true' as const } : {}),
      })}
      {note && (
        <p id={`${id}-note`} class={error ? 'field-note field-error' : 'field-note'}>
          {note}
        </p>
      )}
    </div>
  );
}

export function Check({
  label,
  value,
  onChange,
}: {
  label: string;
  value: boolean;
  onChange: (v: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(e) => onChange(e.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (v: T) => void;
  isLabelSeen?: boolean;
}

/* A few choices side by side: radio buttons in the shape of one control. */
export function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
  isLabelSeen = false,
}: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class={isLabelSeen ? '' : 'unseen'}>{label}</legend>
      <div class="choice-row">
        {options.map(([v, words]) => (
          <label key={v} class="choice-item">
            <input type="radio" name={name} value={v} checked={v === value} onChange={() => onChange(v)} />
            <span>{words}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function ShiftChoice({ value, onChange }: { value: Shift; onChange: (s: Shift) => void }) {
  return (
    <Choice
      label="Shift"
      isLabelSeen
      value={value}
      onChange={onChange}
      options={[
        ['morning', shiftWords('morning')],
        ['night', shiftWords('night')],
      ]}
    />
  );
}

export function FormError({ text }: { text: string }) {
  return (
    <div role="alert" class="form-error-place">
      {text && (
        <p class="form-error">
          <AlertIcon /> <span>{text}</span>
        </p>
      )}
    </div>
  );
}

interface SheetProps {
  title: string;
  onClose: () => void;
  /* Something inside has `autofocus`; else the title takes the focus. */
  hasOwnFocus?: boolean;
  children: ComponentChildren;
}

/* A modal dialog: a sheet from the bottom on a phone, a card on a wider screen.  The browser keeps the focus inside;
 * whoever opened it gets it back. */
export function Sheet({ title, onClose, hasOwnFocus = false, children }: SheetProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    ref.current?.showModal();
    return () => {
      /* What opened the sheet may be gone by now; then the page's title gets the focus. */
      const next = opener?.isConnected ? opener : document.getElementById('page-title');
      next?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="sheet"
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick={(e) => {
        if (e.target === ref.current) onClose();
      }}
    >
      <div class="sheet-body">
        <div class="sheet-head">
          <h2 id={id} tabIndex={-1} autofocus={!hasOwnFocus}>
            {title}
          </h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <CloseIcon />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

/* A button that asks once more before it does what cannot be undone. */
export function Confirm(props: { label: string; question: string; isBusy: boolean; onYes: () => void }) {
  const [asks, setAsks] = useState(false);
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (asks) yes.current?.focus();
  }, [asks]);
  if (!asks)
    return (
      <button type="button" class="button button-bad" disabled={props.isBusy} onClick={() => setAsks(true)}>
        {props.label}
      </button>
    );
  return (
    <div class="confirm" role="group" aria-label={props.question}>
      <span>{props.question}</span>
      <button
        ref={yes}
        type="button"
        class="button button-bad-full"
        disabled={props.isBusy}
        onClick={props.onYes}
      >
        Yes, {props.label.toLowerCase()}
      </button>
      <button type="button" class="button" onClick={() => setAsks(false)}>
        Keep
      </button>
    </div>
  );
}
