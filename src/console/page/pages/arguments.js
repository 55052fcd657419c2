// The arguments of a message as a form, and as the JSON that the daemon takes.

import { Field } from '../ui.js';
import { html } from '../vendor/htm-preact.js';

const BITS = { u8: 8, u16: 16, u32: 32, doid: 32, zone: 32, context: 32, class: 16, interest: 16 };
const WIDE = new Set(['u64', 'channel']);
const TEXT = new Set(['string', 'blob', 'secret', 'field', 'value']);

const OBJECT = { do_id: 0, parent: 0, zone: 0, class: '', required: [] };
const MESSAGE = { message: '', arguments: {} };
/** What an argument of several parts looks like as JSON: something to begin with. */
const TEMPLATES = {
  location: { parent: 0, zone: 0 }, object: OBJECT, object_with_other: { ...OBJECT, other: [] }, values: { required: [] },
  field_values: [{ field: 'Class.name', value: '()' }], field_pairs: [{ field: 'Class.name', value: { old: '()', new: '()' } }],
  old_and_new: { old: '()', new: '()' }, datagram: { recipients: ['0'], sender: '0', ...MESSAGE }, client_datagram: MESSAGE,
  list: [], run: [], option: null, unless_empty: null, record: {}, pair: {}, rest: '',
};

function templateOf(type) {
  if (Object.hasOwn(TEMPLATES, type)) return TEMPLATES[type];
  // Such as `list of channel`: a list, of whatever it is.
  const [outer] = type.split(' ');
  return Object.hasOwn(TEMPLATES, outer) ? TEMPLATES[outer] : undefined;
}

/** What a form begins with: values of arguments that have several parts. */
export function templates(of) {
  return Object.fromEntries(of.flatMap(({ name, type }) => {
    const template = templateOf(type.toLowerCase());
    return template === undefined ? [] : [[name, JSON.stringify(template, null, JSON.stringify(template).length > 40 ? 2 : 0)]];
  }));
}

/** What stands in a field of the form as a value, or an error. */
function parse(type, text) {
  if (type === 'bool') return { value: text === 'true' };
  if (type === 'string' || type === 'blob' || type === 'secret') return { value: text };
  const trimmed = text.trim();
  if (trimmed === '') return { error: 'It needs a value' };
  if (type === 'field' && !/^\w+\.\w+$/.test(trimmed)) return { error: 'As Class.field' };
  if (TEXT.has(type)) return { value: trimmed };
  // A class may be given by name.
  if (type === 'class' && /^[A-Za-z_]\w*$/.test(trimmed)) return { value: trimmed };
  if (BITS[type] !== undefined || WIDE.has(type)) {
    const bits = BITS[type] ?? 64;
    if (!/^\d{1,20}$/.test(trimmed) || BigInt(trimmed) >= 1n << BigInt(bits)) return { error: `A number of ${bits} bits` };
    return { value: WIDE.has(type) ? BigInt(trimmed).toString() : Number(trimmed) };
  }
  try {
    return { value: JSON.parse(trimmed) };
  } catch {
    return { error: 'This is no JSON' };
  }
}

/** `{arguments, errors}` by name. */
export function read(of, values) {
  const found = { arguments: {}, errors: {} };
  for (const { name, type } of of) {
    const { value, error } = parse(type.toLowerCase(), values[name] ?? '');
    if (error) found.errors[name] = error;
    else found.arguments[name] = value;
  }
  return found;
}

function hintOf(type) {
  if (type === 'value') return 'value of that field, as in DC files: (1, 2)';
  if (type === 'field') return 'field, as Class.field';
  if (type === 'class') return 'class, by name or id';
  if (BITS[type] !== undefined || WIDE.has(type) || TEXT.has(type) || type === 'bool') return type;
  return `${type}, as JSON`;
}

function Input({ type, props, value, set }) {
  const change = ({ target }) => set(target.value);
  if (type === 'bool') return html`<select ...${props} value=${value || 'false'} onChange=${change}><option value="false">no</option><option value="true">yes</option></select>`;
  if (BITS[type] !== undefined || WIDE.has(type)) return html`<input ...${props} class="mono" inputmode=${type === 'class' ? undefined : 'numeric'} list=${type === 'class' ? 'classes' : undefined} value=${value} autocomplete="off" onInput=${change} />`;
  if (type === 'field') return html`<input ...${props} class="mono" list="fields" value=${value} autocomplete="off" onInput=${change} />`;
  if (type === 'string') return html`<input ...${props} value=${value} autocomplete="off" onInput=${change} />`;
  return html`<textarea ...${props} rows=${type === 'value' ? 2 : Math.min(12, Math.max(3, (value ?? '').split('\n').length))} class="mono" spellcheck=${false} value=${value} onInput=${change}></textarea>`;
}

export function Arguments({ of, classes, values, set, errors }) {
  if (of.length === 0) return html`<p class="note wide">This message has no arguments.</p>`;
  const wide = (type) => !(BITS[type] !== undefined || WIDE.has(type) || type === 'bool' || type === 'field');
  return html`${of.map(({ name, type }) => html`<${Field} key=${name} label=${name} hint=${hintOf(type)} error=${errors[name]} wide=${wide(type)}>${(props) => html`
      <${Input} type=${type.toLowerCase()} props=${props} value=${values[name] ?? ''} set=${(value) => set((old) => ({ ...old, [name]: value }))} />`}</${Field}>`)}
    <datalist id="classes">${classes.map(({ name }) => html`<option key=${name} value=${name} />`)}</datalist>
    <datalist id="fields">${classes.flatMap((dclass) => dclass.fields.map(({ name }) => html`<option key=${`${dclass.name}.${name}`} value=${`${dclass.name}.${name}`} />`))}</datalist>`;
}
