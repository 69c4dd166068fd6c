/* Recording a sale: tap a bread, choose how many (one, unless told otherwise), tap Sell. */
import { computed } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { Line } from '../data/figures';
import type { Bread, Sale } from '../data/rows';
import { discard, makeSale, send, totalOf, unsaved, type Unsaved } from '../data/sales';
import * as s from '../data/state';
import { changeSale, removeSale } from '../data/write';
import { fromMinor, lineTotal, parseMoney, toMinor, type Minor } from '../lib/money';
import { uuid } from '../lib/uuid';
import { count, shiftWords, timeWords } from '../lib/words';
import { AlertIcon, EditIcon } from '../ui/icons';
import {
  Check,
  Choice,
  Confirm,
  Empty,
  Failed,
  Field,
  FormError,
  LevelBadge,
  PageHead,
  Sheet,
  Skeleton,
  Stepper,
} from '../ui/parts';
import { useSaving } from '../ui/saving';
import { say } from '../ui/toast';

const QUICK = [1, 2, 3, 5, 10] as const;
const locale = () => s.config.value?.locale ?? 'en';

const onSale = computed(() => s.lines.value.filter((l) => l.bread.is_active));

/* ---- the extras of a sale, for a new one and for one that is changed ---- */

interface Extras {
  discount: string;
  returned: boolean;
}

function ExtraFields({
  value,
  error,
  onChange,
}: {
  value: Extras;
  error: string;
  onChange: (e: Extras) => void;
}) {
  return (
    <>
      <Field label="Discount" hint="Off the whole line" error={error}>
        {(a) => (
          <input
            {...a}
            inputMode="decimal"
            autoComplete="off"
            placeholder="0"
            value={value.discount}
            onInput={(e) => onChange({ ...value, discount: e.currentTarget.value })}
          />
        )}
      </Field>
      <Check
        label="Returned by the customer"
        value={value.returned}
        onChange={(returned) => onChange({ ...value, returned })}
      />
    </>
  );
}

function readDiscount(text: string): Minor | null {
  return text.trim() ? parseMoney(text, locale()) : 0;
}

/* ---- a new sale ---- */

async function undo(id: string, what: string): Promise<void> {
  const problem = await removeSale(id);
  if (problem) say('The sale could not be undone', { detail: problem, tone: 'bad' });
  else say('Sale undone', { detail: what });
}

async function sell(bread: Bread, quantity: number, discount: Minor, returned: boolean): Promise<void> {
  const id = uuid();
  const price = toMinor(bread.unit_price);
  const what = `${count(quantity)} × ${bread.name}`;
  const sent = makeSale({
    id,
    bread_type_id: bread.id,
    bread: bread.name,
    quantity,
    price,
    discount,
    returned,
    shift: s.shift.value,
  });
  if (await sent) {
    const total = s.money.value(lineTotal(quantity, price, discount, returned));
    say(returned ? `Return saved: ${what}` : `Sold ${what}`, {
      detail: returned ? 'Back in stock' : total,
      action: { label: 'Undo', run: () => void undo(id, what) },
    });
    return;
  }
  say('Not saved yet', { detail: `${what} stays in the list below until the server has it.`, tone: 'bad' });
}

function SaleSheet({ line, onClose }: { line: Line; onClose: () => void }) {
  const [quantity, setQuantity] = useState(1);
  const [extras, setExtras] = useState<Extras>({ discount: '', returned: false });
  const [error, setError] = useState('');
  const { bread, remaining, level } = line;
  const discount = readDiscount(extras.discount);
  const total = lineTotal(quantity, toMinor(bread.unit_price), discount ?? 0, extras.returned);
  const submit = (e: Event) => {
    e.preventDefault();
    if (discount === null) {
      setError('Please enter an amount, such as 150 or 99.50.');
      return;
    }
    onClose();
    void sell(bread, quantity, discount, extras.returned);
  };
  return (
    <Sheet title={bread.name} onClose={onClose} hasOwnFocus>
      <form class="form" noValidate onSubmit={submit}>
        <p class="sheet-facts">
          <span>{s.money.value(toMinor(bread.unit_price))} each</span>
          <span>{count(remaining)} left</span>
          <LevelBadge level={level} />
        </p>
        <Stepper label="How many" value={quantity} onChange={setQuantity} />
        <div class="quick" role="group" aria-label="How many, quickly">
          {QUICK.map((n) => (
            <button
              key={n}
              type="button"
              class="button"
              aria-pressed={quantity === n}
              onClick={() => setQuantity(n)}
            >
              {n}
            </button>
          ))}
        </div>
        <details class="more">
          <summary>Discount or return</summary>
          <div class="more-body">
            <ExtraFields value={extras} error={error} onChange={setExtras} />
          </div>
        </details>
        <FormError text={discount === null && error ? error : ''} />
        <button type="submit" class="button button-main button-big" data-action="sell" autofocus>
          <span>{extras.returned ? 'Record the return' : `Sell ${count(quantity)}`}</span>
          <span class="button-sum">{s.money.value(total)}</span>
        </button>
      </form>
    </Sheet>
  );
}

