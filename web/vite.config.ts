import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

/* The pages run under `script-src 'self' 'wasm-unsafe-eval'; style-src 'self'`: nothing inline, no data: assets, and no
 * source maps in what is served. */
export default defineConfig({
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: {
    target: 'es2021',
    outDir: 'dist',
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
