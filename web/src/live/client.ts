/* client: live tables for a page.  The core (C, as WebAssembly) decides; this gives it the browser's WebSocket,
 * fetch, one timer, frames, and the news of network and visibility, and releases all of it on close(). */
import { batch, signal, type ReadonlySignal } from '@preact/signals';
import { Act, Core, loadModule } from './core';
import wasmUrl from './client.wasm?url';

export type Event = '*' | 'INSERT' | 'UPDATE' | 'DELETE';
export type Priority = 'high' | 'medium' | 'low';
export type SubscriptionState = 'waiting' | 'joining' | 'loading' | 'live' | 'failed';
export type Row = Record<string, unknown>;
export type ErrorCode = (typeof ERRORS)[number];

export interface Query {
  table: string;
  event?: Event;
  filter?: string;
  /* Columns of the primary key, with commas; "id" when there is none. */
  key?: string;
  priority?: Priority;
}

export interface Change<R = Row> {
  op: 'insert' | 'update' | 'delete';
  key: string;
  row: R;
}

export interface Handlers<R = Row> {
  /* `isWhole`: forget the rows had before; these are all there are.  `seq`: the change of the server's log that the
   * rows are now true for, as HomeBake-Seq in the server's answers. */
  onRows(changes: Change<R>[], isWhole: boolean, seq: number): void;
  onState?(state: SubscriptionState): void;
  onError?(error: LiveError | Error): void;
}

/* What the core says of a subscription. */
export class LiveError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/* `contactAgeMs` and `retryInMs` are as of when this was told, and do not count by themselves: `refreshStatus`. */
export interface Status {
  state: 'offline' | 'connecting' | 'live' | 'stale' | 'waiting';
  reason: 'none' | 'stopped' | 'network' | 'hidden' | 'lost';
  contactAgeMs: number | null;
  latencyMs: number | null;
  retries: number;
  retryInMs: number | null;
  subscriptions: number;
  live: number;
  failed: number;
  /* The last trouble; '' after a stable minute. */
  error: string;
}

export interface Token {
  token: string;
  /* None: for ever. */
  expiresInMs?: number;
}

export interface Options {
  /* http(s)://host, without a path. */
  url: string;
  apikey: string;
  token(): Token | Promise<Token>;
  autoReconnect?: boolean;
  /* Give the connection up after so long in a hidden page; none: keep it. */
  hiddenCloseMs?: number;
  /* What no handler of a subscription takes. */
  onError?(error: Error): void;
  /* The compiled core; none: the page's own. */
  module?: WebAssembly.Module;
}

export interface Client {
  status: ReadonlySignal<Status>;
  subscribe<R = Row>(query: Query, handlers: Handlers<R>): () => void;
  /* What has failed, and the connection, at once. */
  retry(): void;
  /* All copies are compared with the server's tables.  Another role of the user needs no such call. */
  refresh(): void;
  /* Makes `status` that of this moment. */
  refreshStatus(): void;
  /* After a sign-in or a new token of the app's own. */
  setToken(token: Token): void;
  close(): void;
}

const STATES = ['offline', 'connecting', 'live', 'stale', 'waiting'] as const;
const REASONS = ['none', 'stopped', 'network', 'hidden', 'lost'] as const;
const SUBSCRIPTION = ['waiting', 'joining', 'loading', 'live', 'failed'] as const;
const ERRORS = [
  ...(['none', 'memory', 'invalid', 'limit', 'unknown', 'network'] as const),
  ...(['silent', 'refused', 'denied', 'protocol', 'server'] as const),
] as const;
const PRIORITY = { high: 0, medium: 1, low: 2 } as const;
const OPS = ['insert', 'update', 'delete'] as const;
const SUBSCRIBE_ERRORS: Record<number, string> = {
  1: 'There is no memory for another subscription.',
  2: 'The table, event, filter or key of the subscription cannot be read.',
  3: 'There are too many subscriptions.',
};
const TIMER_MAX_MS = 0x7fffffff;
const TOKEN_RETRY_MS = 2000;
const NO_TIME = 0xffffffff;

const asError = (e: unknown) => (e instanceof Error ? e : new Error(String(e)));
const time = (word: number) => (word === NO_TIME ? null : word);

