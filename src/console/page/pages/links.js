// Who is linked to the message director, and for whom most is waiting.

import { call, path } from '../api.js';
import { useList, useResource } from '../data.js';
import { ask } from '../dialog.js';
import { bytes, count, plural, sinceSeconds } from '../format.js';
import { Icon } from '../icons.js';
import { ListTable, Table } from '../table.js';
import { Badge, Bones, Button, ClientLink, Empty, Failed, PageHead, Queue, Stale, Text, Time, queueTone, useMay } from '../ui.js';
import { html } from '../vendor/htm-preact.js';

function close(link, reload) {
  ask({
    title: `Close the link ${link.name || link.address}?`, tone: 'bad', action: 'Close link',
    text: html`<p>Its connection ends at once, and its post-removes are sent: what an AI has left to be done in that case is done. ${link.direction === 'out' ? 'This daemon connects to its upstream again by itself.' : 'Most programs connect again by themselves.'}</p>`,
    fields: [{ name: 'reason', label: 'Reason', hint: 'For the log and the audit', value: 'closed by an operator' }],
    async run({ reason }) {
      await call('POST', path`links/${link.id}/close`, { body: { reason } });
      reload();
      return `the link ${link.name || link.address} is closed`;
    },
  });
}

export function Links() {
  const list = useList('links');
  const may = useMay();
  const columns = [
    { name: 'name', title: 'Name', sort: ({ name }) => name, cell: (link) => html`<span class="two"><span>${link.name ? html`<${Text} text=${link.name} />` : html`<span class="none">without a name</span>`}</span>
      ${link.kind === 'daemon' && html`<${Badge} tone="accent">daemon</${Badge}>`}${link.direction === 'out' && html`<${Badge}>upstream</${Badge}>`}${link.tls && html`<${Badge} tone="good">TLS</${Badge}>`}</span>` },
    { name: 'address', title: 'Address', low: 1, below: ({ address }) => address, kind: 'mono', sort: ({ address }) => address, cell: ({ address }) => address },
    { name: 'since', title: 'Since', low: 2, below: ({ since }) => html`here for <${Time} at=${since} ago="plain" />`, end: true, sort: ({ since }) => sinceSeconds(since), cell: ({ since }) => html`<${Time} at=${since} ago="plain" />` },
    { name: 'channels', title: 'Channels', low: 2, below: ({ channels, ranges }) => `${plural(channels, 'channel')}${ranges > 0 ? ` + ${plural(ranges, 'range')}` : ''}`, end: true, sort: ({ channels }) => channels, cell: ({ channels, ranges }) => html`${count(channels)}${ranges > 0 && html` <span class="note">+ ${ranges} ${ranges === 1 ? 'range' : 'ranges'}</span>`}` },
    { name: 'queue', title: 'Queue', end: true, sort: ({ queue_bytes: size }) => size, cell: ({ queue_bytes: size }) => html`<${Queue} size=${size} />` },
    { name: 'received', title: 'Received', low: 3, below: ({ received_bytes: size }) => `received ${bytes(size)}`, end: true, sort: ({ received_bytes: size }) => BigInt(size), cell: ({ received_bytes: size }) => bytes(size) },
    { name: 'sent', title: 'Sent', low: 3, below: ({ sent_bytes: size }) => `sent ${bytes(size)}`, end: true, sort: ({ sent_bytes: size }) => BigInt(size), cell: ({ sent_bytes: size }) => bytes(size) },
    { name: 'act', title: 'Actions', hide: true, end: true, cell: (link) => html`<span class="acts">${link.console && /^https?:\/\//.test(link.console) && html`<a class="button small" href=${link.console} rel="noreferrer"><${Icon} name="external" /><span>Console</span></a>`}
      ${may && html`<button type="button" class="button small danger-quiet" aria-label=${`Close the link ${link.name || link.address}`} onClick=${() => close(link, list.reload)}>Close</button>`}</span>` },
  ];
  return html`<${PageHead} title="Links" sub="AI and UberDOG servers, and other daemons: whoever is connected to this message director, or it to them"><${Button} icon="reload" onClick=${list.reload} busy=${list.busy}>Refresh</${Button}></${PageHead}>
    <${ListTable} list=${list} what="links" caption="Links of the message director" keyOf=${({ id }) => id} columns=${columns}
      empty=${html`<${Empty} icon="links" title="Nobody is linked">AI and UberDOG servers connect to <code>messagedirector.bind</code>. Until then nobody answers what clients send to them.</${Empty}>`} />`;
}

export function Queues() {
  const { data, error, busy, reload } = useResource('queues', { every: 3 });
  const most = Math.max(1, ...(data?.items ?? []).map(({ queue_bytes: size }) => size));
  const columns = [
    { name: 'who', title: 'Who', cell: ({ kind, channel, name, id }) => (kind === 'client' ? html`<${ClientLink} channel=${channel} />` : html`<a href="#/links"><${Text} text=${name || `link ${id}`} /></a>`) },
    { name: 'kind', title: 'Kind', low: 2, below: ({ kind }) => kind, cell: ({ kind }) => kind },
    { name: 'address', title: 'Address', low: 1, below: ({ address }) => address, kind: 'mono', cell: ({ address }) => address },
    { name: 'share', title: 'Compared with the longest', hide: true, low: 2, kind: 'share-cell', cell: ({ queue_bytes: size }) => html`<span class=${`share ${queueTone(size)}`} aria-hidden="true"><span style=${{ width: `${(size / most) * 100}%` }}></span></span>` },
    { name: 'queue', title: 'Waits', end: true, cell: ({ queue_bytes: size }) => html`<${Queue} size=${size} />` },
  ];
  return html`<${PageHead} title="Slow queues" sub="Whoever takes what is sent to him more slowly than it comes. The fifty longest, asked for each three seconds" />
    <${Stale} error=${data && error} />
    ${!data ? (error ? html`<${Failed} error=${error} retry=${reload} what="The queues" />` : html`<${Bones} rows=${8} kind="rows" />`)
      : data.items.length === 0 ? html`<${Empty} icon="check" title="Nothing waits">All clients and links take what is sent to them. Who falls too far behind is dropped, with a line in the <a href="#/log">log</a>.</${Empty}>`
      : html`<${Table} caption="The longest outgoing queues" keyOf=${({ kind, id, channel }) => `${kind} ${id ?? channel}`} rows=${data.items} columns=${columns} sortable=${false} />`}`;
}
