/* ledger: a sheet with the entries that a bread's numbers are made of. */
import { useState } from 'preact/hooks';
import type { Line } from '../data/figures';
import { earlierEntries, entriesOf, type Entry } from '../data/ledger';
import * as s from '../data/state';
import { count, relativeDay, shiftWords, signed, timeWords } from '../lib/words';
import { Choice, FormError, Sheet } from './parts';

type Kind = 'all' | 'baked' | 'sold';
type When = 'today' | 'shift';

const KINDS = [
  ['all', 'All'],
  ['baked', 'Baked'],
  ['sold', 'Sold'],
] as const;
const WHEN = [
  ['today', 'Today'],
  ['shift', 'This shift'],
] as const;

function EntryRow({ entry }: { entry: Entry }) {
  return (
    <li class={`entry ${entry.isReturned ? 'entry-returned' : ''}`} data-entry={entry.id}>
      <div class="entry-main">
        <p class="entry-what">
          {entry.kind === 'baked' ? 'Baked' : 'Sold'} {count(entry.quantity)}
        </p>
        <p class="entry-note">
          {entry.day === s.day.value ? '' : `${relativeDay(entry.day, s.day.value)} `}
          {timeWords(entry.at)} · {shiftWords(entry.shift)} · {s.personName(entry.by)}
          {entry.isReturned && ' · returned'}
          {entry.revenue !== null && !entry.isReturned && ` · ${s.money.value(entry.revenue)}`}
          {entry.note && ` · ${entry.note}`}
        </p>
      </div>
      <p class="entry-sum ledger-change">{signed(entry.change)}</p>
    </li>
  );
}

function Earlier({ bread }: { bread: string }) {
  const [entries, setEntries] = useState<Entry[]>([]);
  const [state, setState] = useState<'some' | 'busy' | 'all'>('some');
  const [error, setError] = useState('');
  const more = async () => {
    setState('busy');
    setError('');
    try {
      const page = await earlierEntries(bread, s.day.peek(), entries[entries.length - 1]);
      setEntries([...entries, ...page.entries]);
      setState(page.isLast ? 'all' : 'some');
    } catch (e) {
      setError(e instanceof Error ? e.message : String(e));
      setState('some');
    }
  };
  return (
    <>
      {entries.length > 0 && (
        <ul class="entries ledger" aria-label="Earlier entries">
          {entries.map((e) => (
            <EntryRow key={e.id} entry={e} />
          ))}
        </ul>
      )}
      <FormError text={error} />
      {state === 'all' ? (
        <p class="fine">These are all of them.</p>
      ) : (
        <button type="button" class="button" disabled={state === 'busy'} onClick={() => void more()}>
          {state === 'busy' ? 'Loading…' : 'Show earlier entries'}
        </button>
      )}
    </>
  );
}

export function LedgerSheet({ line, onClose }: { line: Line; onClose: () => void }) {
  const [kind, setKind] = useState<Kind>('all');
  const [when, setWhen] = useState<When>('today');
  const today = entriesOf(line.bread.id, s.day.value, s.production.all, s.sales.all);
  const before = line.remaining - today.reduce((n, e) => n + e.change, 0);
  const shown = today.filter(
    (e) => (kind === 'all' || e.kind === kind) && (when === 'today' || e.shift === s.shift.value),
  );
  return (
    <Sheet title={line.bread.name} onClose={onClose}>
      <dl class="facts">
        <div>
          <dt>From before</dt>
          <dd data-figure="ledger-before">{count(before)}</dd>
        </div>
        <div>
          <dt>Baked and sold today</dt>
          <dd data-figure="ledger-today">{signed(line.remaining - before)}</dd>
        </div>
        <div>
          <dt>Left now</dt>
          <dd data-figure="ledger-left">{count(line.remaining)}</dd>
        </div>
      </dl>
      <div class="ledger-choices">
        <Choice label="Which entries" value={kind} options={KINDS} onChange={setKind} />
        <Choice label="Of when" value={when} options={WHEN} onChange={setWhen} />
      </div>
      {shown.length === 0 ? (
        <p class="fine">No such entries {when === 'today' ? 'today' : 'in this shift'}.</p>
      ) : (
        <ul class="entries ledger" aria-label="Entries">
          {shown.map((e) => (
            <EntryRow key={e.id} entry={e} />
          ))}
        </ul>
      )}
      <Earlier bread={line.bread.id} />
    </Sheet>
  );
}
