/* router: the path, as a signal.  Links inside the program do not load the page again. */
import { signal } from '@preact/signals';

export const path = signal(location.pathname);

export function navigate(to: string, replace = false): void {
  if (to === path.peek()) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  path.value = to;
  scrollTo(0, 0);
}

export function watchLinks(): void {
  addEventListener('popstate', () => {
    path.value = location.pathname;
  });
  document.addEventListener('click', (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element | null)?.closest?.('a[href^="/"]:not([target])');
    if (!a) return;
    e.preventDefault();
    navigate(a.getAttribute('href') ?? '/');
  });
}
