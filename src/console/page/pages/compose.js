// Sends what an operator has composed: an update of a field, any message, or an update for all clients.

import { call } from '../api.js';
import { useResource } from '../data.js';
import { ask } from '../dialog.js';
import { bytes, channel, doId } from '../format.js';
import { Icon } from '../icons.js';
import { refine } from '../route.js';
import { Bones, Empty, Failed, Field, Looking, PageHead, Segments, useMay } from '../ui.js';
import { html, useEffect, useMemo, useState } from '../vendor/htm-preact.js';
import { Arguments, read, templates } from './arguments.js';
import { valueHint } from './object.js';

const ALL_CLIENTS = '10';

/** Shows what will be sent, and sends it when that is what was meant. */
function send(datagram, whom, done) {
  ask({
    title: `Send ${datagram.message} to ${whom}?`, action: 'Send', tone: datagram.channels.includes(ALL_CLIENTS) ? 'bad' : undefined,
    text: html`<p>Nothing checks whether the game expects this: it is routed as if ${datagram.sender === '0' ? 'nobody' : `channel ${datagram.sender}`} had sent it.</p><pre class="declaration">${JSON.stringify(datagram, null, 2)}</pre>`,
    async run() {
      const answer = await call('POST', 'datagrams', { body: datagram });
      done();
      return `${datagram.message} is sent, ${bytes(answer?.bytes ?? null)}`;
    },
  });
}

const sorted = (items) => [...items].sort((a, b) => a.name.localeCompare(b.name));

function FieldChoice({ classes, chosen, set, locked }) {
  const dclass = classes.find(({ name }) => name === chosen.class);
  const fields = dclass?.fields ?? [];
  return html`<${Field} label="Class" hint=${locked ? 'What the object says that it is' : undefined}>${(props) => html`<select ...${props} disabled=${locked} value=${chosen.class} onChange=${({ target }) => set({ class: target.value, field: '', value: '' })}>
      <option value="">Choose a class…</option>${sorted(classes).map(({ name }) => html`<option key=${name} value=${name} selected=${name === chosen.class}>${name}</option>`)}</select>`}</${Field}>
    <${Field} label="Field">${(props) => html`<select ...${props} disabled=${!dclass} value=${chosen.field} onChange=${({ target }) => set({ ...chosen, field: target.value, value: fields.find(({ name }) => name === target.value)?.default ?? '' })}>
      <option value="">Choose a field…</option>${fields.map(({ id, name }) => html`<option key=${id} value=${name} selected=${name === chosen.field}>${name}</option>`)}</select>`}</${Field}>`;
}

function ValueOf({ field, value, set, error }) {
  return html`<div class="field wide">${field ? html`<pre class="declaration">${field.declaration}</pre>` : html`<p class="note">The declaration is shown when a field is chosen.</p>`}</div>
    <${Field} wide label="Value" error=${error} hint=${`${valueHint(field ?? {})}. The default of the field is filled in`}>${(props) => html`<textarea ...${props} rows="4" class="mono" spellcheck=${false} disabled=${!field} value=${value} onInput=${({ target }) => set(target.value)}></textarea>`}</${Field}>`;
}

const Sender = ({ sender, set, error }) => html`<${Field} label="Sender" error=${error} hint="A channel; 0 for nobody">${(props) => html`<input ...${props} class="mono" inputmode="numeric" value=${sender} onInput=${({ target }) => set(target.value)} />`}</${Field}>`;

/** An update of one field: of an object wherever it lives, or as clients see it. */
function Update({ classes, all, query }) {
  const [target, aim] = useState(query.do_id ?? '');
  const [chosen, set] = useState({ class: query.class ?? '', field: query.field ?? '', value: '' });
  const [sender, from] = useState('0');
  const [tried, attempt] = useState(false);
  const id = doId(target);
  const { data: object } = useResource(id ? `objects/${id}` : null);
  const known = object?.class ?? '';
  useEffect(() => {
    if (known && known !== chosen.class) set({ class: known, field: '', value: '' });
  }, [known]);
  const field = classes.find(({ name }) => name === chosen.class)?.fields.find(({ name }) => name === chosen.field);
  const now = object?.fields?.find(({ name }) => name === chosen.field);
  const wrong = { target: id === null && 'This is no doId', field: !field && 'Choose a class and a field', value: chosen.value.trim() === '' && 'It needs a value', sender: channel(sender) === null && 'This is no channel' };
  const submit = (event) => {
    event.preventDefault();
    attempt(true);
    if (Object.values(wrong).some(Boolean)) return;
    const datagram = {
      channels: [all ? ALL_CLIENTS : String(id)], sender: channel(sender), message: 'STATESERVER_OBJECT_SET_FIELD',
      arguments: { do_id: id, field: `${chosen.class}.${chosen.field}`, value: chosen.value.trim() },
    };
    send(datagram, all ? 'all clients' : `object ${id}`, () => attempt(false));
  };
  return html`<form class="form" onSubmit=${submit} novalidate>
    ${all && html`<p class="form-note wide"><${Icon} name="info" /> <span>It goes to channel ${ALL_CLIENTS}, which all clients of the cluster hear. Clients that know the object get the update: those that see or own it, and all if it is an UberDOG. Nothing is stored.</span></p>`}
    <${Field} label=${all ? 'UberDOG or object' : 'Object'} error=${tried && wrong.target} hint="Its doId">${(props) => html`<input ...${props} class="mono" inputmode="numeric" value=${target} onInput=${({ target: { value } }) => aim(value)} />`}</${Field}>
    <${Sender} sender=${sender} set=${from} error=${tried && wrong.sender} />
    <${FieldChoice} classes=${classes} chosen=${chosen} set=${set} locked=${Boolean(known)} />
    <${ValueOf} field=${field} value=${chosen.value} error=${tried && (wrong.field || wrong.value)} set=${(value) => set({ ...chosen, value })} />
    ${now && now.value !== chosen.value && html`<p class="note wide">It is <code>${now.value.slice(0, 200)}</code> now. <button type="button" class="link" onClick=${() => set({ ...chosen, value: now.value })}>Begin with that</button></p>`}
    <div class="wide form-acts"><button type="submit" class="button primary"><${Icon} name="compose" /><span>${all ? 'Send to all clients…' : 'Send update…'}</span></button></div></form>`;
}

