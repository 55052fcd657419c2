// The search that is on each page: a number is an object, a client, a channel or a stored object; words are a class or
// part of a client's address.

import { get, reach, session } from './api.js';
import { channel, doId } from './format.js';
import { Icon } from './icons.js';
import { go, route, to } from './route.js';
import { useStore } from './store.js';
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';

/** Channels below this one are the protocol's and the roles': hardly anybody means an object. */
const FIRST_OBJECT = 1000;
const CLASSES_MOST = 5;

let names = null;

/** The names of the classes, asked for once. */
function useClasses(wanted) {
  const [known, set] = useState(names ?? []);
  const { name } = useStore(session);
  const { revived } = useStore(reach);
  useEffect(() => {
    names = null;
  }, [name, revived]);
  useEffect(() => {
    if (!wanted) return undefined;
    if (names) {
      set(names);
      return undefined;
    }
    const stop = new AbortController();
    get('classes', {}, stop.signal).then(({ classes }) => {
      names = classes.map((dclass) => dclass.name);
      set(names);
    }, () => {});
    return () => stop.abort();
  }, [wanted]);
  return known;
}

/** The classes that a word begins, or else is a part of, the shortest first. */
function classesOf(word, classes) {
  const small = word.toLowerCase();
  const place = (name) => name.toLowerCase().indexOf(small);
  const rank = (name) => (place(name) === 0 ? 0 : 1);
  return classes.filter((name) => place(name) >= 0).sort((a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1)).slice(0, CLASSES_MOST);
}

function findings(text, classes) {
  if (text === '') return [];
  const found = [];
  const digits = channel(text);
  const object = doId(text) && ['objects', 'Object', text, to(['objects', digits])];
  const few = object && doId(text) < FIRST_OBJECT;
  if (object && !few) found.push(object);
  if (digits) {
    const places = [['clients', 'Client', text, to(['clients', digits])], ['channels', 'Channel', text, to(['channels', digits])]];
    found.push(...(BigInt(digits) < BigInt(FIRST_OBJECT) ? places.reverse() : places));
  }
  if (few) found.push(object);
  if (object) found.push(['stored', 'Stored object', text, to(['stored', digits])]);
  if (!digits) found.push(...classesOf(text, classes).map((name) => ['objects', 'Objects of class', name, to(['objects', 'list'], { class: name })]));
  found.push(['clients', 'Clients with', text, to(['clients'], { q: text })]);
  found.push(['log', 'Log lines with', text, to(['log'], { q: text })]);
  return found;
}

export function Search() {
  const input = useRef(null);
  const here = useStore(route).parts.join('/');
  const [text, set] = useState('');
  const [at, move] = useState(0);
  const [open, show] = useState(false);
  const classes = useClasses(open && /[A-Za-z_]/.test(text));
  const found = findings(text.trim(), classes);
  const shown = open && found.length > 0;

  useEffect(() => {
    const key = (event) => {
      const typing = event.target.closest?.('input, textarea, select, [contenteditable], dialog');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current.focus();
      input.current.select();
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);

  // Where one is now is no longer what was looked for.
  useEffect(() => set(''), [here]);

  const take = (finding) => {
    show(false);
    set('');
    input.current.blur();
    go(finding[3]);
  };
  const key = (event) => {
    if (event.key === 'Escape') {
      if (text === '' || !shown) input.current.blur();
      show(false);
      set('');
    } else if (shown && event.key === 'ArrowDown') move((at + 1) % found.length);
    else if (shown && event.key === 'ArrowUp') move((at + found.length - 1) % found.length);
    else if (shown && event.key === 'Enter') take(found[Math.min(at, found.length - 1)]);
    else return;
    event.preventDefault();
  };
  return html`<div class="search" role="search">
    <${Icon} name="search" />
    <input ref=${input} type="text" role="combobox" aria-label="Find a doId, channel, class or address" aria-expanded=${shown ? 'true' : 'false'} aria-controls="findings" aria-autocomplete="list"
      aria-activedescendant=${shown ? `finding-${Math.min(at, found.length - 1)}` : undefined} placeholder="doId, channel, class or address" autocomplete="off" spellcheck=${false} value=${text}
      onInput=${({ target }) => {
        set(target.value);
        move(0);
        show(true);
      }} onKeyDown=${key} onFocus=${() => show(true)} onBlur=${() => show(false)} />
    <kbd aria-hidden="true">/</kbd>
    <ul id="findings" role="listbox" aria-label="Where to look" class="findings" hidden=${!shown}>${found.map((finding, place) => html`
      <li key=${finding[3]} id=${`finding-${place}`} role="option" aria-selected=${place === Math.min(at, found.length - 1) ? 'true' : 'false'} onMouseDown=${(event) => event.preventDefault()} onClick=${() => take(finding)}>
        <${Icon} name=${finding[0]} /><span>${finding[1]}</span><span class="mono">${finding[2]}</span></li>`)}</ul>
  </div>`;
}
