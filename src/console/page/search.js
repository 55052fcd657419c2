// The search that is on each page: a number is an object, a client, a channel or a stored object; words are a class or
// part of a client's address.

import { channel, doId } from './format.js';
import { Icon } from './icons.js';
import { go, route, to } from './route.js';
import { useStore } from './store.js';
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';

function findings(text) {
  if (text === '') return [];
  const found = [];
  const digits = channel(text);
  if (doId(text)) found.push(['objects', 'Object', text, to(['objects', digits])]);
  if (digits) {
    found.push(['clients', 'Client', text, to(['clients', digits])]);
    found.push(['channels', 'Channel', text, to(['channels', digits])]);
  }
  if (doId(text)) found.push(['stored', 'Stored object', text, to(['stored', digits])]);
  if (!digits && /^[A-Za-z_]\w*$/.test(text)) found.push(['objects', 'Objects of class', text, to(['objects', 'list'], { class: text })]);
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
  const found = findings(text.trim());
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
