import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csv } from '../src/lib/csv';

test('commas, quotes and line ends are quoted, numbers are not', () => {
  assert.equal(csv([['a,b', 'say "hi"', 'x\ny', -1.5]]), '"a,b","say ""hi""","x\ny",-1.5\r\n');
});

test('a text that a spreadsheet would take for a formula is shown as text', () => {
  assert.equal(csv([['=1+1', '@x', 'Rye']]), "'=1+1,'@x,Rye\r\n");
});
