/* account: who is signed in on this device, how it looks, and the way out. */
import { useState } from 'preact/hooks';
import { leave } from '../data/session';
import { me } from '../data/state';
import { chooseTheme, theme } from '../lib/theme';
import { roleWords } from '../lib/words';
import { PersonIcon, SignOutIcon } from './icons';
import { Choice, Sheet } from './parts';

const THEMES = [
  ['system', 'As the device'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

export function Account() {
  const [isOpen, setOpen] = useState(false);
  const m = me.value;
  if (!m) return null;
  return (
    <div class="who">
      <span class="who-name">{m.name}</span>
      <button
        type="button"
        class="icon-button"
        aria-label="Your account"
        title="Your account"
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <PersonIcon />
      </button>
      {isOpen && (
        <Sheet title={m.name} onClose={() => setOpen(false)}>
          <p class="sheet-facts">{roleWords(m.role)}</p>
          <Choice label="Colours" isLabelSeen value={theme.value} options={THEMES} onChange={chooseTheme} />
          {m.role === 'owner' && (
            <a class="button" href="/people" onClick={() => setOpen(false)}>
              <PersonIcon /> People
            </a>
          )}
          <button type="button" class="button" onClick={() => void leave()}>
            <SignOutIcon /> Sign out
          </button>
        </Sheet>
      )}
    </div>
  );
}
