// What all pages are made of.

import { session } from './api.js';
import { bytes, count, full, moment, noun, sentence, sinceSeconds, span } from './format.js';
import { Icon } from './icons.js';
import { to } from './route.js';
import { useStore } from './store.js';
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';

/** Whether this user may act. */
export const useMay = () => useStore(session).role === 'operate';

export function Button({ icon, children, kind = 'plain', small, busy, label, disabled, onClick, ...rest }) {
  return html`<button type="button" class=${`button ${kind}${small ? ' small' : ''}${children ? '' : ' square'}`} aria-label=${label}
    title=${children ? undefined : label} aria-busy=${busy ? 'true' : undefined} disabled=${disabled} onClick=${busy ? undefined : onClick} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}</button>`;
}

/** A button for an action: for `view` it stays, and says why it does nothing. */
export function Act(props) {
  const may = useMay();
  return may ? html`<${Button} ...${props} />` : html`<${Button} ...${props} disabled onClick=${undefined} title="Your role is view: actions need operate" />`;
}

/** What somebody who may only look can do about that. */
export function Looking() {
  const { role, login } = useStore(session);
  if (role === 'operate') return null;
  return login ? html`Your role is view. Actions need a user with the role <code>operate</code>.`
    : html`Without users this machine may look at everything, and do nothing. Actions need a user with the role <code>operate</code> among <code>web.users</code> in the configuration; <code>donet console password</code> makes the hash of a password.`;
}

export const Badge = ({ tone = 'quiet', children, title }) => html`<span class=${`badge ${tone}`} title=${title}>${children}</span>`;
/** A text from outside: one with a long word wraps anywhere, and takes no more room than it is due. */
export const Text = ({ text }) => (/\S{25}/.test(text ?? '') ? html`<span class="long">${text}</span>` : text);
export const Code = ({ children }) => html`<code>${children}</code>`;
export const None = ({ children = '–' }) => html`<span class="none">${children}</span>`;

export function Time({ at, ago }) {
  if (!at) return html`<${None} />`;
  const spanned = sinceSeconds(at);
  return html`<time datetime=${at} title=${full(at)}>${ago ? `${span(Math.max(0, spanned))}${ago === true ? ' ago' : ''}` : moment(at)}</time>`;
}

/** A number to take along: a channel, a doId, a hash. */
export function Copy({ text, what }) {
  const [done, set] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => set(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  // Only there for pages from a secure context: https, or this machine.
  if (!navigator.clipboard) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => set(true), () => {});
  return html`<button type="button" class="copy" aria-label=${done ? 'Copied' : `Copy ${what}`} title=${`Copy ${what}`} onClick=${copy}>
    <${Icon} name=${done ? 'check' : 'copy'} size=${14} /></button>`;
}

export const ChannelLink = ({ channel }) => (channel ? html`<a class="mono" href=${to(['channels', channel])}>${channel}</a>` : html`<${None} />`);
export const ClientLink = ({ channel }) => (channel ? html`<a class="mono" href=${to(['clients', channel])}>${channel}</a>` : html`<${None} />`);
export const ObjectLink = ({ doId, children }) => html`<a class="mono" href=${to(['objects', doId])}>${children ?? doId}</a>`;

export function PageHead({ title, sub, children, up }) {
  return html`<header class="page-head">
    <div class="page-title">
      ${up && html`<a class="up" href=${up[0]}>${up[1]}</a>`}
      <h1 tabindex="-1">${title}</h1>
      ${sub && html`<p class="sub">${sub}</p>`}
    </div>
    ${children && html`<div class="page-acts">${children}</div>`}
  </header>`;
}

let ids = 0;
export function useId(prefix) {
  const id = useRef(null);
  id.current ??= `${prefix}-${++ids}`;
  return id.current;
}

export function Block({ title, note, acts, children, kind = '' }) {
  const id = useId('block');
  return html`<section class=${`block ${kind}`} aria-labelledby=${id}>
    <div class="block-head"><h2 id=${id}>${title}</h2>${note !== undefined && html`<p class="note">${note}</p>`}${acts && html`<div class="block-acts">${acts}</div>`}</div>
    ${children}</section>`;
}

