import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn } from '../data/session';
import { config, signedOutBecause } from '../data/state';
import { LoafIcon } from '../ui/icons';
import { Field, FormError } from '../ui/parts';

export function SignInPage() {
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [isShown, setShown] = useState(false);
  const email = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `Sign in – ${config.peek()?.bakery_name ?? 'HomeBake'}`;
    email.current?.focus();
  }, []);

  const submit = async (e: Event) => {
    e.preventDefault();
    const [mail, word] = [email.current?.value ?? '', password.current?.value ?? ''];
    if (!mail.trim() || !word) {
      setError('Please enter your email and your password.');
      (mail.trim() ? password : email).current?.focus();
      return;
    }
    setBusy(true);
    setError('');
    const problem = await signIn(mail, word);
    setBusy(false);
    setError(problem);
    if (problem) password.current?.select();
  };

  return (
    <main class="alone signin">
      <p class="alone-logo">
        <LoafIcon />
      </p>
      <h1>{config.value?.bakery_name}</h1>
      <p class="lead">Sign in to see the shop, live.</p>
      {signedOutBecause.value && (
        <p class="notice notice-warn" role="status">
          {signedOutBecause.value}
        </p>
      )}
      <form class="card form" noValidate onSubmit={(e) => void submit(e)}>
        <Field label="Email">
          {(a) => (
            <input
              {...a}
              ref={email}
              type="email"
              name="email"
              autoComplete="username"
              inputMode="email"
              required
            />
          )}
        </Field>
        <Field label="Password">
          {(a) => (
            <div class="with-button">
              <input
                {...a}
                ref={password}
                type={(isShown ? 'text' : 'password') as 'password'}
                name="password"
                autoComplete="current-password"
                required
              />
              <button
                type="button"
                class="button"
                aria-pressed={isShown}
                aria-label="Show password"
                onClick={() => setShown(!isShown)}
              >
                {isShown ? 'Hide' : 'Show'}
              </button>
            </div>
          )}
        </Field>
        <FormError text={error} />
        <button type="submit" class="button button-main" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      <p class="fine">No account yet? Ask the owner of the bakery.</p>
    </main>
  );
}
