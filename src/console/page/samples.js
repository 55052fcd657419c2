// The last ten minutes of the daemon's figures, a sample a second: from its history, then live.

import { get } from './api.js';
import { listen, live } from './live.js';
import { store } from './store.js';

const MOST = 600;

/** Oldest first. A new array for each sample, so that watchers see it. */
export const samples = store([]);
export const latest = () => samples.get().at(-1) ?? null;

function add(more) {
  const known = samples.get();
  const all = new Map([...known, ...more].map((sample) => [sample.time, sample]));
  samples.set([...all.values()].sort((a, b) => (a.time < b.time ? -1 : 1)).slice(-MOST));
}

async function past() {
  try {
    add((await get('history')).samples);
  } catch {
    // Without it the charts begin now; whatever keeps it from coming is told elsewhere.
  }
}

let started = false;
export function start() {
  if (started) return;
  started = true;
  listen('overview', (sample) => {
    const known = samples.get();
    if (known.length === 0 || known.at(-1).time < sample.time) samples.set([...known.slice(1 - MOST), sample]);
    else add([sample]);
  });
  let opened = 0;
  live.watch((now) => {
    if (now.opened === opened) return;
    opened = now.opened;
    past();
  });
}

/** Another user, another daemon: nothing that was seen stays. */
export const clear = () => samples.set([]);
