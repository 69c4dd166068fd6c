/* theme: light or dark, by the system or as somebody has chosen on this device. */
import { computed, effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'homebake-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const isSystemDark = signal(system.matches);

function kept(): Theme {
  try {
    const is = localStorage.getItem(KEY);
    return is === 'light' || is === 'dark' ? is : 'system';
  } catch {
    return 'system';
  }
}

export const theme = signal<Theme>(kept());
const isPrinting = signal(false);
export const shownTheme = computed(() => {
  if (isPrinting.value) return 'light';
  return theme.value === 'system' ? (isSystemDark.value ? 'dark' : 'light') : theme.value;
});

export function chooseTheme(t: Theme): void {
  theme.value = t;
  try {
    localStorage.setItem(KEY, t);
  } catch {
    /* It lasts as long as the page. */
  }
}

export function watchTheme(): void {
  system.addEventListener('change', () => {
    isSystemDark.value = system.matches;
  });
  addEventListener('beforeprint', () => (isPrinting.value = true));
  addEventListener('afterprint', () => (isPrinting.value = false));
  effect(() => {
    document.documentElement.dataset.theme = shownTheme.value;
  });
}
