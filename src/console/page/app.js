// The beginning: who is this, and which page is shown.

import { load, reach, session } from './api.js';
import { forget } from './data.js';
import { Dialogs, Toasts } from './dialog.js';
import { Mark } from './icons.js';
import { route } from './route.js';
import { clear, start } from './samples.js';
import { Shell } from './shell.js';
import { useStore } from './store.js';
import { Bones, Empty, PageHead } from './ui.js';
import { html, render, useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from './vendor/htm-preact.js';

/** The module of each page, by the first part of the address, and what it exports for one part and for more. */
const PAGES = {
  '': ['overview', 'Overview', 'Overview'],
  links: ['links', 'Links', 'Links'],
  queues: ['links', 'Queues', 'Slow queues'],
  clients: ['clients', 'Clients', 'Clients'],
  objects: ['objects', 'Objects', 'Objects'],
  stored: ['stored', 'Stored', 'Stored objects'],
  channels: ['stored', 'Channels', 'Channels'],
  log: ['log', 'Log', 'Log'],
  eventlog: ['records', 'EventLog', 'Event log'],
  audit: ['records', 'Audit', 'Audit'],
  compose: ['compose', 'Compose', 'Compose'],
  bans: ['bans', 'Bans', 'Bans'],
  daemon: ['daemon', 'Daemon', 'Daemon'],
};

const modules = new Map();

function usePage(name) {
  const [, render] = useState(null);
  const page = modules.get(name);
  useEffect(() => {
    if (page) return;
    import(`./pages/${name}.js`).then((module) => {
      modules.set(name, module);
      render(name);
    }, (error) => {
      modules.set(name, { failed: error });
      render(name);
    });
  }, [name]);
  return page;
}

function Nowhere() {
  return html`<${PageHead} title="Nothing here" /><${Empty} icon="search" title="There is no such page">The navigation lists all that there are.</${Empty}>`;
}

function Page() {
  const { parts, query } = useStore(route);
  const entry = parts[0] ?? '';
  const [name, component, title] = Object.hasOwn(PAGES, entry) ? PAGES[entry] : [];
  const page = usePage(name ?? 'overview');
  const way = parts.join('/');
  const first = useRef(way);
  useEffect(() => {
    document.title = `${[parts.slice(1).join(' '), title].filter(Boolean).join(' · ')} · donet console`;
    if (first.current === way || (name && !page)) return;
    // Another page: whoever hears it is told its name, and it begins at its top.
    first.current = way;
    scrollTo({ top: 0 });
    document.querySelector('main h1')?.focus({ preventScroll: true });
  }, [way, page]);
  if (!name) return html`<${Nowhere} />`;
  if (!page) return html`<${PageHead} title=${title} /><${Bones} rows=${8} kind="rows" />`;
  if (page.failed) throw page.failed;
  const Shown = page[component];
  return html`<${Shown} key=${component} parts=${parts.slice(1)} query=${query} />`;
}

function Guarded() {
  const [error, again] = useErrorBoundary((caught) => console.error(caught));
  const { parts } = useStore(route);
  const way = parts.join('/');
  const failedAt = useRef(null);
  if (error) failedAt.current ??= way;
  useEffect(() => {
    if (error && failedAt.current !== way) {
      failedAt.current = null;
      again();
    }
  }, [way]);
  if (!error) return html`<${Page} />`;
  return html`<${PageHead} title="This page has failed" /><${Empty} icon="warning" title="A mistake of the console" acts=${html`<button type="button" class="button" onClick=${() => location.reload()}>Load it again</button>`}>
    The daemon is not concerned. What was said: ${String(error.message ?? error)}</${Empty}>`;
}

function Waiting() {
  const { online } = useStore(reach);
  return html`<main class="boot"><p class="boot-name"><${Mark} />donet</p>${!online && html`<p role="alert" class="note">The daemon does not answer. Trying again by and by…</p>`}</main>`;
}

function App() {
  const { status, name } = useStore(session);
  const [Login, setLogin] = useState(null);
  useEffect(() => {
    if (status === 'in') start();
    if (status === 'out') import('./pages/login.js').then((module) => setLogin(() => module.Login));
  }, [status]);
  // Another user may see less.
  const before = useRef(name);
  useLayoutEffect(() => {
    if (status !== 'in' || before.current === name) return;
    if (before.current !== null) {
      forget();
      clear();
    }
    before.current = name;
  }, [status, name]);
  if (status === 'loading' || (status === 'out' && !Login)) return html`<${Waiting} />`;
  return html`${status === 'in' ? html`<${Shell}><${Guarded} /></${Shell}>` : html`<${Login} />`}<${Dialogs} /><${Toasts} />`;
}

const root = document.getElementById('app');
root.textContent = '';
render(html`<${App} />`, root);
load();
