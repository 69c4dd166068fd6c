/* Builds the tests with esbuild (it comes with Vite) and runs them with Node's own runner. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const { buildSync } = createRequire(require.resolve('vite'))('esbuild');
const out = mkdtempSync(join(here, '..', 'node_modules', '.tests-'));
try {
  buildSync({
    entryPoints: readdirSync(here)
      .filter((f) => f.endsWith('.test.ts'))
      .map((f) => join(here, f)),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    loader: { '.wasm': 'file' },
    outExtension: { '.js': '.mjs' },
    outdir: out,
  });
  const files = readdirSync(out)
    .filter((f) => f.endsWith('.mjs'))
    .map((f) => join(out, f));
  process.exitCode = spawnSync(process.execPath, ['--test', ...files], {
    stdio: 'inherit',
    cwd: join(here, '..'),
  }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
