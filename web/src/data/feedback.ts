/* feedback: the signed-in person's own notes, for the feedback page. */
import { signal } from '@preact/signals';
import { select } from './rest';
import type { Feedback } from './rows';
import { me, ownFeedback, type Loading } from './state';

const OWN_MAX = 50;
export const ownFeedbackLoading = signal<Loading>({ state: 'loading' });
let isWanted = false;

export function wantOwnFeedback(): void {
  if (isWanted && ownFeedbackLoading.peek().state === 'ready') return;
  isWanted = true;
  reloadOwnFeedback().catch(() => {});
}

export function forgetOwnFeedback(): void {
  isWanted = false;
  ownFeedbackLoading.value = { state: 'loading' };
}

export async function reloadOwnFeedback(): Promise<void> {
  const id = me.peek()?.id;
  if (!isWanted || !id) return;
  ownFeedback.begin((row) => row.user_id === id);
  try {
    const { body } = await select<Feedback>('shift_feedback', [
      ['select', '*'],
      ['user_id', `eq.${id}`],
      ['order', 'created_at.desc'],
      ['limit', OWN_MAX],
    ]);
    ownFeedback.commit(body);
    ownFeedbackLoading.value = { state: 'ready' };
  } catch (e) {
    ownFeedback.abort();
    if (ownFeedbackLoading.peek().state !== 'ready')
      ownFeedbackLoading.value = { state: 'failed', why: e instanceof Error ? e.message : String(e) };
    throw e;
  }
}
