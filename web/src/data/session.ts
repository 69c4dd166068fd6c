/* session: the settings, and who is signed in. */
import { batch, signal } from '@preact/signals';
import { openAuth, signInWithPassword, signOut, type Session } from './auth';
import { ask, Failure, jittered } from './http';
import { renewToken, startLive, stopLive, whenOwnRowChanges } from './live';
import type { Config, Person, Role } from './rows';
import { closeUnsaved, openUnsaved, retryUnsaved } from './sales';
import * as s from './state';

export type Boot = 'starting' | 'ready' | 'failed';
export const boot = signal<Boot>('starting');

const SWITCHED_OFF = 'This account has been switched off. Ask the owner of the bakery if that is a mistake.';
const ENDED = 'Your session has ended. Please sign in again.';
const BOOT_AGAIN_MS = 5000;
let isLeaving = false;

export async function bootUp(): Promise<void> {
  if (boot.peek() === 'ready') return;
  boot.value = 'starting';
  try {
    s.config.value = (await ask<Config>('/api/config')).body;
  } catch {
    boot.value = 'failed';
    bootAgain();
    return;
  }
  whenOwnRowChanges(onOwnRow);
  s.connection.subscribe((c) => {
    if (c === 'live') retryUnsaved();
  });
  await openAuth(s.config.value.anon_key, onSession, () => void leave(SWITCHED_OFF));
}

/* Tried again by itself: when the network is back, and now and then. */
function bootAgain(): void {
  const again = () => {
    removeEventListener('online', again);
    clearTimeout(timer);
    if (boot.peek() === 'failed') void bootUp();
  };
  const timer = setTimeout(again, jittered(BOOT_AGAIN_MS));
  addEventListener('online', again);
}

function onSession(session: Session | null): void {
  if (session) enter(session);
  else if (s.me.peek()) exit(isLeaving ? '' : ENDED);
  /* Behind what was begun just now: the first rendering takes a slow phone long, and the connection need not wait for it. */
  setTimeout(() => {
    boot.value = 'ready';
  });
}

function enter(session: Session): void {
  if (s.me.peek()?.id === session.user.id) {
    renewToken();
    return;
  }
  /* Another tab of this browser has signed somebody else in. */
  if (s.me.peek()) exit('');
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
  batch(() => {
    s.me.value = null;
    if (why) s.signedOutBecause.value = why;
    stopLive();
    closeUnsaved();
  });
}

export async function signIn(email: string, password: string): Promise<string> {
  try {
    await signInWithPassword(email.trim(), password);
    return '';
  } catch (e) {
    if (!(e instanceof Failure)) throw e;
    if (e.code === 'invalid_credentials') return 'That email and password do not match. Please check both.';
    if (e.code === 'user_banned') return SWITCHED_OFF;
    if (e.status === 429) return 'Too many attempts. Please wait a minute, then try again.';
    return e.message;
  }
}

export async function leave(why = ''): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  exit(why);
  try {
    await signOut();
  } finally {
    isLeaving = false;
  }
}

function onOwnRow(row: Person | undefined): void {
  const now = s.me.peek();
  if (!now) return;
  if (!row || !row.is_active) {
    void leave(SWITCHED_OFF);
    return;
  }
  if (row.name === now.name && row.role === now.role) return;
  s.me.value = { id: now.id, name: row.name, role: row.role };
}
