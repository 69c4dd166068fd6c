/* Recording what came out of the oven. */
import { computed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Production } from '../data/rows';
import * as s from '../data/state';
import { addProduction, changeProduction, removeProduction, UNREACHABLE } from '../data/write';
import type { Shift } from '../lib/clock';
import { uuid } from '../lib/uuid';
import { count, shiftWords, timeWords } from '../lib/words';
import { EditIcon } from '../ui/icons';
import {
  Confirm,
  Empty,
  Failed,
  Field,
  FormError,
  PageHead,
  Sheet,
  ShiftChoice,
  Skeleton,
  Stepper,
} from '../ui/parts';
import { useSaving } from '../ui/saving';
import { say } from '../ui/toast';

const QUICK = [10, 20, 40] as const;

const active = computed(() => s.lines.value.filter((l) => l.bread.is_active).map((l) => l.bread));
const today = computed(() =>
  [...s.production.all]
    .filter((p) => p.business_day === s.day.value)
    .sort((a, b) =>
      a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.id < b.id ? 1 : -1,
    ),
);

function Note({ value, onInput }: { value: string; onInput: (v: string) => void }) {
  return (
    <Field label="Note">
      {(a) => (
        <input
          {...a}
          placeholder="Optional"
          maxLength={2000}
          autoComplete="off"
          value={value}
          onInput={(e) => onInput(e.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function BakeForm() {
  const [bread, setBread] = useState('');
  const [quantity, setQuantity] = useState(40);
  const [note, setNote] = useState('');
  const [shift, setShift] = useState<Shift>(s.shift.value);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const id = useRef(uuid());
  useEffect(() => setShift(s.shift.value), [s.shift.value]);

  const submit = async (e: Event) => {
    e.preventDefault();
    if (!bread) {
      setError('Please choose the bread that was baked.');
      return;
    }
    setBusy(true);
    setError('');
    const row = { bread_type_id: bread, quantity, shift, note: note.trim() || null };
    const problem = await addProduction(id.current, row);
    setBusy(false);
    if (problem) {
      /* Without an answer the same id is sent again, so that nothing is counted twice. */
      if (problem !== UNREACHABLE) id.current = uuid();
      setError(problem);
      return;
    }
    id.current = uuid();
    setNote('');
    say(`Baked ${count(quantity)} × ${s.breadName(bread)}`, { detail: 'On every screen now' });
  };

  return (
    <form class="card form" noValidate onSubmit={(e) => void submit(e)}>
      <fieldset class="pick">
        <legend>Bread</legend>
        <div class="pick-row">
          {active.value.map((b) => (
            <label key={b.id} class="pick-item">
              <input
                type="radio"
                name="bread"
                value={b.id}
                checked={b.id === bread}
                onChange={() => setBread(b.id)}
              />
              <span>{b.name}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Stepper label="How many" value={quantity} onChange={setQuantity} />
      <div class="quick" role="group" aria-label="Add to how many">
        {QUICK.map((n) => (
          <button
            key={n}
            type="button"
            class="button"
            onClick={() => setQuantity(Math.min(1_000_000, quantity + n))}
          >
            +{n}
          </button>
        ))}
        <button type="button" class="button" onClick={() => setQuantity(1)}>
          Clear
        </button>
      </div>
      <div class="shift-and-note">
        <ShiftChoice value={shift} onChange={setShift} />
        <Note value={note} onInput={setNote} />
      </div>
      <FormError text={error} />
      <button type="submit" class="button button-main button-big" disabled={isBusy} data-action="bake">
        <span>{isBusy ? 'Saving…' : 'Record as baked'}</span>
        <span class="button-sum">{count(quantity)}</span>
      </button>
    </form>
  );
}

function mayRemove(p: Production): boolean {
  const m = s.me.value;
  return m?.role === 'owner' || (m?.id === p.recorded_by && p.shift === s.shift.value);
}

function BakeEditor({ entry, onClose }: { entry: Production; onClose: () => void }) {
  const [quantity, setQuantity] = useState(entry.quantity);
  const [note, setNote] = useState(entry.note ?? '');
  const { error, isBusy, run } = useSaving(onClose);
  const save = (e: Event) => {
    e.preventDefault();
    void run(changeProduction(entry.id, { quantity, note: note.trim() || null }), 'Entry changed');
  };
  return (
    <Sheet title={`Change entry: ${s.breadName(entry.bread_type_id)}`} onClose={onClose}>
      <form class="form" noValidate onSubmit={save}>
        <Stepper label="How many" value={quantity} onChange={setQuantity} />
        <Note value={note} onInput={setNote} />
        <FormError text={error} />
        <button type="submit" class="button button-main button-big" disabled={isBusy}>
          Save the change
        </button>
        {mayRemove(entry) && (
          <Confirm
            label="Delete this entry"
            question="Delete it for good?"
            isBusy={isBusy}
            onYes={() => void run(removeProduction(entry.id), 'Entry deleted')}
          />
        )}
      </form>
    </Sheet>
  );
}

function Entries() {
  const [editing, setEditing] = useState<string | null>(null);
  const list = today.value;
  const entry = editing ? s.production.get(editing) : undefined;
  return (
    <section aria-labelledby="baked-title">
      <div class="section-head">
        <h2 id="baked-title">Baked today</h2>
        <p class="section-sum">{count(list.reduce((n, p) => n + p.quantity, 0))}</p>
      </div>
      {list.length === 0 ? (
        <Empty title="Nothing baked yet today">
          <p>Record the first batch; every screen shows it at once.</p>
        </Empty>
      ) : (
        <ul class="entries card">
          {list.map((p) => (
            <li key={p.id} class="entry" data-production={p.id}>
              <div class="entry-main">
                <p class="entry-what">
                  <span data-figure="quantity">{count(p.quantity)}</span> × {s.breadName(p.bread_type_id)}
                </p>
                <p class="entry-note">
                  {timeWords(p.created_at)} · {shiftWords(p.shift)} · {s.personName(p.recorded_by)}
                  {p.note && <span class="entry-free"> · {p.note}</span>}
                </p>
              </div>
              <button
                type="button"
                class="icon-button"
                aria-label={`Change the entry of ${count(p.quantity)} ${s.breadName(p.bread_type_id)} at ${timeWords(p.created_at)}`}
                onClick={() => setEditing(p.id)}
              >
                <EditIcon />
              </button>
            </li>
          ))}
        </ul>
      )}
      {entry && <BakeEditor key={entry.id} entry={entry} onClose={() => setEditing(null)} />}
    </section>
  );
}

export function BakePage() {
  const loading = s.stockLoading.value;
  return (
    <>
      <PageHead title="Bake" />
      {loading.state === 'failed' && <Failed why={loading.why} />}
      {loading.state === 'loading' && <Skeleton count={4} kind="skeletons-list" />}
      {loading.state === 'ready' &&
        (active.value.length === 0 ? (
          <Empty title="No breads yet">
            <p>
              <a href="/breads">Add a bread</a> first; then record what you bake.
            </p>
          </Empty>
        ) : (
          <div class="two-columns">
            <BakeForm />
            {s.inventoryLoading.value.state === 'ready' && <Entries />}
          </div>
        ))}
    </>
  );
}