/* Loads and compiles the core, so that a client made later need not wait for it. */
export async function preload(): Promise<void> {
  await loadModule(wasmUrl);
}

export async function createClient(options: Options): Promise<Client> {
  return new LiveClient(options, new Core(options.module ?? (await loadModule(wasmUrl))));
}

class LiveClient implements Client {
  readonly status = signal<Status>({
    state: 'connecting',
    reason: 'none',
    contactAgeMs: null,
    latencyMs: null,
    retries: 0,
    retryInMs: null,
    subscriptions: 0,
    live: 0,
    failed: 0,
    error: '',
  });
  private c = 0;
  private isPumping = false;
  private readonly handlers = new Map<number, Handlers<never>>();
  private readonly sockets = new Map<number, WebSocket>();
  private readonly requests = new Map<number, AbortController>();
  private readonly surroundings = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tokenTimer: ReturnType<typeof setTimeout> | undefined;
  private isFrameAsked = false;
  /* From when rows are to be handed out at once until the frame that shows them. */
  private isShowing = false;
  private frame = 0;
  private readonly soon = new MessageChannel();

  constructor(
    private readonly options: Options,
    private readonly core: Core,
  ) {
    const flags = (options.autoReconnect === false ? 1 : 0) | (options.hiddenCloseMs === undefined ? 0 : 2);
    const seed = Math.floor(Math.random() * 0x100000000);
    core.lend([options.apikey], (_, key) => {
      this.c = core.call.hb_new(key.at, key.size, seed, flags, options.hiddenCloseMs ?? 0, Date.now());
    });
    if (!this.c) throw new Error('The live client could not be made: no memory, or a setting out of range.');
    this.soon.port1.onmessage = () => this.handOut();
    this.watchBrowser();
    this.tell((now) => core.call.hb_start(this.c, now));
  }

  subscribe<R>(query: Query, handlers: Handlers<R>): () => void {
    let subscriber = 0;
    let error = 1;
    const texts = [query.table, query.event ?? '*', query.filter ?? '', query.key ?? ''];
    this.tell((now) => {
      this.core.lend(texts, (table) => {
        error = this.core.call.hb_subscribe(this.c, table, PRIORITY[query.priority ?? 'medium'], now);
        subscriber = this.core.word(0);
      });
      if (!error) this.handlers.set(subscriber, handlers as unknown as Handlers<never>);
    });
    if (error) throw new Error(SUBSCRIBE_ERRORS[error] ?? 'The subscription could not be made.');
    return () => {
      if (this.handlers.delete(subscriber))
        this.tell((now) => this.core.call.hb_unsubscribe(this.c, subscriber, now));
    };
  }

  retry(): void {
    this.tell((now) => this.core.call.hb_retry(this.c, 0, now));
  }

  refresh(): void {
    this.tell((now) => this.core.call.hb_refresh(this.c, now));
  }

  setToken({ token, expiresInMs }: Token): void {
    this.tell((now) => {
      this.core.lend([token], (_, t) =>
        this.core.call.hb_set_token(this.c, t.at, t.size, expiresInMs ?? -1, now),
      );
    });
  }

  close(): void {
    if (!this.c) return;
    this.handlers.clear();
    this.tell((now) => this.core.call.hb_stop(this.c, now));
    this.release();
  }

  /* ---- the core ---- */

  private tell(news: (now: number) => void): void {
    if (!this.c) return;
    try {
      news(Date.now());
      /* A handler that tells something is inside the loop that carries its consequences out. */
      if (!this.isPumping) this.pump();
    } catch (e) {
      /* The core stopped itself: nothing it says can be trusted any more. */
      this.release(false);
      this.status.value = { ...this.status.value, state: 'offline', reason: 'lost', error: asError(e).message };
      this.report(e);
    }
  }

  private pump(): void {
    this.isPumping = true;
    try {
      /* At the end of a batch effects run, and may have told the core more. */
      for (let type = this.next(); type; type = this.next())
        batch(() => {
          for (; type; type = this.next()) this.act(type);
        });
    } finally {
      this.isPumping = false;
    }
    if (this.c) this.setTimer();
  }

