/* Bread types: what is baked and sold, and for how much. */
import { computed } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { Bread } from '../data/rows';
import * as s from '../data/state';
import { addBread, changeBread, removeBread } from '../data/write';
import { fromMinor, parseMoney, toMinor } from '../lib/money';
import { count } from '../lib/words';
import { EditIcon, PlusIcon } from '../ui/icons';
import { Confirm, Empty, Failed, Field, FormError, PageHead, Sheet, Skeleton } from '../ui/parts';
import { useSaving } from '../ui/saving';

const byName = computed(() => [...s.breads.all].sort((a, b) => a.name.localeCompare(b.name)));

interface Draft {
  name: string;
  size: string;
  price: string;
  threshold: string;
}
type Faults = Partial<Record<keyof Draft, string>>;

function check(d: Draft): Faults {
  const faults: Faults = {};
  const price = parseMoney(d.price, s.config.value?.locale ?? 'en');
  if (d.name.trim().length < 2) faults.name = 'A name has at least two characters.';
  if (!price) faults.price = 'Please enter a price above zero, such as 1500 or 99.50.';
  if (!/^\d{1,6}$/.test(d.threshold.trim())) faults.threshold = 'Please enter a whole number.';
  return faults;
}

function fields(d: Draft) {
  return {
    name: d.name.trim(),
    size: d.size.trim() || null,
    unit_price: fromMinor(parseMoney(d.price, s.config.value?.locale ?? 'en') ?? 0),
    low_threshold: Number(d.threshold),
  };
}

function draftOf(b: Bread | null): Draft {
  return {
    name: b?.name ?? '',
    size: b?.size ?? '',
    price: b ? String(fromMinor(toMinor(b.unit_price))) : '',
    threshold: String(b?.low_threshold ?? 5),
  };
}

function DraftFields({
  draft,
  faults,
  onChange,
}: {
  draft: Draft;
  faults: Faults;
  onChange: (d: Draft) => void;
}) {
  const on = (key: keyof Draft) => (e: { currentTarget: HTMLInputElement }) =>
    onChange({ ...draft, [key]: e.currentTarget.value });
  return (
    <>
      <Field label="Name" error={faults.name}>
        {(a) => <input {...a} maxLength={100} autoComplete="off" value={draft.name} onInput={on('name')} />}
      </Field>
      <Field label="Size" hint="Optional, such as 800 g or large">
        {(a) => <input {...a} maxLength={100} autoComplete="off" value={draft.size} onInput={on('size')} />}
      </Field>
      <div class="field-pair">
        <Field label={`Price (${s.config.value?.currency ?? ''})`} error={faults.price}>
          {(a) => (
            <input {...a} inputMode="decimal" autoComplete="off" value={draft.price} onInput={on('price')} />
          )}
        </Field>
        <Field label="Low at" hint="Shown as low from this number down" error={faults.threshold}>
          {(a) => (
            <input
              {...a}
              inputMode="numeric"
              autoComplete="off"
              value={draft.threshold}
              onInput={on('threshold')}
            />
          )}
        </Field>
      </div>
    </>
  );
}

function BreadSheet({ bread, onClose }: { bread: Bread | null; onClose: () => void }) {
  const [draft, setDraft] = useState(draftOf(bread));
  const [faults, setFaults] = useState<Faults>({});
  const { error, isBusy, run } = useSaving(onClose);
  const isInUse = error === 'in use';
  const save = (e: Event) => {
    e.preventDefault();
    const found = check(draft);
    setFaults(found);
    if (Object.keys(found).length > 0) return;
    const row = fields(draft);
    void run(
      bread ? changeBread(bread.id, row) : addBread(row),
      bread ? `${row.name} changed` : `${row.name} added`,
    );
  };
  return (
    <Sheet title={bread ? `Change ${bread.name}` : 'Add a bread'} onClose={onClose}>
      <form class="form" noValidate onSubmit={save}>
        <DraftFields draft={draft} faults={faults} onChange={setDraft} />
        {bread && <p class="fine">A new price counts for new sales only.</p>}
        <FormError text={isInUse ? '' : error} />
        <button type="submit" class="button button-main button-big" disabled={isBusy}>
          {bread ? 'Save the change' : 'Add bread'}
        </button>
      </form>
      {bread && <BreadEnd bread={bread} isInUse={isInUse} isBusy={isBusy} run={run} />}
    </Sheet>
  );
}

