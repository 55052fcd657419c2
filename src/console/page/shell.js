// What stands around each page: where one can go, who is there, and whether the daemon answers.

import { logOut, reach, session, tryNow } from './api.js';
import { useResource } from './data.js';
import { tell } from './dialog.js';
import { Icon, Mark } from './icons.js';
import { live } from './live.js';
import { route } from './route.js';
import { Search } from './search.js';
import { store, useStore } from './store.js';
import { Badge, Button } from './ui.js';
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';

const PLACES = [
  [null, [['', 'Overview', 'overview']]],
  ['World', [['clients', 'Clients', 'clients'], ['objects', 'Objects', 'objects'], ['stored', 'Stored objects', 'stored'], ['channels', 'Channels', 'channels']]],
  ['Network', [['links', 'Links', 'links'], ['queues', 'Slow queues', 'queues']]],
  ['Records', [['log', 'Log', 'log'], ['eventlog', 'Event log', 'eventlog'], ['audit', 'Audit', 'audit']]],
  ['Act', [['compose', 'Compose', 'compose'], ['bans', 'Bans', 'bans'], ['daemon', 'Daemon', 'daemon']]],
];

export const identity = store({ name: null, stage: null });

// The theme.

const THEMES = { system: ['system', 'as the system has it'], light: ['sun', 'light'], dark: ['moon', 'dark'] };
export const theme = store(document.documentElement.dataset.theme ?? 'system');
const system = matchMedia('(prefers-color-scheme: dark)');
/** The theme that is seen: it says when charts are to be drawn anew. */
export const seenTheme = store('');
const look = () => seenTheme.set(theme.get() === 'system' ? (system.matches ? 'dark' : 'light') : theme.get());
look();
system.addEventListener('change', look);

function choose(next) {
  if (next === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === 'system') localStorage.removeItem('donet-theme');
    else localStorage.setItem('donet-theme', next);
  } catch {
    // Then it holds until the page is left.
  }
  theme.set(next);
  look();
}

function ThemeToggle() {
  const now = useStore(theme);
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(now) + 1) % names.length];
  return html`<${Button} kind="ghost" icon=${THEMES[now][0]} label=${`Theme: ${THEMES[now][1]}. Change to ${THEMES[next][1]}`} onClick=${() => choose(next)} />`;
}

function Who() {
  const { name, role, login } = useStore(session);
  const leave = () => logOut().catch((error) => tell(error.message, 'bad'));
  return html`<div class="who"><div class="who-name"><span class="who-user">${name ?? 'This machine'}</span><span class="note">${role === 'operate' ? 'operate' : 'view only'}</span></div>
    <${ThemeToggle} />${login && html`<${Button} kind="ghost" icon="logout" label="Log out" onClick=${leave} />`}</div>`;
}

function Navigation({ shut }) {
  const { parts } = useStore(route);
  return html`<nav id="navigation" class="navigation" aria-label="Console">${PLACES.map(([group, places]) => html`<div key=${group} class="nav-group">
    ${group && html`<p class="nav-title" id=${`nav-${group}`}>${group}</p>`}
    <ul aria-labelledby=${group ? `nav-${group}` : undefined}>${places.map(([way, text, icon]) => html`<li key=${way}><a href=${`#/${way}`} aria-current=${(parts[0] ?? '') === way ? 'page' : undefined} onClick=${shut}><${Icon} name=${icon} />${text}</a></li>`)}</ul></div>`)}</nav>`;
}

const STAGES = { ready: 'good', starting: 'warn', draining: 'warn', stopping: 'bad' };

function State() {
  const { online } = useStore(reach);
  const { open } = useStore(live);
  const { stage } = useStore(identity);
  if (!online) return html`<${Badge} tone="bad">unreachable</${Badge}>`;
  return html`<span class=${`pulse${open ? ' on' : ''}`} title=${open ? 'Figures come live' : 'No live figures at the moment'}><span class="hidden">${open ? 'live' : 'not live'}</span></span>${stage && html`<${Badge} tone=${STAGES[stage] ?? 'quiet'}>${stage}</${Badge}>`}`;
}

/** The daemon is away: what is shown is from before. */
function Away() {
  const { online, retryAt, failed } = useStore(reach);
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    if (online) return undefined;
    const timer = setInterval(() => tick(Date.now()), 500);
    return () => clearInterval(timer);
  }, [online]);
  if (online) return null;
  const left = Math.max(0, Math.ceil((retryAt - now) / 1000));
  return html`<div class="away" role="alert"><${Icon} name="warning" /><p><strong>The daemon cannot be reached.</strong> <span class="away-rest">What is shown is from before.</span></p>
    <p class="note" aria-hidden="true">${left > 0 ? `Trying again in ${left} s` : 'Trying…'}${failed > 3 ? ` (${failed} times so far)` : ''}</p><${Button} small onClick=${tryNow}>Try now</${Button}></div>`;
}

function Plain() {
  const { plain, login } = useStore(session);
  const [gone, hide] = useState(false);
  if (!plain || !login || gone) return null;
  return html`<div class="away warn"><${Icon} name="warning" /><p><strong>This connection is not encrypted.</strong> <span class="away-rest">Passwords and all that is seen here can be read on the way. Give <code>web.tls</code> a certificate.</span></p><${Button} small kind="ghost" onClick=${() => hide(true)}>Hide</${Button}></div>`;
}

export function Shell({ children }) {
  const { name } = useStore(identity);
  const { parts } = useStore(route);
  // The overview asks by itself, and more often.
  const { data } = useResource(parts.length === 0 ? null : 'overview', { every: 15 });
  useEffect(() => {
    if (data) identity.set({ name: data.daemon.name, stage: data.daemon.stage });
  }, [data]);
  const [menu, open] = useState(false);
  const button = useRef(null);
  useEffect(() => {
    if (!menu) return undefined;
    const close = ({ key }) => {
      if (key !== 'Escape') return;
      open(false);
      button.current?.focus();
    };
    addEventListener('keydown', close);
    return () => removeEventListener('keydown', close);
  }, [menu]);
  const skip = (event) => {
    event.preventDefault();
    document.querySelector('main h1')?.focus();
  };
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <div class=${`shell${menu ? ' menu-open' : ''}`}>
      <div class="side">
        <div class="brand"><a href="#/" class="brand-link" aria-label=${`donet ${name ?? ''}, overview`}><${Mark} /><span class="brand-name">donet</span>${' '}${name && html`<span class="brand-daemon">${name}</span>`}</a>
          <button type="button" ref=${button} class="button ghost square menu-button" aria-label=${menu ? 'Close the menu' : 'Open the menu'} aria-expanded=${menu ? 'true' : 'false'} aria-controls="navigation" onClick=${() => open(!menu)}><${Icon} name=${menu ? 'close' : 'menu'} size=${20} /></button></div>
        <div class="side-rest"><${Navigation} shut=${() => open(false)} /><${Who} /></div>
      </div>
      <div class="content">
        <header class="bar"><${Search} /><div class="bar-state"><${State} /></div></header>
        <${Away} /><${Plain} />
        <main id="main">${children}</main>
      </div>
    </div>`;
}
