/* feedback: the signed-in person's own notes, watched while the feedback page is open. */
import { want } from './group';
import { makeGroup } from './live';
import { ownFeedback } from './state';

const group = makeGroup();
export const ownFeedbackLoading = group.loading;

export function watchOwnFeedback(id: string): () => void {
  group.set([want(ownFeedback, { table: 'shift_feedback', filter: `user_id=eq.${id}` })]);
  return () => group.clear();
}
