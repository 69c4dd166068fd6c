import { computed, signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Line } from '../data/figures';
import { day, inventoryLoading, leads, lines, money, shift } from '../data/state';
import { toMinor } from '../lib/money';
import { count, dayWords, shiftWords, signed } from '../lib/words';
import { Boundary } from '../ui/boundary';
import { LedgerSheet } from '../ui/ledger';
import { Choice, Empty, Failed, Field, LevelBadge, PageHead, Skeleton } from '../ui/parts';

const FRESH_MS = 6000;
const WHICH = [
  ['all', 'All'],
  ['short', 'Low or out'],
] as const;

const wanted = signal('');
const which = signal<'all' | 'short'>('all');
const shown = computed(() => {
  const words = wanted.value.trim().toLocaleLowerCase();
  return lines.value.filter(
    ({ bread, level }) =>
      (which.value === 'all' || level === 'low' || level === 'out') &&
      `${bread.name} ${bread.size ?? ''}`.toLocaleLowerCase().includes(words),
  );
});

/* How much `value` has changed in the last seconds; changes that follow each other add up. */
function useFresh(value: number): number {
  const before = useRef(value);
  const [delta, setDelta] = useState(0);
  useEffect(() => {
    const by = value - before.current;
    before.current = value;
    if (!by) return undefined;
    setDelta((d) => d + by);
    const t = setTimeout(() => setDelta(0), FRESH_MS);
    return () => clearTimeout(t);
  }, [value]);
  return delta;
}

function Summary() {
  const all = lines.value;
  const sum = (f: (l: Line) => number) => all.reduce((n, l) => n + f(l), 0);
  const low = all.filter((l) => l.level === 'low' && l.bread.is_active).length;
  const out = all.filter((l) => l.level === 'out' && l.bread.is_active).length;
  return (
    <section class="summary card" aria-label="Today so far">
      <dl>
        <div>
          <dt>Baked today</dt>
          <dd data-figure="baked">{count(sum((l) => l.day.produced))}</dd>
        </div>
        <div>
          <dt>Sold today</dt>
          <dd data-figure="sold">{count(sum((l) => l.day.sold))}</dd>
        </div>
        <div class="summary-main">
          <dt>Remaining</dt>
          <dd data-figure="remaining">{count(sum((l) => l.remaining))}</dd>
        </div>
      </dl>
      <p class="summary-levels">
        {low + out === 0 ? (
          <span class="tag tag-good">Every bread is well stocked</span>
        ) : (
          <>
            {out > 0 && <span class="tag tag-out">{count(out)} out</span>}
            {low > 0 && <span class="tag tag-low">{count(low)} running low</span>}
          </>
        )}
      </p>
    </section>
  );
}

function BreadCard({ line, onOpen }: { line: Line; onOpen: () => void }) {
  const { bread, remaining, level, day: today } = line;
  const delta = useFresh(remaining);
  const full = Math.max(today.produced, remaining, 1);
  const share = Math.max(0, Math.min(1, remaining / full));
  return (
    <li class={`card bread ${delta ? 'is-fresh' : ''}`} data-bread={bread.id}>
      <div class="bread-head">
        <div>
          <h2>{bread.name}</h2>
          <p class="bread-size">
            {bread.size && <span>{bread.size}</span>}
            <span data-figure="price">{money.value(toMinor(bread.unit_price))}</span>
            {!bread.is_active && <span>not sold any more</span>}
          </p>
        </div>
        <p class="bread-state">
          <LevelBadge level={level} />
          {delta !== 0 && <span class="delta">{signed(delta)} just now</span>}
        </p>
      </div>
      <div class="bread-body">
        <button type="button" class="bread-left" aria-haspopup="dialog" onClick={onOpen}>
          <span class="bread-number" data-figure="remaining">
            {count(remaining)}
          </span>
          <span class="bread-word">left</span>
          <span class="unseen"> of {bread.name}: show the entries</span>
        </button>
        <Counted line={line} />
      </div>
      <div class={`bar bar-${level}`} aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </li>
  );
}

function Counted({ line: { bread, day: today, shift: now } }: { line: Line }) {
  return (
    <table class="mini">
      <caption class="unseen">{bread.name}: baked and sold</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">Baked</th>
          <th scope="col">Sold</th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">Today</th>
          <td data-figure="day-baked">{count(today.produced)}</td>
          <td data-figure="day-sold">{count(today.sold)}</td>
        </tr>
        <tr>
          <th scope="row">
            <span class="unseen">This </span>
            <span class="cap">shift</span>
          </th>
          <td data-figure="shift-baked">{count(now.produced)}</td>
          <td data-figure="shift-sold">{count(now.sold)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Filters() {
  return (
    <div class="filters filters-inventory">
      <Field label="Search" isLabelUnseen>
        {(a) => (
          <input
            {...a}
            type="search"
            placeholder="Search by name or size"
            autoComplete="off"
            value={wanted.value}
            onInput={(e) => (wanted.value = e.currentTarget.value)}
          />
        )}
      </Field>
      <Choice label="Level" value={which.value} options={WHICH} onChange={(v) => (which.value = v)} />
    </div>
  );
}

function NoMatch() {
  const clear = () => {
    wanted.value = '';
    which.value = 'all';
  };
  return (
    <Empty title="No bread is like that">
      <button type="button" class="button" onClick={clear}>
        Show all breads
      </button>
    </Empty>
  );
}

function Breads() {
  const [open, setOpen] = useState('');
  const line = lines.value.find((l) => l.bread.id === open);
  if (lines.value.length === 0)
    return (
      <Empty title="No breads yet">
        {leads.value ? (
          <p>
            Start with the breads you bake: <a href="/breads">add a bread</a>.
          </p>
        ) : (
          <p>As soon as the owner or the manager adds a bread, it is shown here.</p>
        )}
      </Empty>
    );
  return (
    <>
      <Summary />
      <Filters />
      {shown.value.length === 0 && <NoMatch />}
      <ul class="breads">
        {shown.value.map((l) => (
          <BreadCard key={l.bread.id} line={l} onOpen={() => setOpen(l.bread.id)} />
        ))}
      </ul>
      {line && (
        <Boundary key={open} name="The entries">
          <LedgerSheet line={line} onClose={() => setOpen('')} />
        </Boundary>
      )}
    </>
  );
}

export function InventoryPage() {
  const loading = inventoryLoading.value;
  return (
    <>
      <PageHead title="Inventory">
        <p class="page-sub">
          {day.value
            ? `${dayWords(day.value, true)}, ${shiftWords(shift.value).toLowerCase()} shift`
            : '\u00a0'}
        </p>
      </PageHead>
      {loading.state === 'failed' && <Failed why={loading.why} />}
      {loading.state === 'loading' && <Skeleton count={8} kind="skeletons-inventory" />}
      {loading.state === 'ready' && <Breads />}
    </>
  );
}
