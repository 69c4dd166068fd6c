/* People: who may do what here.  The owner changes a role and switches an account off or on; it takes effect on their
 * screens at once. */
import { computed } from '@preact/signals';
import { useState } from 'preact/hooks';
import type { Person, Role } from '../data/rows';
import * as s from '../data/state';
import { changePerson } from '../data/write';
import { count, roleWords } from '../lib/words';
import { EditIcon } from '../ui/icons';
import { Choice, Confirm, Failed, FormError, PageHead, Sheet, Skeleton } from '../ui/parts';
import { say } from '../ui/toast';

type Standing = Partial<Pick<Person, 'role' | 'is_active'>>;

const ROLES = (['sales_rep', 'manager', 'owner'] as const).map((r) => [r, roleWords(r)] as const);
const RIGHTS: Record<Role, string> = {
  sales_rep: 'Sells, sees the inventory, leaves feedback.',
  manager: 'Also bakes, changes breads and entries, and reads the reports.',
  owner: 'May do everything, also change people.',
};

const byName = computed(() =>
  [...s.people.all].sort((a, b) => Number(b.is_active) - Number(a.is_active) || a.name.localeCompare(b.name)),
);

function inWords(p: Person, change: Standing): string {
  if (change.role) return `${p.name} is now ${roleWords(change.role).toLowerCase()}`;
  return change.is_active ? `${p.name} may sign in again` : `${p.name} is switched off`;
}

/* '' or what went wrong.  What was before is one touch away. */
async function apply(p: Person, change: Standing): Promise<string> {
  const before: Standing = change.role ? { role: p.role } : { is_active: p.is_active };
  const problem = await changePerson(p.id, change);
  if (problem) return problem;
  say(inWords(p, change), { action: { label: 'Undo', run: () => void takeBack(p, before) } });
  return '';
}

async function takeBack(p: Person, before: Standing): Promise<void> {
  const problem = await changePerson(p.id, before);
  if (problem) say('That could not be undone', { tone: 'bad', detail: problem });
  else say(inWords(p, before));
}

function PersonSheet({ person, onClose }: { person: Person; onClose: () => void }) {
  const [role, setRole] = useState<Role>(person.role);
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const run = async (change: Standing) => {
    setBusy(true);
    const problem = await apply(person, change);
    setBusy(false);
    setError(problem);
    if (!problem) onClose();
  };
  return (
    <Sheet title={person.name} onClose={onClose}>
      <Choice label="Role" isLabelSeen value={role} options={ROLES} onChange={setRole} />
      <p class="fine">{RIGHTS[role]}</p>
      <FormError text={error} />
      {role !== person.role && (
        <Confirm
          label="Change the role"
          question={`Make ${person.name} ${roleWords(role).toLowerCase()}? It counts at once.`}
          isBusy={isBusy}
          onYes={() => void run({ role })}
        />
      )}
      <div class="sheet-end">
        {person.is_active ? (
          <Confirm
            label="Switch off"
            question={`Switch ${person.name} off? Their screens are signed out at once.`}
            isBusy={isBusy}
            onYes={() => void run({ is_active: false })}
          />
        ) : (
          <button type="button" class="button" disabled={isBusy} onClick={() => void run({ is_active: true })}>
            Switch on again
          </button>
        )}
      </div>
    </Sheet>
  );
}

function PersonRow({ person, onEdit }: { person: Person; onEdit: () => void }) {
  const isSelf = person.id === s.me.value?.id;
  return (
    <li class={`entry ${person.is_active ? '' : 'entry-off'}`} data-person={person.id}>
      <div class="entry-main">
        <p class="entry-what">
          {person.name}
          {isSelf && ' (you)'}
        </p>
        <p class="entry-note">
          {roleWords(person.role)} · {person.is_active ? 'active' : 'switched off'}
        </p>
      </div>
      {!isSelf && (
        <button type="button" class="icon-button" aria-label={`Change ${person.name}`} onClick={onEdit}>
          <EditIcon />
        </button>
      )}
    </li>
  );
}

export function PeoplePage() {
  const [open, setOpen] = useState('');
  const loading = s.stockLoading.value;
  const person = s.people.get(open);
  return (
    <>
      <PageHead title="People">
        <p class="page-sub">{count(byName.value.filter((p) => p.is_active).length)} active</p>
      </PageHead>
      {loading.state === 'failed' && <Failed why={loading.why} />}
      {loading.state === 'loading' && <Skeleton count={4} kind="skeletons-list" />}
      {loading.state === 'ready' && (
        <ul class="entries card entries-wide">
          {byName.value.map((p) => (
            <PersonRow key={p.id} person={p} onEdit={() => setOpen(p.id)} />
          ))}
        </ul>
      )}
      {person && <PersonSheet key={person.id} person={person} onClose={() => setOpen('')} />}
    </>
  );
}
