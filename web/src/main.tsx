import { render } from 'preact';
import { App } from './app';
import { preloadLive } from './data/live';
import { bootUp } from './data/session';
import { watchLinks } from './lib/router';
import { watchTheme } from './lib/theme';
import './styles/index.css';

const root = document.getElementById('app');
if (root) {
  watchTheme();
  watchLinks();
  render(<App />, root);
  preloadLive();
  void bootUp();
}