interface EndProps {
  bread: Bread;
  isInUse: boolean;
  isBusy: boolean;
  run: (work: Promise<string>, done: string) => Promise<void>;
}

function BreadEnd({ bread, isInUse, isBusy, run }: EndProps) {
  const toggle = () =>
    void run(
      changeBread(bread.id, { is_active: !bread.is_active }),
      bread.is_active ? `${bread.name} is no longer on sale` : `${bread.name} is on sale again`,
    );
  return (
    <div class="sheet-end">
      {isInUse && (
        <p class="notice notice-warn" role="alert">
          {bread.name} has entries in the ledger, so it stays there.
          {bread.is_active
            ? ' Take it out of sale instead: its history is kept and nobody can sell it any more.'
            : ' It is out of sale already.'}
        </p>
      )}
      <button
        type="button"
        class={isInUse && bread.is_active ? 'button button-main' : 'button'}
        disabled={isBusy}
        onClick={toggle}
      >
        {bread.is_active ? 'Take out of sale' : 'Put on sale again'}
      </button>
      {s.me.value?.role === 'owner' && !isInUse && (
        <Confirm
          label="Delete"
          question="Delete this bread for good?"
          isBusy={isBusy}
          onYes={() => void run(removeBread(bread.id), `${bread.name} deleted`)}
        />
      )}
    </div>
  );
}

function BreadRow({ bread, onEdit }: { bread: Bread; onEdit: () => void }) {
  return (
    <li class={`entry ${bread.is_active ? '' : 'entry-off'}`} data-bread={bread.id}>
      <div class="entry-main">
        <p class="entry-what">{bread.name}</p>
        <p class="entry-note">
          {bread.size && `${bread.size} · `}low at {count(bread.low_threshold)}
          {!bread.is_active && ' · out of sale'}
        </p>
      </div>
      <p class="entry-sum" data-figure="price">
        {s.money.value(toMinor(bread.unit_price))}
      </p>
      <button type="button" class="icon-button" aria-label={`Change ${bread.name}`} onClick={onEdit}>
        <EditIcon />
      </button>
    </li>
  );
}

export function BreadsPage() {
  const [open, setOpen] = useState<string | null>(null); // an id, or 'new'
  const loading = s.stockLoading.value;
  const bread = open && open !== 'new' ? s.breads.get(open) : undefined;
  return (
    <>
      <PageHead title="Breads">
        <button type="button" class="button button-main" onClick={() => setOpen('new')}>
          <PlusIcon /> Add a bread
        </button>
      </PageHead>
      {loading.state === 'failed' && <Failed why={loading.why} />}
      {loading.state === 'loading' && <Skeleton count={6} kind="skeletons-list" />}
      {loading.state === 'ready' &&
        (byName.value.length === 0 ? (
          <Empty title="No breads yet">
            <p>Add the first bread that you bake; then it can be baked and sold.</p>
          </Empty>
        ) : (
          <ul class="entries card entries-wide">
            {byName.value.map((b) => (
              <BreadRow key={b.id} bread={b} onEdit={() => setOpen(b.id)} />
            ))}
          </ul>
        ))}
      {open === 'new' && <BreadSheet key="new" bread={null} onClose={() => setOpen(null)} />}
      {bread && <BreadSheet key={bread.id} bread={bread} onClose={() => setOpen(null)} />}
    </>
  );
}
