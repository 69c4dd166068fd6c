import { useEffect, useRef, useState } from 'preact/hooks';
import { ownFeedbackLoading, watchOwnFeedback } from '../data/feedback';
import type { Feedback } from '../data/rows';
import * as s from '../data/state';
import { addFeedback, changeFeedback, UNREACHABLE } from '../data/write';
import type { Shift } from '../lib/clock';
import { uuid } from '../lib/uuid';
import { relativeDay, shiftWords, timeWords } from '../lib/words';
import { EditIcon } from '../ui/icons';
import { Empty, Failed, Field, FormError, PageHead, Sheet, ShiftChoice, Skeleton } from '../ui/parts';
import { useSaving } from '../ui/saving';
import { say } from '../ui/toast';

const NOTE_MAX = 2000;
const SHOWN_MAX = 50;

function FeedbackForm() {
  const [note, setNote] = useState('');
  const [shift, setShift] = useState<Shift>(s.shift.value);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const id = useRef(uuid());
  useEffect(() => setShift(s.shift.value), [s.shift.value]);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (!note.trim()) {
      setError('Please write a few words first.');
      return;
    }
    setBusy(true);
    setError('');
    const problem = await addFeedback(id.current, { shift, note: note.trim() });
    setBusy(false);
    if (problem) {
      if (problem !== UNREACHABLE) id.current = uuid();
      setError(problem);
      return;
    }
    id.current = uuid();
    setNote('');
    say('Thank you, your feedback is saved');
  };
  return (
    <form class="card form" noValidate onSubmit={(e) => void submit(e)}>
      <ShiftChoice value={shift} onChange={setShift} />
      <Field
        label="What should be known about this shift?"
        hint={
          note.length > NOTE_MAX - 200
            ? `${NOTE_MAX - note.length} characters left`
            : 'The owner and the manager read it.'
        }
      >
        {(a) => (
          <textarea
            {...a}
            rows={5}
            maxLength={NOTE_MAX}
            value={note}
            onInput={(e) => setNote(e.currentTarget.value)}
          />
        )}
      </Field>
      <FormError text={error} />
      <button type="submit" class="button button-main button-big" disabled={isBusy}>
        {isBusy ? 'Saving…' : 'Leave feedback'}
      </button>
    </form>
  );
}

function NoteEditor({ entry, onClose }: { entry: Feedback; onClose: () => void }) {
  const [note, setNote] = useState(entry.note);
  const { error, setError, isBusy, run } = useSaving(onClose);
  const save = (e: Event) => {
    e.preventDefault();
    if (note.trim()) void run(changeFeedback(entry.id, { note: note.trim() }), 'Feedback changed');
    else setError('Please write a few words.');
  };
  return (
    <Sheet title="Change your feedback" onClose={onClose}>
      <form class="form" noValidate onSubmit={save}>
        <Field label="Feedback">
          {(a) => (
            <textarea
              {...a}
              rows={6}
              maxLength={NOTE_MAX}
              value={note}
              onInput={(e) => setNote(e.currentTarget.value)}
            />
          )}
        </Field>
        <FormError text={error} />
        <button type="submit" class="button button-main button-big" disabled={isBusy}>
          Save the change
        </button>
      </form>
    </Sheet>
  );
}

export function newestFirst(list: Iterable<Feedback>): Feedback[] {
  return [...list].sort((a, b) =>
    a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.id < b.id ? 1 : -1,
  );
}

function OwnNotes() {
  const [editing, setEditing] = useState<string | null>(null);
  const loading = ownFeedbackLoading.value;
  if (loading.state === 'failed') return <Failed why={loading.why} />;
  if (loading.state === 'loading') return <Skeleton count={3} kind="skeletons-list" />;
  const list = newestFirst(s.ownFeedback.all).slice(0, SHOWN_MAX);
  const entry = editing ? s.ownFeedback.get(editing) : undefined;
  if (list.length === 0)
    return (
      <Empty title="You have left no feedback yet">
        <p>A word at the end of a shift helps the next one.</p>
      </Empty>
    );
  return (
    <>
      <ul class="entries card">
        {list.map((f) => (
          <li key={f.id} class="entry" data-feedback={f.id}>
            <div class="entry-main">
              <p class="entry-text">{f.note}</p>
              <p class="entry-note">
                {relativeDay(f.business_day, s.day.value)} {timeWords(f.created_at)} · {shiftWords(f.shift)}{' '}
                shift
              </p>
            </div>
            <button
              type="button"
              class="icon-button"
              aria-label={`Change your feedback of ${relativeDay(f.business_day, s.day.value)} ${timeWords(f.created_at)}`}
              onClick={() => setEditing(f.id)}
            >
              <EditIcon />
            </button>
          </li>
        ))}
      </ul>
      {entry && <NoteEditor key={entry.id} entry={entry} onClose={() => setEditing(null)} />}
    </>
  );
}

export function FeedbackPage() {
  const id = s.me.value?.id ?? '';
  useEffect(() => watchOwnFeedback(id), [id]);
  return (
    <>
      <PageHead title="Feedback" />
      <div class="two-columns">
        <FeedbackForm />
        <section aria-labelledby="own-title">
          <div class="section-head">
            <h2 id="own-title">Your feedback</h2>
          </div>
          <OwnNotes />
        </section>
      </div>
    </>
  );
}