function Tiles({ onPick }: { onPick: (id: string) => void }) {
  if (onSale.value.length === 0)
    return (
      <Empty title="Nothing to sell yet">
        {s.leads.value ? (
          <p>
            <a href="/breads">Add a bread</a> first, then record what you bake.
          </p>
        ) : (
          <p>As soon as the owner or the manager adds a bread, you can sell it here.</p>
        )}
      </Empty>
    );
  return (
    <ul class="tiles">
      {onSale.value.map(({ bread, remaining, level }) => (
        <li key={bread.id}>
          <button
            type="button"
            class={`tile tile-${level}`}
            data-bread={bread.id}
            onClick={() => onPick(bread.id)}
          >
            <span class="tile-name">{bread.name}</span>
            <span class="tile-price" data-figure="price">
              {s.money.value(toMinor(bread.unit_price))}
            </span>
            <span class="tile-left">
              <strong data-figure="remaining">{count(remaining)}</strong> left
            </span>
            {(level === 'out' || level === 'low') && <LevelBadge level={level} />}
          </button>
        </li>
      ))}
    </ul>
  );
}

/* ---- entries that the server may not have ---- */

function UnsavedRow({ entry }: { entry: Unsaved }) {
  return (
    <li class="entry entry-unsaved" data-unsaved={entry.id}>
      <div class="entry-main">
        <p class="entry-what">
          {count(entry.quantity)} × {entry.bread}
        </p>
        <p class="entry-note">
          {entry.state === 'sending'
            ? 'Saving…'
            : entry.state === 'refused'
              ? entry.why
              : 'Not saved yet. It is sent by itself as soon as the server answers.'}
        </p>
      </div>
      <p class="entry-sum">{s.money.value(totalOf(entry))}</p>
      {entry.state !== 'sending' && (
        <div class="entry-actions">
          <button type="button" class="button" onClick={() => void send(entry.id)}>
            Try now
          </button>
          {entry.state === 'refused' && (
            <button type="button" class="button button-bad" onClick={() => discard(entry.id)}>
              Discard
            </button>
          )}
        </div>
      )}
    </li>
  );
}

function UnsavedList() {
  const list = unsaved.value.filter((u) => u.isSeen);
  if (list.length === 0) return null;
  return (
    <section class="unsaved" aria-labelledby="unsaved-title">
      <h2 id="unsaved-title">
        <AlertIcon /> Not saved yet
      </h2>
      <ul class="entries">
        {list.map((u) => (
          <UnsavedRow key={u.id} entry={u} />
        ))}
      </ul>
    </section>
  );
}

/* ---- the sales of this shift ---- */

const ofShift = computed(() =>
  [...s.sales.all]
    .filter((x) => x.business_day === s.day.value && x.shift === s.shift.value)
    .sort((a, b) =>
      a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.id < b.id ? 1 : -1,
    ),
);

function SaleEditor({ sale, onClose }: { sale: Sale; onClose: () => void }) {
  const [quantity, setQuantity] = useState(sale.quantity);
  const [extras, setExtras] = useState<Extras>({
    discount: toMinor(sale.discount) ? String(fromMinor(toMinor(sale.discount))) : '',
    returned: sale.returned,
  });
  const { error, setError, isBusy, run } = useSaving(onClose);
  const discount = readDiscount(extras.discount);
  const save = (e: Event) => {
    e.preventDefault();
    if (discount === null) setError('Please enter the discount as an amount, such as 150 or 99.50.');
    else
      void run(
        changeSale(sale.id, { quantity, discount: fromMinor(discount), returned: extras.returned }),
        'Sale changed',
      );
  };
  return (
    <Sheet title={`Change sale: ${s.breadName(sale.bread_type_id)}`} onClose={onClose}>
      <form class="form" noValidate onSubmit={save}>
        <p class="sheet-facts">
          <span>{s.money.value(toMinor(sale.unit_price))} each</span>
          <span>sold at {timeWords(sale.created_at)}</span>
        </p>
        <Stepper label="How many" value={quantity} onChange={setQuantity} />
        <ExtraFields value={extras} error="" onChange={setExtras} />
        <FormError text={error} />
        <button type="submit" class="button button-main button-big" disabled={isBusy}>
          <span>Save the change</span>
          <span class="button-sum">
            {s.money.value(lineTotal(quantity, toMinor(sale.unit_price), discount ?? 0, extras.returned))}
          </span>
        </button>
        <Confirm
          label="Delete this sale"
          question="Delete it for good?"
          isBusy={isBusy}
          onYes={() => void run(removeSale(sale.id), 'Sale deleted')}
        />
      </form>
    </Sheet>
  );
}

