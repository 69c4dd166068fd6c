/* core: the client core of bindings/wasm, and its memory.  One instance for each client: what goes wrong in
 * one touches no other.  The numbers are those of include/homebake/client.h and bindings/wasm/exports.c. */

export const Act = {
  open: 1,
  close: 2,
  send: 3,
  fetch: 4,
  cancel: 5,
  token: 6,
  status: 7,
  frame: 8,
  rows: 9,
  state: 10,
  trouble: 11,
} as const;

export interface Exports {
  memory: WebAssembly.Memory;
  hb_out(): number;
  hb_alloc(size: number): number;
  hb_free(at: number): void;
  hb_new(key: number, size: number, seed: number, flags: number, hiddenCloseMs: number, now: number): number;
  hb_end(c: number): void;
  hb_start(c: number, now: number): void;
  hb_stop(c: number, now: number): void;
  hb_subscribe(c: number, texts: number, priority: number, now: number): number;
  hb_unsubscribe(c: number, subscriber: number, now: number): void;
  hb_retry(c: number, subscriber: number, now: number): void;
  hb_refresh(c: number, now: number): void;
  hb_opened(c: number, connection: number, now: number): void;
  hb_message(c: number, connection: number, data: number, size: number, now: number): void;
  hb_closed(c: number, connection: number, code: number, now: number): void;
  hb_fetched(c: number, request: number, status: number, seq: number, texts: number, now: number): void;
  hb_set_token(c: number, data: number, size: number, expiresInMs: number, now: number): void;
  hb_set_online(c: number, is: number, now: number): void;
  hb_set_visible(c: number, is: number, now: number): void;
  hb_frame(c: number, now: number): void;
  hb_tick(c: number, now: number): void;
  hb_next(c: number): number;
  hb_deadline(c: number): number;
  hb_row(c: number, index: number): number;
  hb_status_of(c: number, now: number): void;
}

export interface Text {
  at: number;
  size: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Core {
  readonly call: Exports;
  private readonly out: number;

  constructor(module: WebAssembly.Module) {
    this.call = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.out = this.call.hb_out();
  }

  /* A word of what was asked last.  The memory may have grown and moved since, so no view is kept. */
  word(index: number): number {
    return new DataView(this.call.memory.buffer).getUint32(this.out + 4 * index, true);
  }

  text(index: number): string {
    const size = this.word(index + 1);
    return size ? decoder.decode(new Uint8Array(this.call.memory.buffer, this.word(index), size)) : '';
  }

  /* Gives `use` the texts in the core's memory, and the place of a table of them; false: no memory. */
  lend(texts: string[], use: (table: number, first: Text) => void): boolean {
    const table = 8 * texts.length;
    const at = this.call.hb_alloc(texts.reduce((n, t) => n + 3 * t.length, table)) >>> 0;
    if (!at) return false;
    try {
      const view = new DataView(this.call.memory.buffer);
      let to = at + table;
      texts.forEach((t, i) => {
        const room = new Uint8Array(this.call.memory.buffer, to, 3 * t.length);
        const { written } = encoder.encodeInto(t, room);
        view.setUint32(at + 8 * i, to, true);
        view.setUint32(at + 8 * i + 4, written, true);
        to += written;
      });
      use(at, { at: view.getUint32(at, true), size: view.getUint32(at + 4, true) });
    } finally {
      this.call.hb_free(at);
    }
    return true;
  }
}

let compiled: Promise<WebAssembly.Module> | undefined;

/* Compiled once for the page; one that could not be loaded is asked for again the next time. */
export function loadModule(url: string): Promise<WebAssembly.Module> {
  compiled ??= WebAssembly.compileStreaming(fetch(url)).catch((e: unknown) => {
    compiled = undefined;
    throw e;
  });
  return compiled;
}
