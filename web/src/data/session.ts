/* session: the settings, and who is signed in. */
import { batch, signal } from '@preact/signals';
import type { Session } from '@supabase/supabase-js';
import { client, makeClient, whenRefused } from './client';
import { forgetOwnFeedback } from './feedback';
import { startLive, stopLive, watchBrowser, whenOwnRowChanges } from './live';
import { chooseRange } from './reports';
import type { Config, Person, Role } from './rows';
import { closeUnsaved, openUnsaved, retryUnsaved } from './sales';
import * as s from './state';

export type Boot = 'starting' | 'ready' | 'failed';
export const boot = signal<Boot>('starting');

const SWITCHED_OFF = 'This account has been switched off. Ask the owner of the bakery if that is a mistake.';
const ENDED = 'Your session has ended. Please sign in again.';
let isLeaving = false;

export async function bootUp(): Promise<void> {
  boot.value = 'starting';
  try {
    const answer = await fetch('/api/config', { cache: 'no-store' });
    if (!answer.ok) throw new Error(String(answer.status));
    s.config.value = (await answer.json()) as Config;
  } catch {
    boot.value = 'failed';
    return;
  }
  whenRefused(() => void leave(SWITCHED_OFF));
  whenOwnRowChanges(onOwnRow);
  watchBrowser();
  s.connection.subscribe((c) => {
    if (c === 'live') retryUnsaved();
  });
  makeClient(s.config.value).auth.onAuthStateChange((_event, session) => {
    /* The SDK holds a lock while it calls back. */
    setTimeout(() => onSession(session), 0);
  });
}

function onSession(session: Session | null): void {
  if (session) enter(session);
  else if (s.me.peek()) exit(isLeaving ? '' : ENDED);
  boot.value = 'ready';
}

function enter(session: Session): void {
  if (s.me.peek()?.id === session.user.id) return;
  const { id, email, app_metadata, user_metadata } = session.user;
  s.signedOutBecause.value = '';
  s.me.value = {
    id,
    name: String(user_metadata.name ?? email ?? ''),
    role: (app_metadata.role ?? user_metadata.role ?? 'sales_rep') as Role,
  };
  openUnsaved(id);
  void startLive();
}

function exit(why: string): void {
  void stopLive();
  batch(() => {
    s.me.value = null;
    if (why) s.signedOutBecause.value = why;
    s.clearAll();
    chooseRange(null);
    closeUnsaved();
    forgetOwnFeedback();
  });
}

export async function signIn(email: string, password: string): Promise<string> {
  const { data, error } = await client().auth.signInWithPassword({ email: email.trim(), password });
  if (!error) {
    enter(data.session);
    return '';
  }
  if (error.code === 'invalid_credentials') return 'That email and password do not match. Please check both.';
  if (error.code === 'user_banned') return SWITCHED_OFF;
  if (error.status === 429) return 'Too many attempts. Please wait a minute, then try again.';
  if (!error.status) return 'The bakery’s server cannot be reached. Check your connection and try again.';
  return error.message;
}

export async function leave(why = ''): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  exit(why);
  try {
    await client().auth.signOut({ scope: 'local' });
  } finally {
    isLeaving = false;
  }
}

function onOwnRow(row: Person | null): void {
  const now = s.me.peek();
  if (!now) return;
  if (!row || !row.is_active) {
    void leave(SWITCHED_OFF);
    return;
  }
  if (row.name === now.name && row.role === now.role) return;
  s.me.value = { id: now.id, name: row.name, role: row.role };
  /* Another role sees other tables. */
  if (row.role !== now.role) void startLive();
}
