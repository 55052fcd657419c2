// One object: where it is, whose it is, what it says of itself, and who is watching.

import { call, path } from '../api.js';
import { useResource } from '../data.js';
import { ask } from '../dialog.js';
import { bytes, count, doId, plural } from '../format.js';
import { to } from '../route.js';
import { Table } from '../table.js';
import { Badge, Block, Bones, Button, ChannelLink, ClientLink, Copy, Empty, Facts, Failed, None, ObjectLink, PageHead, Rest, Stale, useMay } from '../ui.js';
import { html, useState } from '../vendor/htm-preact.js';

/** How a value is written. With a divisor, what is written is what is packed, not what it means. */
export function valueHint({ declaration }) {
  const divided = /\bu?int(?:8|16|32|64)(?:%[\d.]+)?\s*\/\s*(\d+)/.exec(declaration ?? '');
  const example = 'As in DC files: (1, 2), ("text", [1, 2, 3])';
  return divided ? `${example}. Values are packed: 25 means ${Number((25 / Number(divided[1])).toPrecision(4))}` : example;
}

export function editField(object, field, done) {
  ask({
    title: `Set ${object.class}.${field.name} of ${object.do_id}`, action: 'Send update',
    text: html`<p>The update goes to the object as one of an operator: it is stored, and sent to whoever hears this field.</p><pre class="declaration">${field.declaration}</pre>`,
    fields: [{ name: 'value', label: 'Value', type: 'textarea', value: field.cut ? '' : field.value ?? field.default ?? '', hint: valueHint(field), required: true }],
    async run({ value }) {
      await call('PUT', path`objects/${object.do_id}/fields/${field.name}`, { body: { value } });
      done?.();
      return `the update of ${field.name} is sent`;
    },
  });
}

const LONG = 240;

function Value({ field }) {
  const [open, set] = useState(false);
  const long = field.value.length > LONG;
  return html`<span class="value">${long && !open ? `${field.value.slice(0, LONG)}…` : field.value}</span>
    ${long && html` <button type="button" class="link" onClick=${() => set(!open)}>${open ? 'less' : `all ${count(field.value.length)} characters`}</button>`}
    ${field.cut && html` <${Badge} tone="warn" title="The daemon has cut it off">cut off, ${bytes(field.bytes)} in all</${Badge}>`}`;
}

export function Fields({ fields, edit }) {
  const columns = [
    { name: 'name', title: 'Field', kind: 'field-name', cell: (field) => html`<span class="mono" title=${field.declaration}>${field.name}</span><span class="keywords">${field.keywords.join(' ')}</span>` },
    { name: 'value', title: 'Value', grow: true, cell: (field) => html`<${Value} field=${field} />` },
    { name: 'bytes', title: 'Size', low: 2, below: ({ bytes: size }) => bytes(size), end: true, cell: ({ bytes: size }) => bytes(size) },
    edit && { name: 'edit', title: 'Actions', hide: true, end: true, cell: (field) => html`<${Button} small kind="ghost" icon="edit" label=${`Edit ${field.name}`} onClick=${() => edit(field)} />` },
  ].filter(Boolean);
  return html`<${Table} caption="Fields and their values" keyOf=${({ id }) => id} rows=${fields} columns=${columns} sortable=${false} />`;
}

export function Watcher({ kind, name, channel, link }) {
  if (kind === 'client' && channel) return html`<${ClientLink} channel=${channel} />`;
  if (kind === 'link') return html`<a href="#/links">${name || `link ${link}`}</a>`;
  return name || kind;
}

/** Whoever hears of it without listening to its location. */
function Nobody({ object: { ai, owner } }) {
  if (!ai && !owner) return html`<p class="note">Nobody hears of its updates.</p>`;
  return html`<p class="note">Nobody listens to its location${ai && html`; its AI <${ChannelLink} channel=${ai} /> gets what is <code>airecv</code>`}${owner && html`; its owner <${ClientLink} channel=${owner} /> gets what is <code>ownrecv</code>`}.</p>`;
}

