// Players' connections: who is there, what each sees, and how one is sent away.

import { call, path } from '../api.js';
import { useList, useResource } from '../data.js';
import { ask } from '../dialog.js';
import { bytes, channel as asChannel, count, plural } from '../format.js';
import { go, refine, route, to } from '../route.js';
import { ListTable, Table } from '../table.js';
import { Act, Badge, Block, Bones, Button, ChannelLink, ClientLink, Copy, Empty, Facts, Failed, ObjectLink, PageHead, Queue, Rest, SearchBox, Select, Stale, Text, Time, useMay } from '../ui.js';
import { html } from '../vendor/htm-preact.js';

const STATES = { new: 'quiet', anonymous: 'warn', established: 'good' };
const State = ({ state }) => html`<span class=${`state ${STATES[state] ?? 'quiet'}`}>${state}</span>`;
/** An address without its port: what a ban is for. */
const hostOf = (address) => address.replace(/:\d+$/, '').replace(/^\[(.+)\]$/, '$1');

export function eject(client, done) {
  ask({
    title: `Eject client ${client.channel}?`, tone: 'bad', action: 'Eject',
    text: html`<p>${client.address} is told the reason, and its connection ends. It may come again at once; a <a href=${to(['bans'], { subject: hostOf(client.address) })}>ban</a> keeps it away.</p>`,
    fields: [
      { name: 'code', label: 'Code', type: 'number', min: 0, max: 65535, value: '155', required: true, hint: 'What the game’s client knows it by' },
      { name: 'reason', label: 'Reason', value: 'ejected by an operator', hint: 'The player may be shown it' },
    ],
    async run({ code, reason }) {
      await call('POST', path`clients/${client.allocated ?? client.channel}/eject`, { body: { code: Number(code), reason } });
      done();
      return `client ${client.channel} is ejected`;
    },
  });
}

function listColumns(may, list) {
  return [
    { name: 'channel', title: 'Channel', sort: ({ channel }) => BigInt(channel), cell: (client) => html`<${ClientLink} channel=${client.channel} />` },
    { name: 'address', title: 'Address', low: 1, kind: 'mono', below: ({ address }) => address, sort: ({ address }) => address, cell: ({ address }) => address },
    { name: 'state', title: 'State', low: 1, below: ({ state }) => state, sort: ({ state }) => state, cell: ({ state }) => html`<${State} state=${state} />` },
    { name: 'transport', title: 'Transport', low: 2, below: ({ transport }) => transport, sort: ({ transport }) => transport, cell: ({ transport }) => transport },
    { name: 'since', title: 'Here for', low: 2, below: ({ since }) => html`here for <${Time} at=${since} ago="plain" />`, end: true, sort: ({ since }) => -Date.parse(since), cell: ({ since }) => html`<${Time} at=${since} ago="plain" />` },
    { name: 'interests', title: 'Interests', low: 3, end: true, sort: ({ interests }) => interests, cell: ({ interests }) => count(interests) },
    { name: 'objects', title: 'Sees', low: 2, below: ({ objects }) => `sees ${count(objects)}`, end: true, sort: ({ objects }) => objects, cell: ({ objects }) => count(objects) },
    { name: 'queue', title: 'Queue', end: true, sort: ({ queue_bytes: size }) => size, cell: ({ queue_bytes: size }) => html`<${Queue} size=${size} />` },
    { name: 'received', title: 'Received', low: 3, end: true, sort: ({ received_bytes: size }) => BigInt(size), cell: ({ received_bytes: size }) => bytes(size) },
    { name: 'sent', title: 'Sent', low: 3, end: true, sort: ({ sent_bytes: size }) => BigInt(size), cell: ({ sent_bytes: size }) => bytes(size) },
    may && { name: 'act', title: 'Actions', hide: true, end: true, cell: (client) => html`<button type="button" class="button small danger-quiet" aria-label=${`Eject client ${client.channel}`} onClick=${() => eject(client, list.reload)}>Eject</button>` },
  ].filter(Boolean);
}

function All({ query }) {
  const { state = '', q = '', address = '' } = query;
  const list = useList('clients', { state, q, address });
  const may = useMay();
  const filtered = state || q || address;
  return html`<${PageHead} title="Clients" sub="Players’ connections to the client agents of this daemon"><${Button} icon="reload" onClick=${list.reload} busy=${list.busy}>Refresh</${Button}></${PageHead}>
    <div class="filters" role="search" aria-label="Filter clients">
      <${SearchBox} label="Part of a channel or address" value=${q} onChange=${(next) => refine({ q: next })} />
      <${Select} label="State" value=${state} onChange=${(next) => refine({ state: next })} options=${[['', 'All states'], ['new', 'new'], ['anonymous', 'anonymous'], ['established', 'established']]} />
      ${filtered && html`<${Button} kind="ghost" icon="close" onClick=${() => refine({ state: '', q: '', address: '' })}>Clear</${Button}>`}</div>
    <${ListTable} list=${list} what="clients" caption="Clients" keyOf=${({ allocated, channel }) => allocated ?? channel} columns=${listColumns(may, list)}
      empty=${filtered ? html`<${Empty} icon="search" title="No client is like that" acts=${html`<${Button} onClick=${() => refine({ state: '', q: '', address: '' })}>Show all</${Button}>`}>Look for part of a channel or of an address, such as <code>203.0.113</code>.</${Empty}>`
        : html`<${Empty} icon="clients" title="No client is here">Players connect to the addresses of the client agents, which the <a href="#/">overview</a> lists.</${Empty}>`} />`;
}

