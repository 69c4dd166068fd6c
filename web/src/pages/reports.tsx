/* Reports: revenue, production and leftovers of a period, as they happen. */
import { computed, signal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { matching, report, totalsOf, type Report, type ReportFilter, type Sums } from '../data/figures';
import { choosePerson, chooseRange, leaveReports, person, range, reportLoading, type Range } from '../data/reports';
import * as s from '../data/state';
import { addDays, daysBetween, type Shift } from '../lib/clock';
import { csv, download } from '../lib/csv';
import { fromMinor, toMinor } from '../lib/money';
import { count, dayWords, relativeDay, shiftWords, shortDay, timeWords } from '../lib/words';
import { Boundary } from '../ui/boundary';
import { Chart } from '../ui/chart';
import { PrintIcon, SaveIcon } from '../ui/icons';
import { Choice, Empty, Failed, Field, PageHead, Skeleton } from '../ui/parts';
import { newestFirst } from './feedback';

type Period = 'today' | 'yesterday' | 'week' | 'month' | 'custom';

const PERIODS = [
  ['today', 'Today'],
  ['yesterday', 'Yesterday'],
  ['week', '7 days'],
  ['month', '30 days'],
  ['custom', 'Custom'],
] as const;
const CUSTOM_DAYS_MAX = 366;

const period = signal<Period>('week');
const custom = signal<Range | null>(null);
const filter = signal<ReportFilter>({ shift: '', bread: '' });
const mode = signal<'revenue' | 'loaves'>('revenue');

const wantedRange = computed<Range | null>(() => {
  const today = s.day.value;
  if (!today) return null;
  switch (period.value) {
    case 'today':
      return { from: today, to: today };
    case 'yesterday':
      return { from: addDays(today, -1), to: addDays(today, -1) };
    case 'week':
      return { from: addDays(today, -6), to: today };
    case 'month':
      return { from: addDays(today, -29), to: today };
    case 'custom':
      return custom.value ?? { from: addDays(today, -6), to: today };
  }
});

const days = computed(() => (range.value ? daysBetween(range.value.from, range.value.to) : []));
const counted = computed(() =>
  person.value ? totalsOf(s.personProduction.all, s.personSales.all) : [...s.totals.all],
);
const current = computed(() => report(counted.value, days.value, filter.value));

/* What is shown, a line for each day, shift and bread. */
function exportCsv(): void {
  const rows = matching(counted.value, new Set(days.value), filter.value)
    .map((t) => ({ ...t, bread: s.breadName(t.bread_type_id) }))
    .sort(
      (a, b) =>
        a.business_day.localeCompare(b.business_day) ||
        a.shift.localeCompare(b.shift) ||
        a.bread.localeCompare(b.bread),
    );
  const names = ['Day', 'Shift', 'Bread', 'Baked', 'Sold', 'Left over', 'Returned', 'Sales', 'Discounts', 'Revenue'];
  const amount = (n: number) => fromMinor(toMinor(n));
  const lines = rows.map((t) => [
    ...[t.business_day, shiftWords(t.shift), t.bread, t.baked, t.sold, t.baked - t.sold, t.returned, t.sales],
    ...[amount(t.discount), amount(t.revenue)],
  ]);
  download(`report-${range.value?.from ?? ''}-${range.value?.to ?? ''}.csv`, csv([names, ...lines]));
}

/* ---- the filter ---- */

function CustomDates() {
  const r = wantedRange.value;
  if (!r) return null;
  const set = (part: Partial<Range>) => {
    const next = { ...r, ...part };
    if (!next.from || !next.to) return;
    if (next.from > next.to) {
      if (part.from) next.to = next.from;
      else next.from = next.to;
    }
    if (daysBetween(next.from, next.to).length > CUSTOM_DAYS_MAX)
      next.from = addDays(next.to, 1 - CUSTOM_DAYS_MAX);
    custom.value = next;
  };
  return (
    <div class="field-pair">
      <Field label="From">
        {(a) => (
          <input
            {...a}
            type="date"
            max={s.day.value}
            value={r.from}
            onChange={(e) => set({ from: e.currentTarget.value })}
          />
        )}
      </Field>
      <Field label="To">
        {(a) => (
          <input
            {...a}
            type="date"
            max={s.day.value}
            value={r.to}
            onChange={(e) => set({ to: e.currentTarget.value })}
          />
        )}
      </Field>
    </div>
  );
}

function PersonField() {
  const people = [...s.people.all].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <Field label="Person">
      {(a) => (
        <select {...a} value={person.value} onChange={(e) => choosePerson(e.currentTarget.value)}>
          <option value="">Everybody</option>
          {people.map((p) => (
            <option key={p.id} value={p.id}>
              {p.name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Filters() {
  const f = filter.value;
  const breads = [...s.breads.all].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <div class="filters">
      <Choice label="Period" value={period.value} options={PERIODS} onChange={(p) => (period.value = p)} />
      {period.value === 'custom' && <CustomDates />}
      <div class="field-pair">
        <Field label="Shift">
          {(a) => (
            <select
              {...a}
              value={f.shift}
              onChange={(e) => (filter.value = { ...f, shift: e.currentTarget.value as Shift | '' })}
            >
              <option value="">Both shifts</option>
              <option value="morning">{shiftWords('morning')}</option>
              <option value="night">{shiftWords('night')}</option>
            </select>
          )}
        </Field>
        <Field label="Bread">
          {(a) => (
            <select
              {...a}
              value={f.bread}
              onChange={(e) => (filter.value = { ...f, bread: e.currentTarget.value })}
            >
              <option value="">All breads</option>
              {breads.map((b) => (
                <option key={b.id} value={b.id}>
                  {b.name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <PersonField />
      </div>
    </div>
  );
}

/* ---- the figures ---- */

function Cards({ total }: { total: Sums }) {
  const card = (key: string, label: string, value: string, note: string, isMain = false) => (
    <div class={isMain ? 'stat stat-main' : 'stat'}>
      <dt>{label}</dt>
      <dd>
        <span class="stat-value" data-figure={`report-${key}`}>
          {value}
        </span>
        <span class="stat-note">{note}</span>
      </dd>
    </div>
  );
  return (
    <dl class="stats">
      {card(
        'revenue',
        'Revenue',
        s.money.value(total.revenue),
        `${count(total.sales)} ${total.sales === 1 ? 'sale' : 'sales'}`,
        true,
      )}
      {card('baked', 'Baked', count(total.baked), 'loaves')}
      {card('sold', 'Sold', count(total.sold), 'returns not counted')}
      {card('left', 'Left over', count(total.baked - total.sold), person.value ? 'theirs: baked less sold' : 'baked less sold')}
      {card('discount', 'Discounts', s.money.value(total.discount), 'given')}
      {card('returned', 'Returned', count(total.returned), 'loaves')}
    </dl>
  );
}

function DayTable({ r }: { r: Report }) {
  return (
    <div class="table-place" tabIndex={0} role="group" aria-label="Figures for each day">
      <table class="figures">
        <caption class="unseen">Figures for each day</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Revenue</th>
            <th scope="col">Baked</th>
            <th scope="col">Sold</th>
            <th scope="col">Left over</th>
            <th scope="col">Returned</th>
            <th scope="col">Discounts</th>
          </tr>
        </thead>
        <tbody>
          {[...r.byDay].reverse().map(([day, sums]) => (
            <tr key={day}>
              <th scope="row">{dayWords(day)}</th>
              <td>{s.money.value(sums.revenue)}</td>
              <td>{count(sums.baked)}</td>
              <td>{count(sums.sold)}</td>
              <td>{count(sums.baked - sums.sold)}</td>
              <td>{count(sums.returned)}</td>
              <td>{s.money.value(sums.discount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function compact(n: number): string {
  return new Intl.NumberFormat(s.config.value?.locale ?? 'en', {
    notation: 'compact',
    maximumFractionDigits: 1,
  }).format(n);
}

function DayChart({ r }: { r: Report }) {
  const isMoney = mode.value === 'revenue';
  const sums = [...r.byDay.values()];
  const series = isMoney
    ? [
        {
          label: `Revenue (${s.config.value?.currency ?? ''})`,
          colour: '--chart-1',
          values: sums.map((x) => x.revenue / 100),
        },
      ]
    : [
        { label: 'Baked', colour: '--chart-1', values: sums.map((x) => x.baked) },
        { label: 'Sold', colour: '--chart-2', values: sums.map((x) => x.sold) },
      ];
  return (
    <section class="card block" aria-labelledby="chart-title">
      <div class="section-head">
        <h2 id="chart-title">Day by day</h2>
        <Choice
          label="What the chart shows"
          value={mode.value}
          onChange={(m) => (mode.value = m)}
          options={[
            ['revenue', 'Revenue'],
            ['loaves', 'Loaves'],
          ]}
        />
      </div>
      <Chart
        id={mode.value}
        label={`${isMoney ? 'Revenue' : 'Loaves baked and sold'} for each day, from ${dayWords(days.value[0] ?? '')} to ${dayWords(days.value[days.value.length - 1] ?? '')}. The table below has the same figures.`}
        kind={isMoney ? 'bars' : 'lines'}
        days={[...r.byDay.keys()].map(shortDay)}
        series={series}
        format={compact}
      />
      <details class="more">
        <summary>The same as a table</summary>
        <DayTable r={r} />
      </details>
    </section>
  );
}

function BreakdownRows({ rows, top }: { rows: { key: string; name: string; sums: Sums }[]; top: number }) {
  return (
    <>
      {rows.map(({ key, name, sums }) => (
        <tr key={key}>
          <th scope="row">
            {name}
            <span class="bar bar-share" aria-hidden="true">
              <span style={{ width: `${top > 0 ? (sums.revenue / top) * 100 : 0}%` }} />
            </span>
          </th>
          <td>{count(sums.baked)}</td>
          <td>{count(sums.sold)}</td>
          <td>{count(sums.baked - sums.sold)}</td>
          <td>{s.money.value(sums.revenue)}</td>
        </tr>
      ))}
    </>
  );
}

function Breakdown({
  title,
  first,
  rows,
}: {
  title: string;
  first: string;
  rows: { key: string; name: string; sums: Sums }[];
}) {
  const top = rows.reduce((m, x) => Math.max(m, x.sums.revenue), 0);
  return (
    <section class="card block">
      <div class="section-head">
        <h2>{title}</h2>
      </div>
      {rows.length === 0 ? (
        <p class="fine">No entries in this period.</p>
      ) : (
        <div class="table-place" tabIndex={0} role="group" aria-label={title}>
          <table class="figures">
            <caption class="unseen">{title}</caption>
            <thead>
              <tr>
                <th scope="col">{first}</th>
                <th scope="col">Baked</th>
                <th scope="col">Sold</th>
                <th scope="col">Left</th>
                <th scope="col">Revenue</th>
              </tr>
            </thead>
            <tbody>
              <BreakdownRows rows={rows} top={top} />
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Feedbacks() {
  const list = newestFirst(s.periodFeedback.all).filter(
    (f) =>
      (!filter.value.shift || f.shift === filter.value.shift) &&
      (!person.value || f.user_id === person.value),
  );
  return (
    <section class="card block" aria-labelledby="feedback-title">
      <div class="section-head">
        <h2 id="feedback-title">Feedback</h2>
        <p class="section-sum">{count(list.length)}</p>
      </div>
      {list.length === 0 ? (
        <p class="fine">Nobody has left feedback in this period.</p>
      ) : (
        <ul class="entries">
          {list.map((f) => (
            <li key={f.id} class="entry" data-feedback={f.id}>
              <div class="entry-main">
                <p class="entry-text">{f.note}</p>
                <p class="entry-note">
                  {s.personName(f.user_id)} · {relativeDay(f.business_day, s.day.value)}{' '}
                  {timeWords(f.created_at)} · {shiftWords(f.shift)} shift
                </p>
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Figures() {
  const r = current.value;
  if (r.byBread.size === 0 && s.periodFeedback.size === 0)
    return (
      <Empty title="Nothing happened in this period">
        <p>Choose another period, or another shift or bread.</p>
      </Empty>
    );
  const breads = [...r.byBread]
    .map(([key, sums]) => ({ key, name: s.breadName(key), sums }))
    .sort((a, b) => b.sums.revenue - a.sums.revenue || a.name.localeCompare(b.name));
  const shifts = [...r.byShift].map(([key, sums]) => ({ key, name: shiftWords(key), sums }));
  return (
    <>
      <Cards total={r.total} />
      {days.value.length > 1 && (
        <Boundary name="The chart">
          <DayChart r={r} />
        </Boundary>
      )}
      <div class="two-columns">
        <Breakdown title="By bread" first="Bread" rows={breads} />
        <div class="stack">
          <Breakdown title="By shift" first="Shift" rows={shifts} />
          <Boundary name="The feedback">
            <Feedbacks />
          </Boundary>
        </div>
      </div>
    </>
  );
}

export function ReportsPage() {
  const choice = useRef('');
  useSignalEffect(() => {
    const r = wantedRange.value;
    const chosen = `${period.value} ${JSON.stringify(custom.value)}`;
    if (r) chooseRange(r, choice.current === chosen);
    choice.current = chosen;
  });
  useEffect(() => leaveReports, []);
  useEffect(() => {
    /* On paper nothing can be unfolded. */
    const unfold = () => document.querySelectorAll('main details').forEach((d) => d.setAttribute('open', ''));
    addEventListener('beforeprint', unfold);
    return () => removeEventListener('beforeprint', unfold);
  }, []);
  const loading = reportLoading.value;
  const stock = s.stockLoading.value;
  const r = range.value;
  const isReady = stock.state === 'ready' && loading.state === 'ready';
  return (
    <>
      <PageHead title="Reports">
        <p class="page-sub">
          {r
            ? r.from === r.to
              ? dayWords(r.from, true)
              : `${dayWords(r.from)} – ${dayWords(r.to)}`
            : '\u00a0'}
        </p>
      </PageHead>
      <Filters />
      {stock.state === 'failed' && <Failed why={stock.why} />}
      {stock.state !== 'failed' && loading.state === 'failed' && (
        <Failed why={loading.why} />
      )}
      {stock.state !== 'failed' && loading.state === 'loading' && (
        <Skeleton count={6} kind="skeletons-cards" />
      )}
      {isReady && <Figures />}
      <div class="page-actions">
        <button type="button" class="button" disabled={!isReady} onClick={exportCsv}>
          <SaveIcon /> Save as CSV
        </button>
        <button type="button" class="button" disabled={!isReady} onClick={() => print()}>
          <PrintIcon /> Print
        </button>
      </div>
    </>
  );
}
