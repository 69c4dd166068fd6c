/* The app shell: all that a first look needs.  Prints what it weighs compressed; more than the limit is a failure. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const LIMIT = 100 * 1024;
const dist = new URL('../dist/', import.meta.url);
const files = ['index.html', ...readdirSync(new URL('assets/', dist)).map((f) => `assets/${f}`)];
const sum = { gzip: 0, brotli: 0 };
for (const f of files) {
  const bytes = readFileSync(fileURLToPath(new URL(f, dist)));
  const [gzip, brotli] = [gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
  sum.gzip += gzip;
  sum.brotli += brotli;
  console.log(`${f}: ${bytes.length} bytes, ${gzip} with gzip, ${brotli} with brotli`);
}
const isOver = sum.gzip > LIMIT;
console.log(`${files.length} files of the pages: ${sum.gzip} bytes with gzip, ${sum.brotli} with brotli; at most ${LIMIT}`);
console.log(isOver ? '0 passed, 1 failed' : '1 passed, 0 failed');
process.exit(isOver ? 1 : 0);
