/* app: the frame around the pages, and which page a path is. */
import type { FunctionComponent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { boot, bootUp } from './data/session';
import { config, day, leads, me, shift } from './data/state';
import { navigate, path } from './lib/router';
import { dayWords, shiftWords } from './lib/words';
import { BakePage } from './pages/bake';
import { BreadsPage } from './pages/breads';
import { FeedbackPage } from './pages/feedback';
import { InventoryPage } from './pages/inventory';
import { PeoplePage } from './pages/people';
import { SellPage } from './pages/sell';
import { SignInPage } from './pages/signin';
import { Account } from './ui/account';
import { Boundary } from './ui/boundary';
import { ConnectionStatus } from './ui/connection';
import { BakeIcon, LoafIcon, NoteIcon, PersonIcon, ReportIcon, SellIcon, StockIcon } from './ui/icons';
import { Failed, PageHead, ShiftIcon, Skeleton } from './ui/parts';
import { hush, Toasts } from './ui/toast';

interface Place {
  path: string;
  label: string;
  icon: FunctionComponent;
  page: FunctionComponent;
  isFor?: 'leads' | 'owner';
}

/* uPlot comes with the first look at the reports. */
function ReportsLoader() {
  const [page, setPage] = useState<{ is: FunctionComponent } | null>(null);
  const [isLost, setLost] = useState(false);
  const fetchPage = () => {
    setLost(false);
    import('./pages/reports').then(
      (m) => setPage({ is: m.ReportsPage }),
      () => setLost(true),
    );
  };
  useEffect(fetchPage, []);
  if (page) return <page.is />;
  return (
    <>
      <PageHead title="Reports" />
      {isLost ? (
        <Failed why="The page could not be fetched." retry={() => location.reload()} />
      ) : (
        <Skeleton count={6} kind="skeletons-cards" />
      )}
    </>
  );
}

const PLACES: Place[] = [
  { path: '/inventory', label: 'Inventory', icon: StockIcon, page: InventoryPage },
  { path: '/sell', label: 'Sell', icon: SellIcon, page: SellPage },
  { path: '/bake', label: 'Bake', icon: BakeIcon, page: BakePage, isFor: 'leads' },
  { path: '/reports', label: 'Reports', icon: ReportIcon, page: ReportsLoader, isFor: 'leads' },
  { path: '/breads', label: 'Breads', icon: LoafIcon, page: BreadsPage, isFor: 'leads' },
  { path: '/feedback', label: 'Feedback', icon: NoteIcon, page: FeedbackPage },
  { path: '/people', label: 'People', icon: PersonIcon, page: PeoplePage, isFor: 'owner' },
];

function places(): Place[] {
  const isOwner = me.value?.role === 'owner';
  return PLACES.filter((p) => !p.isFor || (p.isFor === 'owner' ? isOwner : leads.value));
}

function Nav({ here }: { here: Place }) {
  return (
    <nav class="tabs" aria-label="Pages">
      <ul>
        {places().map((p) => (
          <li key={p.path} class={p.isFor === 'owner' ? 'tab-rare' : ''}>
            <a href={p.path} aria-current={p === here ? 'page' : undefined}>
              <p.icon />
              <span>{p.label}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Header() {
  return (
    <header class="top">
      <p class="brand">
        <LoafIcon />
        <span>{config.value?.bakery_name}</span>
      </p>
      <p class="shift-chip">
        {day.value && (
          <>
            <ShiftIcon shift={shift.value} />
            <span class="shift-name">{shiftWords(shift.value)}</span>
            <span class="shift-day">{dayWords(day.value)}</span>
          </>
        )}
      </p>
      <ConnectionStatus />
      <Account />
    </header>
  );
}

function Shell() {
  const all = places();
  const here = all.find((p) => p.path === path.value);
  const home = me.value?.role === 'sales_rep' ? '/sell' : '/inventory';
  const isFirst = useRef(true);
  useEffect(() => {
    if (!here) navigate(home, true);
  }, [here, home]);
  useEffect(() => {
    if (!here) return;
    document.title = `${here.label} – ${config.peek()?.bakery_name ?? 'HomeBake'}`;
    hush();
    if (!isFirst.current) document.getElementById('page-title')?.focus();
    isFirst.current = false;
  }, [here]);
  if (!here) return null;
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Header />
      <Nav here={here} />
      <main id="main" tabIndex={-1}>
        <Boundary key={here.path} name={`The page ${here.label}`}>
          <here.page />
        </Boundary>
      </main>
      <Toasts />
    </div>
  );
}

function Unreachable() {
  return (
    <main class="alone">
      <h1>The bakery cannot be reached</h1>
      <p>Check that this device is connected. What you saved is safe.</p>
      <button type="button" class="button button-main" onClick={() => void bootUp()}>
        Try again
      </button>
    </main>
  );
}

export function App() {
  if (boot.value === 'failed') return <Unreachable />;
  if (boot.value === 'starting')
    return (
      <main class="alone" aria-busy="true">
        <p class="alone-logo">
          <LoafIcon />
        </p>
        <h1 class="unseen">Opening the bakery</h1>
      </main>
    );
  return me.value ? <Shell /> : <SignInPage />;
}