  private next(): number {
    return this.c ? this.core.call.hb_next(this.c) : 0;
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    const due = this.core.call.hb_deadline(this.c);
    if (due === Infinity) return;
    const wait = Math.min(Math.max(due - Date.now(), 0), TIMER_MAX_MS);
    this.timer = setTimeout(() => this.tell((now) => this.core.call.hb_tick(this.c, now)), wait);
  }

  private act(type: number): void {
    const id = this.core.word(1);
    const code = this.core.word(2);
    if (type === Act.open) this.open(id, this.core.text(6));
    else if (type === Act.close) this.drop(id, code);
    else if (type === Act.send) this.send(id, this.core.text(6));
    else if (type === Act.fetch) void this.fetch(id, this.core.text(6), this.core.text(8), code);
    else if (type === Act.cancel) this.cancel(id);
    else if (type === Act.token) void this.askToken();
    else if (type === Act.status) this.readStatus();
    else if (type === Act.frame) this.askFrame();
    else if (type === Act.rows) this.rows(id, this.core.word(3), this.core.word(4) !== 0);
    else if (type === Act.state) this.guard(id, (h) => h.onState?.(SUBSCRIPTION[code] ?? 'failed'));
    else if (type === Act.trouble) this.fault(id, this.trouble());
  }

  /* ---- the connection ---- */

  private open(id: number, path: string): void {
    const closed = (code: number) => {
      if (this.sockets.delete(id)) this.tell((now) => this.core.call.hb_closed(this.c, id, code, now));
    };
    try {
      const ws = new WebSocket(this.options.url.replace(/^http/, 'ws') + path);
      this.sockets.set(id, ws);
      ws.onopen = () => this.tell((now) => this.core.call.hb_opened(this.c, id, now));
      ws.onmessage = (m: MessageEvent) => this.hear(id, m.data);
      ws.onclose = (e: CloseEvent) => closed(e.code);
      ws.onerror = () => {};
    } catch {
      this.tell((now) => this.core.call.hb_closed(this.c, id, 1006, now));
    }
  }

  private hear(id: number, data: unknown): void {
    if (typeof data !== 'string') return;
    this.tell((now) => {
      const isHeard = this.core.lend([data], (_, t) =>
        this.core.call.hb_message(this.c, id, t.at, t.size, now),
      );
      if (isHeard) return;
      /* A message that is lost must not be passed over: the next connection resumes before it. */
      this.drop(id, 1000);
      this.core.call.hb_closed(this.c, id, 1009, now);
    });
  }

  private send(id: number, text: string): void {
    const ws = this.sockets.get(id);
    if (ws?.readyState === 1) ws.send(text);
  }

  private drop(id: number, code: number): void {
    const ws = this.sockets.get(id);
    if (!ws) return;
    this.sockets.delete(id);
    ws.onopen = ws.onmessage = ws.onclose = null;
    /* Of the standard's codes a page may give 1000 only. */
    ws.close(code >= 3000 && code < 5000 ? code : 1000);
  }

  /* ---- snapshots and tokens ---- */

  private async fetch(id: number, path: string, token: string, max: number): Promise<void> {
    const abort = new AbortController();
    this.requests.set(id, abort);
    let status = 0;
    let [seq, epoch, body] = [0, '', ''];
    try {
      const headers = { apikey: this.options.apikey, Authorization: `Bearer ${token}` };
      const r = await fetch(this.options.url + path, { headers, signal: abort.signal, cache: 'no-store' });
      const text = await readAtMost(r, max);
      seq = Number(r.headers.get('HomeBake-Seq') ?? 0);
      epoch = r.headers.get('HomeBake-Epoch') ?? '';
      [status, body] = text === null ? [413, ''] : [r.status, text];
    } catch {
      status = 0;
    }
    if (!this.requests.delete(id)) return;
    this.tell((now) => {
      const answer = (table: number) => this.core.call.hb_fetched(this.c, id, status, seq, table, now);
      if (!this.core.lend([epoch, body], answer)) {
        status = 0;
        this.core.lend(['', ''], answer);
      }
    });
  }

  private cancel(id: number): void {
    const abort = this.requests.get(id);
    this.requests.delete(id);
    abort?.abort();
  }

  private async askToken(): Promise<void> {
    clearTimeout(this.tokenTimer);
    try {
      this.setToken(await this.options.token());
    } catch (e) {
      if (!this.c) return;
      this.report(e);
      this.tokenTimer = setTimeout(() => void this.askToken(), TOKEN_RETRY_MS);
    }
  }