const INTERESTS = [
  { name: 'id', title: 'Interest', cell: ({ id, context }) => id ?? (context !== undefined ? `context ${context}` : 'by the server') },
  { name: 'parent', title: 'Parent', cell: ({ parent }) => html`<${ObjectLink} doId=${parent} />` },
  { name: 'zones', title: 'Zones', grow: true, cell: ({ parent, zones }) => html`<span class="zones">${zones.slice(0, 24).map((zone) => html`<a key=${zone} class="mono" href=${to(['objects', 'list'], { parent, zone })}>${zone}</a> `)}${zones.length > 24 && html`<span class="note">and ${zones.length - 24} more</span>`}</span>` },
];

const SEES = [
  { name: 'id', title: 'doId', sort: ({ do_id: id }) => id, cell: ({ do_id: id }) => html`<${ObjectLink} doId=${id} />` },
  { name: 'class', title: 'Class', sort: (object) => object.class, cell: (object) => html`<span class="two"><span><${Text} text=${object.class} /></span>${object.owned && html`<${Badge} tone="accent">owned</${Badge}>`}</span>` },
  { name: 'parent', title: 'Parent', low: 1, at: 'class', below: ({ parent }) => html`in <${ObjectLink} doId=${parent} />`, end: true, sort: ({ parent }) => parent, cell: ({ parent }) => html`<${ObjectLink} doId=${parent} />` },
  { name: 'zone', title: 'Zone', end: true, sort: ({ zone }) => zone, cell: ({ parent, zone }) => html`<a class="mono" href=${to(['objects', 'list'], { parent, zone })}>${zone}</a>` },
];

function One({ channel }) {
  const { data: client, error, reload } = useResource(path`clients/${channel}`, { every: 5 });
  const up = ['#/clients', 'Clients'];
  if (!client) {
    return html`<${PageHead} title=${`Client ${channel}`} up=${up} />${error
      ? html`<${Failed} error=${error} retry=${reload} what="This client" />${error.status === 404 && html`<p class="after-failed note">It may have left: the <a href="#/">overview</a> lists the connections that have ended. Who listens to <${ChannelLink} channel=${asChannel(channel) ?? channel} />?</p>`}`
      : html`<${Bones} rows=${8} kind="rows" />`}`;
  }
  const left = () => route.get().parts[1] === channel && go('#/clients');
  return html`<${PageHead} title=${html`Client <span class="mono">${client.channel}</span>`} up=${up} sub=${html`<span class="dots"><${State} state=${client.state} /><span class="mono">${client.address}</span><span>here for <${Time} at=${client.since} ago="plain" /></span></span>`}>
      <${Act} kind="danger" icon="logout" onClick=${() => eject(client, left)}>Eject</${Act}></${PageHead}>
    <${Stale} error=${error} />
    <div class="halves"><div>
      <${Block} title="Interests" note=${plural(client.open_interests.length, 'open interest')}>${client.open_interests.length === 0 ? html`<p class="note">It has opened none: it sees only what it owns.</p>`
        : html`<${Table} caption="Open interests" keyOf=${({ id, context, parent }) => `${id} ${context} ${parent}`} rows=${client.open_interests} columns=${INTERESTS} sortable=${false} />`}</${Block}>
      <${Block} title="What it sees" note=${plural(client.sees.length + client.sees_more, 'object')}>${client.sees.length === 0 ? html`<p class="note">Nothing yet.</p>`
        : html`<${Table} caption="Objects that the client sees" keyOf=${({ do_id: id }) => id} rows=${client.sees} columns=${SEES} /><${Rest} more=${client.sees_more} what="objects" />`}</${Block}></div>
    <div>
      <${Block} title="Connection"><${Facts} of=${[
        ['Channel', html`<span class="with-copy"><${ChannelLink} channel=${client.channel} /><${Copy} text=${client.channel} what="the channel" /></span>`],
        client.allocated !== client.channel && ['Allocated', html`<${ChannelLink} channel=${client.allocated} />`],
        ['Address', html`<span class="mono breaks">${client.address}</span>`],
        ['From there', html`<a href=${to(['clients'], { address: hostOf(client.address) })}>all clients of this address</a>`],
        ['Transport', client.transport], ['Protocol', client.type],
        ['Here since', html`<${Time} at=${client.since} />`],
        ['Received', bytes(client.received_bytes)], ['Sent', bytes(client.sent_bytes)],
        ['Queue', html`<${Queue} size=${client.queue_bytes} />`],
        ['Post-removes', count(client.post_removes)],
      ]} /></${Block}>
      <${Block} title="Listens to" note=${plural(client.channels.length + client.channels_more, 'channel')}>
        <ul class="chips">${client.channels.map((one) => html`<li key=${one}><${ChannelLink} channel=${one} /></li>`)}</ul><${Rest} more=${client.channels_more} what="channels" /></${Block}>
    </div></div>`;
}

export const Clients = ({ parts, query }) => (parts.length > 0 ? html`<${One} key=${parts[0]} channel=${parts[0]} />` : html`<${All} query=${query} />`);
