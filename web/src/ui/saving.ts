/* The state of a form that saves: busy while a write is under way, and why the last one failed, in words. */
import { useState } from 'preact/hooks';
import { say } from './toast';

export interface Saving {
  error: string;
  setError: (text: string) => void;
  isBusy: boolean;
  /* Waits for a write, which gives '' or what went wrong; on success calls `onDone` and says `done`. */
  run: (work: Promise<string>, done: string) => Promise<void>;
}

export function useSaving(onDone: () => void): Saving {
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const run = async (work: Promise<string>, done: string) => {
    setBusy(true);
    setError('');
    const problem = await work;
    setBusy(false);
    setError(problem);
    if (problem) return;
    onDone();
    say(done);
  };
  return { error, setError, isBusy, run };
}
