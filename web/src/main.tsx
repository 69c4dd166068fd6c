import { render } from 'preact';
import { App } from './app';
import { bootUp } from './data/session';
import { watchLinks } from './lib/router';
import './styles/index.css';

const root = document.getElementById('app');
if (root) {
  watchLinks();
  render(<App />, root);
  void bootUp();
}