function Message({ classes, messages }) {
  const [number, choose] = useState('');
  const [channels, aim] = useState('');
  const [sender, from] = useState('0');
  const [values, set] = useState({});
  const [tried, attempt] = useState(false);
  const families = useMemo(() => Map.groupBy ? [...Map.groupBy(messages, ({ family }) => family)] : [['messages', messages]], [messages]);
  const message = messages.find((one) => String(one.number) === number);
  const targets = channels.split(/[\s,]+/).filter(Boolean).map(channel);
  const found = message ? read(message.arguments, values) : { errors: {}, arguments: {} };
  const wrong = { channels: targets.length === 0 ? 'At least one channel' : targets.includes(null) ? 'Not all of these are channels' : false, message: !message && 'Choose a message', sender: channel(sender) === null && 'This is no channel' };
  const submit = (event) => {
    event.preventDefault();
    attempt(true);
    if (Object.values(wrong).some(Boolean) || Object.keys(found.errors).length > 0) return;
    send({ channels: targets, sender: channel(sender), message: message.name, arguments: found.arguments }, targets.length === 1 ? `channel ${targets[0]}` : `${targets.length} channels`, () => attempt(false));
  };
  return html`<form class="form" onSubmit=${submit} novalidate>
    <${Field} label="Recipients" error=${tried && wrong.channels} hint="Channels, with spaces between them; 10 for all clients">${(props) => html`<input ...${props} class="mono" value=${channels} onInput=${({ target }) => aim(target.value)} />`}</${Field}>
    <${Sender} sender=${sender} set=${from} error=${tried && wrong.sender} />
    <${Field} wide label="Message" error=${tried && wrong.message}>${(props) => html`<select ...${props} value=${number} onChange=${({ target }) => {
      choose(target.value);
      set(templates(messages.find((one) => String(one.number) === target.value)?.arguments ?? []));
    }}><option value="">Choose a message…</option>${families.map(([family, some]) => html`<optgroup key=${family} label=${family.replaceAll('_', ' ')}>${some.map((one) => html`<option key=${one.number} value=${String(one.number)} selected=${String(one.number) === number}>${one.number} ${one.name}</option>`)}</optgroup>`)}</select>`}</${Field}>
    ${message && html`<${Arguments} of=${message.arguments} classes=${classes} values=${values} set=${set} errors=${tried ? found.errors : {}} />`}
    <div class="wide form-acts"><button type="submit" class="button primary"><${Icon} name="compose" /><span>Send message…</span></button></div></form>`;
}

const KINDS = [['update', 'Field update'], ['message', 'Any message'], ['broadcast', 'To all clients']];

export function Compose({ query }) {
  const may = useMay();
  const kind = KINDS.some(([name]) => name === query.kind) ? query.kind : 'update';
  const classes = useResource(may ? 'classes' : null);
  const messages = useResource(may && kind === 'message' ? 'messages' : null);
  const error = classes.error ?? messages.error;
  const ready = classes.data && (kind !== 'message' || messages.data);
  const head = html`<${PageHead} title="Compose" sub="Send a datagram as names and values, from the DC file and the table of messages" />`;
  if (!may) return html`${head}<${Empty} icon="compose" title="Here you may only look"><${Looking} /></${Empty}>`;
  return html`${head}<div class="filters"><${Segments} label="What to send" options=${KINDS} value=${kind} onChange=${(next) => refine({ kind: next === 'update' ? '' : next })} /></div>
    ${!ready ? (error ? html`<${Failed} error=${error} retry=${() => [classes, messages].forEach(({ reload }) => reload())} what="The DC file" />` : html`<${Bones} rows=${5} kind="rows" />`)
      : kind === 'message' ? html`<${Message} classes=${classes.data.classes} messages=${messages.data.messages} />`
      : html`<${Update} key=${kind} classes=${classes.data.classes} all=${kind === 'broadcast'} query=${query} />`}`;
}
