/* feedback: the signed-in person's own notes, for the feedback page. */
import { signal } from '@preact/signals';
import { client } from './client';
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
  const { data, error } = await client()
    .from('shift_feedback')
    .select('*')
    .eq('user_id', id)
    .order('created_at', { ascending: false })
    .limit(OWN_MAX);
  if (error) {
    ownFeedback.abort();
    if (ownFeedbackLoading.peek().state !== 'ready')
      ownFeedbackLoading.value = { state: 'failed', why: error.message };
    throw new Error(error.message);
  }
  ownFeedback.commit(data as Feedback[]);
  ownFeedbackLoading.value = { state: 'ready' };
}
