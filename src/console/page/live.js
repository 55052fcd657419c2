// What the daemon tells by itself, by server-sent events: one connection for all topics that somebody wants.

import { address, load, reach, session } from './api.js';
import { store } from './store.js';
import { useEffect, useRef } from './vendor/htm-preact.js';

const TOPICS = ['overview', 'log', 'closed', 'eventlog', 'audit', 'lost'];
const listeners = new Map(TOPICS.map((topic) => [topic, new Set()]));

/** Whether events come; `opened` counts the connections, since what was between two of them was missed. */
export const live = store({ open: false, opened: 0 });

let source = null;
let topics = '';
let timer = null;
let pause = 1000;

function wanted() {
  return TOPICS.filter((topic) => topic !== 'lost' && listeners.get(topic).size > 0).join(',');
}

function close() {
  clearTimeout(timer);
  timer = null;
  source?.close();
  source = null;
  topics = '';
  if (live.get().open) live.update({ open: false });
}

function open() {
  close();
  topics = wanted();
  if (!topics || session.get().status !== 'in' || !reach.get().online) return;
  source = new EventSource(address('events', { topics }), { withCredentials: true });
  source.onopen = () => {
    pause = 1000;
    live.set({ open: true, opened: live.get().opened + 1 });
  };
  // It does not say why. So ask for the session, which tells a log-in that has ended from a daemon that is away.
  source.onerror = () => {
    close();
    pause = Math.min(pause * 2, 30_000);
    timer = setTimeout(open, pause);
    load();
  };
  for (const topic of TOPICS) {
    source.addEventListener(topic, ({ data }) => {
      const item = JSON.parse(data);
      for (const listener of [...listeners.get(topic)]) listener(item);
    });
  }
}

// Several components come and go at once when the page changes: one change of the connection for all.
let planned = false;
function plan() {
  if (planned) return;
  planned = true;
  setTimeout(() => {
    planned = false;
    if (wanted() !== topics) open();
  }, 30);
}

export function listen(topic, listener) {
  listeners.get(topic).add(listener);
  plan();
  return () => {
    listeners.get(topic).delete(listener);
    plan();
  };
}

/** Calls the listener for each event while the component is there and `on` holds. */
export function useLive(topic, listener, on = true) {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => (on ? listen(topic, (item) => latest.current(item)) : undefined), [topic, on]);
}

// A page that nobody looks at holds no connection: browsers have six for a daemon, and every tab would take one.
const HIDDEN_MS = 30_000;
let leaving = null;
document.addEventListener('visibilitychange', () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(close, HIDDEN_MS);
  else if (!source && !timer) open();
});

let was = '';
const again = () => {
  const now = `${session.get().status} ${session.get().name} ${reach.get().online}`;
  if (now === was) return;
  was = now;
  open();
};
session.watch(again);
reach.watch(again);
