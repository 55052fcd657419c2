// Who is there? Name and password.

import { logIn, reach, session, tryNow } from '../api.js';
import { sentence, span } from '../format.js';
import { Icon, Mark } from '../icons.js';
import { useStore } from '../store.js';
import { Field } from '../ui.js';
import { html, useEffect, useRef, useState } from '../vendor/htm-preact.js';

/** Seconds left until that moment. */
function useLeft(until) {
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    if (until <= Date.now()) return undefined;
    const timer = setInterval(() => tick(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}

function wordsFor(error) {
  if (error.status === 401) return 'This name and password do not belong together.';
  if (error.status === 429) return 'There were too many wrong tries.';
  return sentence(error.message);
}

export function Login() {
  const { ended } = useStore(session);
  const { online } = useStore(reach);
  const [state, set] = useState({ busy: false, error: null, until: 0 });
  const name = useRef(null);
  const password = useRef(null);
  const left = useLeft(state.until);
  useEffect(() => {
    document.title = 'Log in · donet console';
    name.current.focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy || left > 0) return;
    set({ busy: true, error: null, until: 0 });
    try {
      await logIn(name.current.value.trim(), password.current.value);
    } catch (error) {
      set({ busy: false, error, until: error.status === 429 ? Date.now() + (error.retryAfter ?? 60) * 1000 : 0 });
      password.current.value = '';
      password.current.focus();
    }
  };
  const { error } = state;
  return html`<main class="login"><form class="login-form" onSubmit=${submit} aria-labelledby="log-in">
    <p class="boot-name"><${Mark} />donet</p>
    <h1 id="log-in">Log in to the console</h1>
    ${ended && !error && html`<p class="form-note" role="status"><${Icon} name="info" /> <span>Your session has ended. Log in again to go on where you were.</span></p>`}
    ${!online && html`<p class="form-error" role="alert"><${Icon} name="warning" /> <span>The daemon cannot be reached. <button type="button" class="link" onClick=${tryNow}>Try now</button></span></p>`}
    ${error && error.code !== 'unreachable' && html`<p class="form-error" role="alert"><${Icon} name="warning" /> <span>${wordsFor(error)}${left > 0 && html` Try again in <span aria-hidden="true">${span(left)}</span><span class="hidden">${span(error.retryAfter ?? 60)}</span>.`}</span></p>`}
    <${Field} label="Name">${(props) => html`<input ...${props} ref=${name} name="name" autocomplete="username" autocapitalize="none" spellcheck=${false} required />`}</${Field}>
    <${Field} label="Password">${(props) => html`<input ...${props} ref=${password} type="password" name="password" autocomplete="current-password" required />`}</${Field}>
    <button type="submit" class="button primary large" aria-busy=${state.busy ? 'true' : undefined} disabled=${left > 0}>Log in</button>
    <p class="note">Users stand in the configuration as <code>web.users</code>; <code>donet console password</code> makes what belongs there.</p>
  </form></main>`;
}