export function One({ id }) {
  const there = doId(id) !== null;
  const { data: object, error, reload } = useResource(there ? path`objects/${id}` : null, { every: 5 });
  const may = useMay();
  const up = ['#/objects', 'Objects'];
  if (!there) return html`<${PageHead} title="Object" up=${up} /><${Empty} icon="search" title=${`${id} is no doId`}>doIds are numbers from 1 to 4,294,967,295.</${Empty}>`;
  if (!object) {
    return html`<${PageHead} title=${`Object ${id}`} up=${up} />${error ? html`<${Failed} error=${error} retry=${reload} what="This object" />
      ${error.status === 404 && html`<p class="after-failed note">It is on no state server of this daemon. It may be <a href=${to(['stored', id])}>stored in a database</a>, or live on another daemon.</p>`}` : html`<${Bones} rows=${8} kind="rows" />`}`;
  }
  return html`<${PageHead} title=${html`${object.class} <span class="mono">${object.do_id}</span>`} up=${up} sub=${html`<span class="dots">${object.where === 'elsewhere' ? html`<${Badge} tone="warn">lives on another daemon</${Badge}>` : html`<span>lives here</span>`}
        <span>${object.parent ? html`zone <a class="mono" href=${to(['objects', 'list'], { parent: object.parent, zone: object.zone })}>${object.zone}</a> of <${ObjectLink} doId=${object.parent} />` : 'without a parent'}</span></span>`}>
      <${Button} icon="reload" onClick=${reload}>Refresh</${Button}><a class="button" href=${to(['compose'], { do_id: object.do_id })}>Compose…</a></${PageHead}>
    <${Stale} error=${error} />
    <div class="halves"><div><${Block} title="Fields" note=${`${plural(object.fields.length, 'field')} with a value`}>${object.fields.length === 0 ? html`<p class="note">No field of it has a value.</p>` : html`<${Fields} fields=${object.fields} edit=${may && ((field) => editField(object, field, reload))} />`}</${Block}></div>
    <div><${Block} title="Place and people"><${Facts} of=${[
        ['doId', html`<span class="with-copy"><span class="mono">${object.do_id}</span><${Copy} text=${String(object.do_id)} what="the doId" /></span>`],
        ['Class', html`<a href=${to(['objects', 'list'], { class: object.class })}>${object.class}</a> <span class="note">id ${object.class_id}</span>`],
        ['Parent', object.parent ? html`<${ObjectLink} doId=${object.parent} />` : html`<${None} />`],
        ['Zone', object.parent ? html`<a class="mono" href=${to(['objects', 'list'], { parent: object.parent, zone: object.zone })}>${object.zone}</a>` : html`<${None} />`],
        ['Children', object.children === null ? null : object.children > 0 ? html`<a href=${to(['objects', 'list'], { parent: object.do_id })}>${count(object.children)}</a>` : count(object.children)],
        ['Owner', html`<${ClientLink} channel=${object.owner} />`],
        ['AI', html`<${ChannelLink} channel=${object.ai} />`],
        ['Location channel', object.location_channel && html`<${ChannelLink} channel=${object.location_channel} />`],
        ['Its own channel', html`<${ChannelLink} channel=${String(object.do_id)} />`],
        ['Stored', html`<a href=${to(['stored', object.do_id])}>look into the databases</a>`],
      ]} /></${Block}>
      <${Block} title="Who is watching" note=${plural(object.watchers.length + object.watchers_more, 'participant')}>
        ${object.watchers.length === 0 ? html`<${Nobody} object=${object} />` : html`<ul class="plain-list">${object.watchers.map((watcher, at) => html`<li key=${at}><${Watcher} ...${watcher} /><span class="note">${watcher.kind}</span></li>`)}</ul>`}<${Rest} more=${object.watchers_more} what="participants" /></${Block}></div></div>`;
}
