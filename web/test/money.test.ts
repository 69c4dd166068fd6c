import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromMinor, lineTotal, moneyFormat, parseMoney, toMinor } from '../src/lib/money';

test('amounts with two decimals become exact integers and come back the same', () => {
  for (const minor of [0, 1, 7, 29, 57, 115, 1005, 150050, 1_000_000_07, 999_999_999_999]) {
    assert.equal(toMinor(JSON.parse(JSON.stringify(fromMinor(minor))) as number), minor);
    assert.equal(toMinor((minor / 100).toFixed(2)), minor);
  }
});

test('ten times ten hundredths are one, without a rest', () => {
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += toMinor(0.1);
  assert.equal(sum, 100);
});

test('a line is never below zero, and a returned one is zero', () => {
  assert.equal(lineTotal(3, 1500, 500, false), 4000);
  assert.equal(lineTotal(1, 1500, 2000, false), 0);
  assert.equal(lineTotal(3, 1500, 500, true), 0);
});

test('typed amounts are read as the locale writes them', () => {
  assert.equal(parseMoney('1500', 'en-NG'), 150000);
  assert.equal(parseMoney(' 1,500.5 ', 'en-NG'), 150050);
  assert.equal(parseMoney('0.07', 'en-NG'), 7);
  assert.equal(parseMoney('1.500,50', 'de-DE'), 150050);
  assert.equal(parseMoney('99,5', 'de-DE'), 9950);
});

test('what is not an amount is refused', () => {
  for (const text of ['', '-5', '1.234', '12a', '1e3', '.5', '99999999999'])
    assert.equal(parseMoney(text, 'en-NG'), null, text);
});

test('whole amounts are shown without decimals', () => {
  const money = moneyFormat('en-NG', 'NGN');
  assert.match(money(150000), /1,500$/);
  assert.match(money(150050), /1,500\.50$/);
});