  /* ---- what is told ---- */

  private trouble(): LiveError {
    return new LiveError(ERRORS[this.core.word(5)] ?? 'unknown', this.core.text(6));
  }

  private rows(id: number, count: number, isWhole: boolean): void {
    const seq = this.core.word(10) + this.core.word(11) * 2 ** 32;
    const changes: Change<never>[] = [];
    for (let i = 0; i < count; i++) {
      const op = OPS[this.core.call.hb_row(this.c, i) - 1] ?? 'update';
      try {
        changes.push({ op, key: this.core.text(0), row: JSON.parse(this.core.text(2)) as never });
      } catch (e) {
        this.fault(id, asError(e));
      }
    }
    this.guard(id, (h) => h.onRows(changes, isWhole, seq));
  }

  /* A handler that fails is told so, and is called again the next time. */
  private guard(id: number, f: (h: Handlers<never>) => void): void {
    const h = this.handlers.get(id);
    if (!h) return;
    try {
      f(h);
    } catch (e) {
      this.fault(id, asError(e));
    }
  }

  private fault(id: number, error: Error): void {
    try {
      const onError = this.handlers.get(id)?.onError;
      if (onError) onError(error);
      else this.report(error);
    } catch (e) {
      this.report(e);
    }
  }

  private report(e: unknown): void {
    try {
      if (this.options.onError) this.options.onError(asError(e));
      else console.error(e);
    } catch (worse) {
      console.error(worse);
    }
  }

  refreshStatus(): void {
    if (this.c) this.readStatus();
  }

  private readStatus(): void {
    this.core.call.hb_status_of(this.c, Date.now());
    const w = (i: number) => this.core.word(i);
    this.status.value = {
      state: STATES[w(0)] ?? 'offline',
      reason: REASONS[w(1)] ?? 'none',
      contactAgeMs: time(w(2)),
      latencyMs: time(w(3)),
      retries: w(4),
      retryInMs: time(w(5)),
      subscriptions: w(6),
      live: w(7),
      failed: w(8),
      error: w(9) ? this.core.text(10) : '',
    };
  }

  /* What comes after quiet is handed out at once, behind the messages that are here already; what comes before the frame
   * that shows it waits for that frame, and so on: between two frames rows are handed out once.  A hidden page gets no
   * frames: there the core's longest wait for one, a tick, hands the rows out. */
  private askFrame(): void {
    this.isFrameAsked = true;
    if (this.isShowing || typeof requestAnimationFrame === 'undefined') return;
    this.isShowing = true;
    this.soon.port2.postMessage(0);
  }

  private handOut(): void {
    this.isShowing = this.isFrameAsked;
    this.isFrameAsked = false;
    if (!this.isShowing) return;
    this.frame = requestAnimationFrame(() => this.handOut());
    this.tell((now) => this.core.call.hb_frame(this.c, now));
  }

  /* ---- the browser ---- */

  private watchBrowser(): void {
    if (typeof document === 'undefined') return;
    const { signal } = this.surroundings;
    const { call } = this.core;
    const network = () => this.tell((now) => call.hb_set_online(this.c, navigator.onLine ? 1 : 0, now));
    const visibility = () => this.tell((now) => call.hb_set_visible(this.c, document.hidden ? 0 : 1, now));
    addEventListener('online', network, { signal });
    addEventListener('offline', network, { signal });
    document.addEventListener('visibilitychange', visibility, { signal });
    network();
    visibility();
  }

  private release(isSound = true): void {
    const c = this.c;
    this.c = 0;
    this.surroundings.abort();
    clearTimeout(this.timer);
    clearTimeout(this.tokenTimer);
    if (this.frame) cancelAnimationFrame(this.frame);
    this.soon.port1.close();
    for (const id of [...this.sockets.keys()]) this.drop(id, 1000);
    for (const id of [...this.requests.keys()]) this.cancel(id);
    this.handlers.clear();
    if (isSound) this.core.call.hb_end(c);
  }
}

/* Null: there is more. */
async function readAtMost(r: Response, max: number): Promise<string | null> {
  const reader = r.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > max) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}