/** Facts by name, `[[name, value], …]`; those that are null are left out. */
export const Facts = ({ of }) => html`<dl class="facts">${of.filter((fact) => fact && fact[1] !== null && fact[1] !== undefined).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

export function Empty({ icon = 'info', title, children, acts }) {
  return html`<div class="empty"><${Icon} name=${icon} size=${24} /><p class="empty-title">${title}</p>${children && html`<p>${children}</p>`}${acts && html`<div class="empty-acts">${acts}</div>`}</div>`;
}

export const waitWords = (error) => (error.status === 429 && error.retryAfter ? ` Try again in ${span(error.retryAfter)}.` : '');

export function Failed({ error, retry, what = 'This' }) {
  const missing = error.status === 404;
  return html`<div class="empty failed" role="alert"><${Icon} name=${missing ? 'search' : 'warning'} size=${24} />
    <p class="empty-title">${missing ? 'Not found' : `${what} could not be read`}</p><p>${sentence(error.message)}${waitWords(error)}</p>
    ${retry && html`<div class="empty-acts"><${Button} icon="reload" onClick=${retry}>Try again</${Button}></div>`}</div>`;
}

/** One line where data is shown that could not be made newer. */
export const Stale = ({ error }) => error && error.code !== 'unreachable' && html`<p class="stale" role="alert"><${Icon} name="warning" /> ${sentence(error.message)}${waitWords(error)} What is shown is from before.</p>`;

export const Bones = ({ rows = 4, kind = 'lines' }) => html`<div class=${`bones ${kind}`} aria-hidden="true">${Array.from({ length: rows }, (_, at) => html`<span key=${at}></span>`)}</div><span class="hidden" role="status">Loading</span>`;

/** One of a few, as a row of buttons. `options` are `[value, text]`. */
export function Segments({ label, options, value, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>${options.map(([option, text]) => html`
    <button key=${option} type="button" aria-pressed=${option === value ? 'true' : 'false'} onClick=${() => onChange(option)}>${text}</button>`)}</div>`;
}

/** Places beside each other, as links. */
export const Tabs = ({ label, of }) => html`<nav class="tabs" aria-label=${label}>${of.map(([href, text, here]) => html`<a key=${href} href=${href} aria-current=${here ? 'page' : undefined}>${text}</a>`)}</nav>`;

export function Field({ label, hint, error, children, wide, id: given }) {
  const made = useId('field');
  const id = given ?? made;
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined;
  return html`<div class=${`field${wide ? ' wide' : ''}`}><label for=${id}>${label}</label>
    ${children({ id, 'aria-describedby': described, 'aria-invalid': error ? 'true' : undefined })}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}</div>`;
}

/** A filter that is used some moments after the last key. */
export function SearchBox({ label, value, onChange, placeholder, wait = 250, inputmode }) {
  const [text, set] = useState(value ?? '');
  const timer = useRef(null);
  const told = useRef(value ?? '');
  useEffect(() => {
    if ((value ?? '') !== told.current) {
      told.current = value ?? '';
      set(told.current);
    }
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tell = (next) => {
    clearTimeout(timer.current);
    if (next === told.current) return;
    told.current = next;
    onChange(next);
  };
  return html`<label class="searchbox"><span class="hidden">${label}</span><${Icon} name="search" />
    <input type="search" value=${text} placeholder=${placeholder ?? label} inputmode=${inputmode} autocomplete="off" spellcheck=${false}
      onInput=${({ target }) => {
        set(target.value);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => tell(target.value.trim()), wait);
      }}
      onKeyDown=${(event) => event.key === 'Enter' && tell(event.target.value.trim())} /></label>`;
}

export function Select({ label, value, onChange, options }) {
  return html`<label class="select"><span class="hidden">${label}</span><select aria-label=${label} value=${value ?? ''} onChange=${({ target }) => onChange(target.value)}>
    ${options.map(([option, text]) => html`<option key=${option} value=${option} selected=${option === (value ?? '')}>${text}</option>`)}</select></label>`;
}

export const Share = ({ of, total }) => html`<span class="share" aria-hidden="true"><span style=${{ width: `${total > 0 ? Math.max(0.5, (of / total) * 100) : 0}%` }}></span></span>`;

/** A queue: nothing, or how many bytes and, from there on, that it is long. */
export const queueTone = (size) => (size > 4_000_000 ? 'bad' : size > 500_000 ? 'warn' : size === 0 ? 'zero' : '');
export const Queue = ({ size }) => html`<span class=${`queue ${queueTone(size)}`}>${size === 0 ? '0' : bytes(size)}</span>`;

export const Rest = ({ more, what }) => (more > 0 ? html`<p class="rest">and ${count(more)} more ${noun(more, what)}</p>` : null);