function SaleRow({ sale, isNamed, onEdit }: { sale: Sale; isNamed: boolean; onEdit: () => void }) {
  const name = s.breadName(sale.bread_type_id);
  return (
    <li class={`entry ${sale.returned ? 'entry-returned' : ''}`} data-sale={sale.id}>
      <div class="entry-main">
        <p class="entry-what">
          <span data-figure="quantity">{count(sale.quantity)}</span> × {name}
        </p>
        <p class="entry-note">
          {timeWords(sale.created_at)}
          {isNamed && ` · ${s.personName(sale.recorded_by)}`}
          {toMinor(sale.discount) > 0 && ` · ${s.money.value(toMinor(sale.discount))} off`}
          {sale.returned && ' · returned'}
        </p>
      </div>
      <p class="entry-sum">{s.money.value(toMinor(sale.revenue))}</p>
      <button
        type="button"
        class="icon-button"
        aria-label={`Change the sale of ${count(sale.quantity)} ${name} at ${timeWords(sale.created_at)}`}
        onClick={onEdit}
      >
        <EditIcon />
      </button>
    </li>
  );
}

const SHOWN_MAX = 30;

function Recent() {
  const [whose, setWhose] = useState<'mine' | 'all'>('mine');
  const [shown, setShown] = useState(SHOWN_MAX);
  const [editing, setEditing] = useState<string | null>(null);
  const isAll = s.leads.value && whose === 'all';
  const list = ofShift.value.filter((x) => isAll || x.recorded_by === s.me.value?.id);
  const sum = list.reduce((n, x) => n + toMinor(x.revenue), 0);
  const sale = editing ? s.sales.get(editing) : undefined;
  return (
    <section class="recent" aria-labelledby="recent-title">
      <div class="section-head">
        <h2 id="recent-title">This shift</h2>
        {s.leads.value && (
          <Choice
            label="Whose sales"
            value={whose}
            onChange={setWhose}
            options={[
              ['mine', 'Mine'],
              ['all', 'Everyone’s'],
            ]}
          />
        )}
        <p class="section-sum">{s.money.value(sum)}</p>
      </div>
      {list.length === 0 ? (
        <Empty title={`No sales in this ${shiftWords(s.shift.value).toLowerCase()} shift yet`}>
          <p>Tap a bread to record the first one.</p>
        </Empty>
      ) : (
        <ul class="entries card">
          {list.slice(0, shown).map((x) => (
            <SaleRow key={x.id} sale={x} isNamed={isAll} onEdit={() => setEditing(x.id)} />
          ))}
        </ul>
      )}
      {list.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + 100)}>
          Show more of {count(list.length)}
        </button>
      )}
      {sale && <SaleEditor key={sale.id} sale={sale} onClose={() => setEditing(null)} />}
    </section>
  );
}

export function SellPage() {
  const [picked, setPicked] = useState<string | null>(null);
  const loading = s.stockLoading.value;
  const line = onSale.value.find((l) => l.bread.id === picked);
  return (
    <>
      <PageHead title="Sell" />
      {loading.state === 'failed' && <Failed why={loading.why} />}
      <div class="two-columns">
        <div>
          {loading.state === 'loading' ? (
            <Skeleton count={8} kind="skeletons-tiles" />
          ) : (
            loading.state === 'ready' && <Tiles onPick={setPicked} />
          )}
        </div>
        <div>
          <UnsavedList />
          {s.inventoryLoading.value.state === 'ready' && <Recent />}
        </div>
      </div>
      {line && <SaleSheet key={line.bread.id} line={line} onClose={() => setPicked(null)} />}
    </>
  );
}
