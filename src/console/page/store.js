// A value that components watch.

import { useLayoutEffect, useReducer } from './vendor/htm-preact.js';

export function store(value) {
  const watchers = new Set();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const watcher of [...watchers]) watcher(value);
    },
    update(change) {
      this.set({ ...value, ...change });
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The value, and a new rendering whenever it is another. */
export function useStore(watched) {
  const [, render] = useReducer((count) => count + 1, 0);
  const value = watched.get();
  useLayoutEffect(() => {
    // It may have changed between the rendering and now.
    if (!Object.is(watched.get(), value)) render();
    return watched.watch(render);
  }, [watched]);
  return value;
}
