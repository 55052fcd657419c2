// Questions before an action, and what became of it.

import { ApiError } from './api.js';
import { sentence } from './format.js';
import { Icon } from './icons.js';
import { store, useStore } from './store.js';
import { Button, Field, useId, waitWords } from './ui.js';
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js';

const question = store(null);
const toasts = store([]);
let number = 0;

/** Tells everybody, also those who listen to the page, what was done. */
export function tell(text, tone = 'good') {
  const toast = { id: ++number, text: sentence(text), tone };
  toasts.set([...toasts.get().slice(-3), toast]);
  setTimeout(() => drop(toast.id), tone === 'bad' ? 15_000 : 6_000);
}

const drop = (id) => toasts.set(toasts.get().filter((toast) => toast.id !== id));

/** Counts the pages that were gone to: a dialog belongs to the page where it was opened. */
let visits = 0;
addEventListener('hashchange', () => {
  visits += 1;
  question.set(null);
});

/**
 * Opens a dialog. `fields` are `{name, label, value, type, hint, options, required, parse}`; `run(values)` does it and answers
 * the words for the toast. A failure stays in the dialog, so that nothing that was written is lost; `failed(error)` may say it otherwise.
 * Whoever goes to another page leaves it, and is told nothing of what becomes of it there.
 */
export function ask(asked) {
  question.set({ ...asked, id: ++number });
}

function Input({ field, value, set, props }) {
  const change = ({ target }) => set(target.type === 'checkbox' ? target.checked : target.value);
  const common = { ...props, name: field.name, required: field.required, onInput: change };
  if (field.options) return html`<select ...${common} value=${value}>${field.options.map(([option, text]) => html`<option key=${option} value=${option} selected=${option === value}>${text}</option>`)}</select>`;
  if (field.type === 'textarea') return html`<textarea ...${common} rows="4" class="mono" spellcheck=${false} value=${value}></textarea>`;
  return html`<input ...${common} type=${field.type ?? 'text'} value=${value} min=${field.min} max=${field.max} placeholder=${field.placeholder} autocomplete="off" />`;
}

function Question({ asked }) {
  const dialog = useRef(null);
  const heading = useId('dialog');
  const [values, set] = useState(() => Object.fromEntries((asked.fields ?? []).map(({ name, value }) => [name, value ?? ''])));
  const [state, setState] = useState({ busy: false, error: null });
  useEffect(() => {
    const from = document.activeElement;
    dialog.current.showModal();
    return () => from?.isConnected && from.focus();
  }, []);
  const here = useRef(visits);
  const left = () => here.current !== visits;
  const done = () => question.get()?.id === asked.id && question.set(null);
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    setState({ busy: true, error: null });
    try {
      const said = await asked.run(values);
      if (left()) return;
      done();
      if (said) tell(said);
    } catch (error) {
      if (!(error instanceof ApiError)) console.error(error);
      if (left()) return;
      setState({ busy: false, error });
    }
  };
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby=${heading} onClose=${done} onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <form onSubmit=${submit} class="dialog-body">
      <header><h2 id=${heading}>${asked.title}</h2><${Button} kind="ghost" icon="close" label="Close" onClick=${() => dialog.current.close()} /></header>
      ${asked.text && html`<div class="dialog-text">${asked.text}</div>`}
      ${(asked.fields ?? []).map((field) => html`<${Field} key=${field.name} label=${field.label} hint=${field.hint}>${(props) => html`
        <${Input} field=${field} value=${values[field.name]} props=${props} set=${(value) => set((old) => ({ ...old, [field.name]: value }))} />`}</${Field}>`)}
      ${state.error && html`<p class="form-error" role="alert"><${Icon} name="warning" /> <span>${asked.failed?.(state.error) ?? sentence(state.error.message)}${waitWords(state.error)}</span></p>`}
      <footer><${Button} onClick=${() => dialog.current.close()}>Cancel</${Button}>
        <button type="submit" class=${`button ${asked.tone === 'bad' ? 'danger' : 'primary'}`} aria-busy=${state.busy ? 'true' : undefined}>${asked.action}</button></footer>
    </form></dialog>`;
}

export function Dialogs() {
  const asked = useStore(question);
  return asked && html`<${Question} key=${asked.id} asked=${asked} />`;
}

export function Toasts() {
  const all = useStore(toasts);
  const list = (tones) => all.filter(({ tone }) => tones.includes(tone)).map(({ id, text, tone }) => html`
    <div key=${id} class=${`toast ${tone}`}><${Icon} name=${tone === 'bad' ? 'warning' : 'check'} /><p>${text}</p><button type="button" class="copy" aria-label="Dismiss" onClick=${() => drop(id)}><${Icon} name="close" size=${14} /></button></div>`);
  return html`<div class="toasts"><div role="status" aria-live="polite">${list(['good'])}</div><div role="alert">${list(['bad'])}</div></div>`;
}
