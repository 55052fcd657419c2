// Where in the page somebody is: `#/clients/1000000001?state=anonymous`. Filters stand in the address, too, so that
// a view can be sent to somebody.

import { store } from './store.js';

function parse() {
  const hash = location.hash.startsWith('#/') ? location.hash.slice(2) : '';
  const [way, search = ''] = hash.split('?', 2);
  const parts = way.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { parts, query: Object.fromEntries(new URLSearchParams(search)) };
}

export const route = store(parse());
addEventListener('hashchange', () => route.set(parse()));

/** The address of a place in the page. */
export function to(parts, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined));
  const way = [].concat(parts).map(encodeURIComponent).join('/');
  return `#/${way}${search.size > 0 ? `?${search}` : ''}`;
}

export function go(address) {
  location.hash = address;
}

/** Other filters on the same page: nothing that the Back button should have to undo. */
export function refine(change) {
  const { parts, query } = route.get();
  history.replaceState(null, '', to(parts, { ...query, ...change }));
  route.set(parse());
}
