/* boundary: what goes wrong inside it stays inside it.  Shows what happened and a way on; the rest of the page lives. */
import { Component, type ComponentChildren } from 'preact';
import { AlertIcon, RetryIcon } from './icons';

interface Props {
  /* What it holds, as people call it: 'The chart'. */
  name: string;
  children: ComponentChildren;
}

export class Boundary extends Component<Props, { fault: string }> {
  override state = { fault: '' };

  static override getDerivedStateFromError(e: unknown) {
    return { fault: (e instanceof Error ? e.message : String(e)) || 'unknown' };
  }

  override render({ name, children }: Props) {
    const { fault } = this.state;
    if (!fault) return children;
    return (
      <div class="notice notice-bad" role="alert" data-broken={name}>
        <AlertIcon />
        <div>
          <p class="notice-title">{name} cannot be shown</p>
          <p>Everything else goes on working. What happened: {fault}</p>
        </div>
        <button type="button" class="button" onClick={() => this.setState({ fault: '' })}>
          <RetryIcon /> Show it again
        </button>
      </div>
    );
  }
}
