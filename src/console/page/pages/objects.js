// DistributedObjects of this daemon's state servers: by class, by place, or one.

import { useList, useResource } from '../data.js';
import { count, doId as asDoId, plural } from '../format.js';
import { refine, to } from '../route.js';
import { ListTable, Table } from '../table.js';
import { Bones, Button, ChannelLink, ClientLink, Empty, Failed, None, ObjectLink, PageHead, SearchBox, Select, Share, Stale, Tabs, Text } from '../ui.js';
import { html, useState } from '../vendor/htm-preact.js';
import { One } from './object.js';
import { Places } from './places.js';

function Head({ here, children }) {
  const find = (text) => {
    if (asDoId(text) !== null) location.hash = to(['objects', text]);
  };
  return html`<${PageHead} title="Objects" sub="DistributedObjects that live on the state servers of this daemon">
      <${SearchBox} label="Go to a doId" inputmode="numeric" wait=${100_000} onChange=${find} />${children}</${PageHead}>
    <${Tabs} label="Objects" of=${[['#/objects', 'By class', here === 'classes'], ['#/objects/places', 'By place', here === 'places'], ['#/objects/list', 'All', here === 'list']]} />`;
}

function Classes() {
  const { data, error, busy, reload } = useResource('classes');
  const [empty, showEmpty] = useState(false);
  const head = html`<${Head} here="classes"><${Button} icon="reload" onClick=${reload} busy=${busy}>Refresh</${Button}></${Head}>`;
  if (!data) return html`${head}${error ? html`<${Failed} error=${error} retry=${reload} what="The classes" />` : html`<${Bones} rows=${8} kind="rows" />`}`;
  const total = data.classes.reduce((sum, { objects }) => sum + objects, 0);
  const filled = data.classes.filter(({ objects }) => objects > 0).sort((a, b) => b.objects - a.objects);
  const rows = empty ? [...filled, ...data.classes.filter(({ objects }) => objects === 0)] : filled;
  const without = data.classes.length - filled.length;
  const columns = [
    { name: 'name', title: 'Class', sort: ({ name }) => name, cell: ({ name, objects }) => (objects > 0 ? html`<a href=${to(['objects', 'list'], { class: name })}><${Text} text=${name} /></a>` : name) },
    { name: 'parents', title: 'Inherits', low: 1, below: ({ parents }) => parents.length > 0 && `is a ${parents.join(', ')}`, cell: ({ parents }) => (parents.length > 0 ? parents.join(', ') : html`<${None} />`) },
    { name: 'fields', title: 'Fields', low: 1, below: ({ fields }) => plural(fields.length, 'field'), end: true, sort: ({ fields }) => fields.length, cell: ({ fields }) => fields.length },
    { name: 'share', title: 'Share', hide: true, low: 2, kind: 'share-cell', cell: ({ objects }) => html`<${Share} of=${objects} total=${total} />` },
    { name: 'objects', title: 'Objects', end: true, sort: ({ objects }) => objects, cell: ({ objects }) => count(objects) },
  ];
  return html`${head}<${Stale} error=${error} />
    ${rows.length === 0 ? html`<${Empty} icon="objects" title="No object lives here">AI servers make objects with STATESERVER_CREATE_OBJECT_WITH_REQUIRED. ${plural(data.classes.length, 'class is', 'classes are')} known.</${Empty}>`
      : html`<${Table} caption="Classes and how many objects they have" keyOf=${({ id }) => id} rows=${rows} columns=${columns} />`}
    ${without > 0 && html`<div class="list-foot"><p class="note">${plural(total, 'object')}</p><${Button} small onClick=${() => showEmpty(!empty)}>${empty ? 'Hide' : 'Show'} ${plural(without, 'class', 'classes')} without objects</${Button}></div>`}`;
}

export const OBJECTS = [
  { name: 'id', title: 'doId', sort: ({ do_id: id }) => id, cell: ({ do_id: id }) => html`<${ObjectLink} doId=${id} />` },
  { name: 'class', title: 'Class', sort: (object) => object.class, cell: (object) => object.class },
  { name: 'parent', title: 'Parent', low: 1, at: 'class', below: ({ parent }) => (parent ? html`in <${ObjectLink} doId=${parent} />` : 'without a parent'), end: true, sort: ({ parent }) => parent, cell: ({ parent }) => (parent ? html`<${ObjectLink} doId=${parent} />` : html`<${None} />`) },
  { name: 'zone', title: 'Zone', end: true, sort: ({ zone }) => zone, cell: ({ parent, zone }) => html`<a class="mono" href=${to(['objects', 'list'], { parent, zone })}>${zone}</a>` },
  { name: 'owner', title: 'Owner', low: 2, at: 'class', below: ({ owner }) => owner && html`owner <${ClientLink} channel=${owner} />`, end: true, sort: ({ owner }) => (owner ? BigInt(owner) : 0n), cell: ({ owner }) => html`<${ClientLink} channel=${owner} />` },
  { name: 'ai', title: 'AI', low: 2, at: 'class', below: ({ ai }) => ai && html`AI <${ChannelLink} channel=${ai} />`, end: true, sort: ({ ai }) => (ai ? BigInt(ai) : 0n), cell: ({ ai }) => html`<${ChannelLink} channel=${ai} />` },
];

function All({ query }) {
  const { class: dclass = '', parent = '', zone = '' } = query;
  const { data } = useResource('classes');
  const list = useList('objects', { class: dclass, parent, zone });
  const filtered = dclass || parent || zone;
  const names = (data?.classes ?? []).map(({ name }) => name).sort();
  if (dclass && !names.includes(dclass)) names.unshift(dclass);
  const clear = () => refine({ class: '', parent: '', zone: '' });
  return html`<${Head} here="list"><${Button} icon="reload" onClick=${list.reload} busy=${list.busy}>Refresh</${Button}></${Head}>
    <div class="filters" role="search" aria-label="Filter objects">
      <${Select} label="Class" value=${dclass} onChange=${(next) => refine({ class: next })} options=${[['', 'All classes'], ...names.map((name) => [name, name])]} />
      <${SearchBox} label="Parent" inputmode="numeric" value=${parent} onChange=${(next) => refine({ parent: next })} />
      <${SearchBox} label="Zone" inputmode="numeric" value=${zone} onChange=${(next) => refine({ zone: next })} />
      ${filtered && html`<${Button} kind="ghost" icon="close" onClick=${clear}>Clear</${Button}>`}</div>
    <${ListTable} list=${list} what="objects" caption="Objects" keyOf=${({ do_id: id, role }) => `${role} ${id}`} columns=${OBJECTS}
      empty=${filtered ? html`<${Empty} icon="search" title="No object is there" acts=${html`<${Button} onClick=${clear}>Show all</${Button}>`}>None of this class is at this place on this daemon. Another state server may have some.</${Empty}>`
        : html`<${Empty} icon="objects" title="No object lives here">AI servers make them.</${Empty}>`} />`;
}

export function Objects({ parts, query }) {
  if (parts[0] === 'list') return html`<${All} query=${query} />`;
  if (parts[0] === 'places') return html`<${Head} here="places" /><${Places} />`;
  return parts.length > 0 ? html`<${One} key=${parts[0]} id=${parts[0]} />` : html`<${Classes} />`;
}
