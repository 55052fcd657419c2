// What a page shows: one answer, or a list that comes by and by. What was shown stays until there is something newer.

import { get, reach } from './api.js';
import { useStore } from './store.js';
import { useCallback, useEffect, useRef, useState } from './vendor/htm-preact.js';

/** Answers by address, so that a page that was seen before is there at once. */
const seen = new Map();
const SEEN_MOST = 60;

function remember(key, data) {
  seen.delete(key);
  seen.set(key, data);
  if (seen.size > SEEN_MOST) seen.delete(seen.keys().next().value);
}

export function forget() {
  seen.clear();
}

const keyOf = (where, query) => `${where}?${JSON.stringify(query ?? {})}`;

/** `{data, error, busy, reload}`. Asked again every so many seconds, while the page is seen. Nothing without a path. */
export function useResource(where, { query, every } = {}) {
  const key = where === null ? '' : keyOf(where, query);
  const { revived } = useStore(reach);
  const [state, set] = useState({ key: '', data: null, error: null, busy: false });
  const [asked, ask] = useState(0);

  useEffect(() => {
    if (where === null) return undefined;
    const stop = new AbortController();
    let timer = null;
    const turn = async () => {
      if (document.hidden && every) {
        timer = setTimeout(turn, every * 1000);
        return;
      }
      set((old) => ({ ...(old.key === key ? old : { key, data: seen.get(key) ?? null, error: null }), busy: true }));
      try {
        const data = await get(where, query, stop.signal);
        if (stop.signal.aborted) return;
        remember(key, data);
        set({ key, data, error: null, busy: false });
      } catch (error) {
        if (stop.signal.aborted) return;
        set((old) => ({ key, data: error.status === 404 ? null : old.data, error, busy: false }));
      }
      if (every) timer = setTimeout(turn, every * 1000);
    };
    turn();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, revived, asked, every]);

  const shown = state.key === key ? state : { data: seen.get(key) ?? null, error: null, busy: where !== null };
  return { ...shown, reload: useCallback(() => ask((count) => count + 1), []) };
}

export const ROWS_MOST = 1000;
const CHUNK = 100;
const PAGE = 250;

/**
 * A list by its cursor. A page may be short or empty while there are more: it is asked on until a chunk is full, or
 * somebody stops it. `items` are at most ROWS_MOST; then `more` begins anew behind them.
 */
export function useList(where, query = {}, { chunk = CHUNK, on = true } = {}) {
  const key = on ? keyOf(where, query) : '';
  const { revived } = useStore(reach);
  const empty = { key, items: [], next: null, busy: on, error: null, asked: 0, skipped: 0, stopped: false, fresh: true };
  const [state, set] = useState(() => ({ ...empty, ...seen.get(`list ${key}`) }));
  const [round, again] = useState(0);
  const running = useRef(null);

  const fetchOn = async (start) => {
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    let { items, next, skipped } = start;
    if (items.length >= ROWS_MOST) {
      skipped += items.length;
      items = [];
    }
    const goal = Math.min(items.length + chunk, ROWS_MOST);
    let asked = 0;
    // What was there before stays to be seen until the first rows of the new round come.
    const show = (change) => set((old) => {
      const stays = start.keep && old.key === key && items.length === 0 && change.busy;
      return { ...empty, key, next, skipped, asked, fresh: false, ...change, items: stays ? old.items : items };
    });
    show({ busy: true });
    try {
      do {
        const limit = Math.min(PAGE, Math.max(goal - items.length, 25));
        const page = await get(where, { ...query, limit, after: next }, stop.signal);
        if (stop.signal.aborted) return;
        asked += 1;
        items = [...items, ...page.items];
        next = page.next ?? null;
        show({ busy: next !== null && items.length < goal });
      } while (next !== null && items.length < goal);
      remember(`list ${key}`, { items, next, skipped, busy: false, fresh: false });
    } catch (error) {
      if (!stop.signal.aborted) show({ busy: false, error });
    }
  };

  useEffect(() => {
    if (!on) return undefined;
    fetchOn({ items: [], next: null, skipped: 0, keep: true });
    return () => running.current?.abort();
  }, [key, revived, round]);

  const current = state.key === key ? state : { ...empty, ...seen.get(`list ${key}`), busy: on };
  return {
    ...current,
    more: () => fetchOn({ ...current, keep: false }),
    reload: useCallback(() => again((count) => count + 1), []),
    stop: () => {
      running.current?.abort();
      set((old) => ({ ...old, busy: false, stopped: true }));
    },
  };
}

/** The newest entries of a record, with what comes live put before them. */
export function merged(live, listed, most = ROWS_MOST) {
  const known = new Set(listed.map((item) => item.seq));
  return [...live.filter((item) => !known.has(item.seq)), ...listed].slice(0, most);
}
