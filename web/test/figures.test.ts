import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countDay, inventoryLines, levelOf, report, totalsOf } from '../src/data/figures';
import type { Bread, Production, Sale, ShiftTotal } from '../src/data/rows';

const day = '2026-11-22';
const sale = (part: Partial<Sale>): Sale => ({
  id: 's',
  bread_type_id: 'b',
  quantity: 1,
  unit_price: 10,
  discount: 0,
  returned: false,
  shift: 'morning',
  recorded_by: 'u',
  created_at: '',
  business_day: day,
  revenue: 10,
  updated_at: '',
  ...part,
});
const batch = (quantity: number, part: Partial<Production> = {}): Production => ({
  id: 'p',
  bread_type_id: 'b',
  quantity,
  shift: 'morning',
  note: null,
  recorded_by: 'u',
  created_at: '',
  business_day: day,
  updated_at: '',
  ...part,
});
const bread = (part: Partial<Bread> = {}): Bread => ({
  id: 'b',
  name: 'Loaf',
  size: null,
  unit_price: 10,
  low_threshold: 5,
  is_active: true,
  updated_at: '',
  ...part,
});

test('levels follow the threshold and what was baked that day', () => {
  assert.equal(levelOf(-3, 5, 40), 'out');
  assert.equal(levelOf(0, 5, 40), 'out');
  assert.equal(levelOf(5, 5, 40), 'low');
  assert.equal(levelOf(20, 5, 40), 'normal');
  assert.equal(levelOf(21, 5, 40), 'high');
  assert.equal(levelOf(6, 5, 0), 'high');
});

test('the day and the shift are counted apart, without returns and other days', () => {
  const counts = countDay(
    [batch(40), batch(10, { shift: 'night' }), batch(99, { business_day: '2026-11-21' })],
    [sale({ quantity: 3 }), sale({ quantity: 2, shift: 'night' }), sale({ quantity: 9, returned: true })],
    day,
    'morning',
  );
  assert.deepEqual(counts.get('b'), { day: { produced: 50, sold: 5 }, shift: { produced: 40, sold: 3 } });
});

test('breads out of sale are shown while something is left of them', () => {
  const stock = (n: number) => () => ({
    bread_type_id: 'b',
    baked: n,
    sold: 0,
    remaining: n,
    updated_at: '',
  });
  const off = [bread({ is_active: false })];
  assert.equal(inventoryLines(off, stock(0), new Map()).length, 0);
  assert.equal(inventoryLines(off, stock(2), new Map())[0]?.level, 'low');
  assert.equal(inventoryLines(off, stock(-2), new Map())[0]?.level, 'out');
});

test('a report sums integers of the chosen days, shift and bread', () => {
  const total = (part: Partial<ShiftTotal>): ShiftTotal => ({
    business_day: day,
    shift: 'morning',
    bread_type_id: 'b',
    baked: 40,
    sold: 3,
    returned: 1,
    sales: 4,
    discount: 0.1,
    revenue: 0.2,
    updated_at: '',
    ...part,
  });
  const rows = [
    total({}),
    total({ shift: 'night' }),
    total({ bread_type_id: 'c' }),
    total({ business_day: '2026-11-01' }),
  ];
  const all = report(rows, [day], { shift: '', bread: '' });
  assert.equal(all.total.revenue, 60);
  assert.equal(all.total.discount, 30);
  assert.equal(all.byBread.get('b')?.baked, 80);
  assert.equal(all.byShift.get('night')?.sales, 4);
  assert.equal(report(rows, [day], { shift: 'night', bread: 'b' }).total.revenue, 20);
  assert.equal(report(rows, [day], { shift: 'night', bread: 'c' }).total.revenue, 0);
});

test('the entries of one person add up to totals, a returned sale to nothing but returned pieces', () => {
  const sold = sale({ quantity: 3, discount: 0.1, revenue: 0.2 });
  const rows = totalsOf([batch(40)], [sold, sold, { ...sold, returned: true, revenue: 0 }]);
  assert.deepEqual(report(rows, [day], { shift: '', bread: '' }).total, {
    revenue: 40,
    discount: 20,
    baked: 40,
    sold: 6,
    returned: 3,
    sales: 2,
  });
});
