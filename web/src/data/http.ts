/* http: one request to the bakery's server and its answer.  Every request has an end: an answer, or a failure in words.
 * Knows nothing of who is signed in. */
import { clockOffset } from './state';

const TIMEOUT_MS = 12_000;

/* status 0: no answer came, so a write may or may not have been done. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
  get isUnknown(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

export interface Answer<T> {
  body: T;
  /* What the answer is true for; 0 where the server does not say. */
  seq: number;
}

export interface Request {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  headers?: Record<string, string>;
  body?: unknown;
}

/* The server's clock, in whole seconds. */
function noteClock(answer: Response): void {
  const at = Date.parse(answer.headers.get('Date') ?? '');
  if (!Number.isNaN(at)) clockOffset.value = at + 500 - Date.now();
}

/* Half to one and a half times the step, so that a restarted server does not meet everybody at once. */
export function jittered(ms: number): number {
  return Math.round(ms * (0.5 + Math.random()));
}

/* Throws Failure and nothing else. */
export async function ask<T>(path: string, request: Request = {}): Promise<Answer<T>> {
  const { method = 'GET', headers = {}, body } = request;
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      cache: 'no-store',
      signal: control.signal,
    });
    const text = await answer.text();
    noteClock(answer);
    if (!answer.ok) throw failureOf(answer.status, text);
    return { body: parse<T>(answer.status, text), seq: Number(answer.headers.get('HomeBake-Seq') ?? 0) };
  } catch (e) {
    if (e instanceof Failure) throw e;
    throw new Failure(
      0,
      control.signal.aborted ? 'TIMEOUT' : 'NETWORK',
      control.signal.aborted
        ? 'The server did not answer in time.'
        : 'The bakery’s server cannot be reached. Check your connection.',
    );
  } finally {
    clearTimeout(timer);
  }
}

function parse<T>(status: number, text: string): T {
  if (!text) return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Failure(status, 'BAD_ANSWER', 'The server’s answer could not be read.');
  }
}

/* REST says code and message, the sign-in error_code and msg. */
function failureOf(status: number, text: string): Failure {
  let said: { code?: unknown; error_code?: unknown; message?: unknown; msg?: unknown } = {};
  try {
    const read = JSON.parse(text) as unknown;
    if (read && typeof read === 'object') said = read;
  } catch {
    /* Something in between answered, not the bakery's server. */
  }
  const code = said.error_code ?? said.code ?? status;
  const message = said.message ?? said.msg ?? `The server answered ${status}.`;
  return new Failure(status, String(code), String(message));
}
