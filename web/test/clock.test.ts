import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays, daysBetween, dayStart, shiftAt, untilNextShift } from '../src/lib/clock';

const lagos = { time_zone: 'Africa/Lagos', morning_start: '10:00', night_start: '22:00' };
const utc = (s: string) => Date.parse(s);

test('a night belongs to the day on which it began', () => {
  assert.deepEqual(shiftAt(utc('2026-11-22T08:59:59Z'), lagos), { day: '2026-11-21', shift: 'night' });
  assert.deepEqual(shiftAt(utc('2026-11-22T09:00:00Z'), lagos), { day: '2026-11-22', shift: 'morning' });
  assert.deepEqual(shiftAt(utc('2026-11-22T20:59:59Z'), lagos), { day: '2026-11-22', shift: 'morning' });
  assert.deepEqual(shiftAt(utc('2026-11-22T21:00:00Z'), lagos), { day: '2026-11-22', shift: 'night' });
  assert.deepEqual(shiftAt(utc('2026-11-22T23:30:00Z'), lagos), { day: '2026-11-22', shift: 'night' });
});

test('the next change of shift is as far away as the clock says', () => {
  assert.equal(untilNextShift(utc('2026-11-22T08:59:59Z'), lagos), 1000);
  assert.equal(untilNextShift(utc('2026-11-22T09:00:00Z'), lagos), 12 * 3600 * 1000);
  assert.equal(untilNextShift(utc('2026-11-22T22:00:00Z'), lagos), 11 * 3600 * 1000);
});

test('a business day begins with its morning shift, wherever the bakery is', () => {
  assert.equal(dayStart('2026-11-22', lagos), utc('2026-11-22T09:00:00Z'));
  assert.equal(dayStart('2026-11-22', { ...lagos, time_zone: 'Asia/Kolkata' }), utc('2026-11-22T04:30:00Z'));
  const auckland = { ...lagos, time_zone: 'Pacific/Auckland', morning_start: '04:00' };
  assert.equal(dayStart('2026-11-22', auckland), utc('2026-11-21T15:00:00Z'));
});

test('days are counted over the ends of months and years', () => {
  assert.equal(addDays('2026-12-31', 1), '2027-01-01');
  assert.equal(addDays('2028-03-01', -1), '2028-02-29');
  assert.deepEqual(daysBetween('2026-11-29', '2026-12-02'), [
    '2026-11-29',
    '2026-11-30',
    '2026-12-01',
    '2026-12-02',
  ]);
});
