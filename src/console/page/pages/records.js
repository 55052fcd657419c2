// Records: what the game's servers and the daemon have told the event logger, and what operators have done.

import { useList, useResource } from '../data.js';
import { useLive } from '../live.js';
import { refine } from '../route.js';
import { ListTable } from '../table.js';
import { Badge, Bones, Empty, Failed, None, PageHead, SearchBox, Time } from '../ui.js';
import { html, useState } from '../vendor/htm-preact.js';

/** A list with what comes live before it. */
function useRecord(topic, on = true) {
  const list = useList(topic, {}, { on });
  const [fresh, set] = useState([]);
  useLive(topic, (item) => set((old) => [item, ...old].slice(0, 500)), on);
  const known = new Set(list.items.map(({ seq }) => seq));
  const more = fresh.filter(({ seq }) => !known.has(seq));
  return { ...list, items: list.skipped > 0 ? list.items : [...more, ...list.items], fresh: list.fresh && more.length === 0 };
}

const Pairs = ({ fields }) => html`<span class="pairs">${Object.entries(fields).map(([name, value]) => html`<span key=${name} class="log-field"><span class="log-key">${name}=</span>${typeof value === 'object' ? JSON.stringify(value) : String(value)} </span>`)}</span>`;

export function EventLog({ query }) {
  const { q = '' } = query;
  // A daemon without an event logger is not asked for its events: it would refuse.
  const overview = useResource('overview');
  const logger = overview.data?.roles.some(({ kind }) => kind === 'event_logger');
  const record = useRecord('eventlog', logger === true);
  const words = q.toLowerCase();
  const items = words ? record.items.filter((item) => JSON.stringify([item.type, item.sender, item.fields]).toLowerCase().includes(words)) : record.items;
  const none = logger === false || (record.error?.code === 'no_event_logger' && record.items.length === 0);
  const waits = logger === undefined && !overview.error;
  const columns = [
    { name: 'type', title: 'Event', kind: 'mono', cell: ({ type }) => type },
    { name: 'sender', title: 'Sender', low: 2, kind: 'mono', below: ({ sender }) => `from ${sender}`, cell: ({ sender }) => sender },
    { name: 'fields', title: 'What it says', grow: true, cell: ({ fields }) => html`<${Pairs} fields=${fields} />` },
    { name: 'time', title: 'When', low: 1, below: ({ time }) => html`<${Time} at=${time} />`, end: true, cell: ({ time }) => html`<${Time} at=${time} />` },
  ];
  return html`<${PageHead} title="Event log" sub="What the game’s servers and this daemon have told the event logger, newest first" />
    ${none ? html`<${Empty} icon="eventlog" title="This daemon has no event logger">A role of type <code>eventlogger</code> in its configuration makes it one. Events go to the address that <code>general.eventlogger</code> names.</${Empty}>`
      : waits ? html`<${Bones} rows=${8} kind="rows" />`
      : overview.error && !overview.data ? html`<${Failed} error=${overview.error} retry=${overview.reload} what="The event log" />`
      : html`<div class="filters" role="search" aria-label="Filter events"><${SearchBox} label="Among those shown" value=${q} onChange=${(next) => refine({ q: next })} /></div>
        <${ListTable} list=${{ ...record, items }} what="events" caption="Events, newest first" first="type" keyOf=${({ seq }) => seq} columns=${columns} sortable=${false}
          empty=${words ? html`<${Empty} icon="search" title="No event is like that">It looks among those that are loaded.</${Empty}>` : html`<${Empty} icon="eventlog" title="No event has come yet">Servers send events over UDP, in MessagePack. They are here as they come.</${Empty}>`} />`}`;
}

export function Audit() {
  const record = useRecord('audit');
  const columns = [
    { name: 'action', title: 'Action', kind: 'brief', cell: ({ action, ok }) => html`<span class="two"><span>${action}</span>${!ok && html`<${Badge} tone="bad">refused</${Badge}>`}</span>` },
    { name: 'object', title: 'On what', grow: true, cell: ({ object }) => object || html`<${None} />` },
    { name: 'detail', title: 'Detail', low: 2, at: 'object', below: ({ detail }) => detail, grow: true, cell: ({ detail }) => detail || html`<${None} />` },
    { name: 'user', title: 'Who', low: 1, at: 'object', below: ({ user }) => (user ? `by ${user}` : 'by nobody by name'), cell: ({ user }) => user ?? html`<${None}>nobody by name</${None}>` },
    { name: 'address', title: 'From', low: 2, at: 'object', below: ({ address }) => `from ${address}`, kind: 'mono', cell: ({ address }) => address },
    { name: 'time', title: 'When', end: true, cell: ({ time }) => html`<${Time} at=${time} />` },
  ];
  return html`<${PageHead} title="Audit" sub="Each action of an operator: the last thousand, newest first. All of them are in the log, with the target audit" />
    <${ListTable} list=${record} what="actions" caption="Actions of operators, newest first" keyOf=${({ seq }) => seq} columns=${columns} sortable=${false}
      empty=${html`<${Empty} icon="audit" title="Nobody has done anything yet">Log-ins, ejections, bans, updates and drains will be here; log-ins that were refused are in the log.</${Empty}>`} />`;
}
