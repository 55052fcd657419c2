// What one looks at first: what needs somebody, then how it goes, then what there is.

import { useList, useResource } from '../data.js';
import { Chart, summary } from '../chart.js';
import { KINDS, brief, bytes, count, micros, percent, plural, sentence, span } from '../format.js';
import { Icon } from '../icons.js';
import { useLive } from '../live.js';
import { samples } from '../samples.js';
import { identity, seenTheme } from '../shell.js';
import { useStore } from '../store.js';
import { Table } from '../table.js';
import { Badge, Block, Bones, ChannelLink, Copy, Empty, Facts, Failed, None, PageHead, Segments, Stale, Text, Time } from '../ui.js';
import { html, useEffect, useMemo, useState } from '../vendor/htm-preact.js';

const rate = (value) => (value === null || value === undefined ? '–' : brief(value));

const LARGE = [
  { title: 'Messages per second', format: rate, series: [{ key: 'delivered', label: 'delivered', tone: 'one', fill: true }, { key: 'routed', label: 'routed', tone: 'two' }] },
  { title: 'Router held per batch', format: micros, series: [{ key: 'hold_p99_us', label: 'p99', tone: 'one', fill: true }, { key: 'hold_p50_us', label: 'p50', tone: 'two' }] },
];
const SMALL = [
  { title: 'Clients', format: brief, zero: false, series: [{ key: 'clients', label: 'clients', tone: 'one', fill: true }] },
  { title: 'Objects', format: brief, zero: false, series: [{ key: 'objects', label: 'objects', tone: 'one', fill: true }] },
  { title: 'Processor', format: percent, series: [{ key: 'cpu', label: 'of one core', tone: 'one', fill: true }] },
  { title: 'Memory', format: bytes, ticks: (value) => bytes(value, 3), zero: false, series: [{ key: 'memory_bytes', label: 'memory', tone: 'one', fill: true }] },
];

function Uptime({ daemon, at }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((turn) => turn + 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return html`<span>up ${span(daemon.uptime_seconds + (Date.now() - at) / 1000)}</span>`;
}

function Warnings({ warnings }) {
  if (warnings.length === 0) return html`<p class="all-well"><${Icon} name="check" /> Nothing needs you.</p>`;
  const sorted = [...warnings].sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'critical' ? -1 : 1));
  return html`<section class="warnings" aria-label="What needs you"><ul>${sorted.map((warning) => html`
    <li key=${warning.id} class=${warning.severity === 'critical' ? 'bad' : 'warn'}><${Icon} name=${warning.severity === 'critical' ? 'critical' : 'warning'} label=${warning.severity} size=${18} />
      <div><h2>${warning.title}</h2><p>${sentence(warning.detail)}</p>${warning.action && html` <p class="to-do">${sentence(warning.action)}</p>`}</div>
      ${warning.href && html`<a class="button small" href=${warning.href}>Show</a>`}</li>`)}</ul></section>`;
}

function Figures() {
  const all = useStore(samples);
  const theme = useStore(seenTheme);
  const [seconds, set] = useState(600);
  const shown = useMemo(() => {
    const last = Date.parse(all.at(-1)?.time ?? 0);
    return all.filter(({ time }) => Date.parse(time) > last - seconds * 1000);
  }, [all, seconds]);
  return html`<${Block} title="Live" kind="live" acts=${html`<${Segments} label="Time shown" value=${seconds} onChange=${set} options=${[[60, '1 min'], [600, '10 min']]} />`}>
    <div class="charts">${LARGE.map((chart) => html`<${Chart} key=${chart.title} ...${chart} samples=${shown} theme=${theme} />`)}
      ${SMALL.map((chart) => html`<${Chart} key=${chart.title} ...${chart} small height=${96} samples=${shown} theme=${theme} />`)}</div>
    <${Numbers} samples=${shown} />
  </${Block}>`;
}

function Numbers({ samples: shown }) {
  const [open, set] = useState(false);
  const rows = open ? [...LARGE, ...SMALL].flatMap(({ title, format, series }) => series.map(({ key, label }) => ({ name: series.length > 1 ? `${title}: ${label}` : title, format, figures: summary(shown.map((sample) => sample[key])) }))) : [];
  const cell = (name) => ({ name, title: { now: 'Now', least: 'Least', mean: 'Mean', most: 'Most' }[name], end: true, cell: ({ figures, format }) => (figures ? format(figures[name]) : html`<${None} />`) });
  return html`<details class="numbers" open=${open} onToggle=${({ target }) => set(target.open)}><summary>The same as numbers</summary>
    ${open && html`<${Table} caption="Figures of the time shown" keyOf=${({ name }) => name} rows=${rows} columns=${[{ name: 'name', title: 'Figure', cell: ({ name }) => name }, cell('now'), cell('least'), cell('mean'), cell('most')]} />`}</details>`;
}

const ROLES = [
  { name: 'kind', title: 'Role', cell: ({ kind }) => KINDS[kind] ?? kind },
  { name: 'address', title: 'Listens on', low: 2, below: ({ address }) => address, kind: 'mono', cell: ({ address }) => address ?? html`<${None} />` },
  { name: 'channel', title: 'Channel', low: 1, below: ({ channel }) => channel && html`channel <${ChannelLink} channel=${channel} />`, cell: ({ channel }) => html`<${ChannelLink} channel=${channel} />` },
  { name: 'type', title: 'Protocol', low: 2, below: ({ type }) => type, cell: ({ type }) => type ?? html`<${None} />` },
  { name: 'clients', title: 'Clients', end: true, cell: (role) => (role.kind === 'client_agent' ? html`<a href="#/clients">${count(role.clients)}</a>` : html`<${None} />`) },
  { name: 'objects', title: 'Objects', end: true, cell: (role) => (/state_server/.test(role.kind) ? html`<a href="#/objects">${count(role.objects)}</a>` : html`<${None} />`) },
];

const CLOSED = [
  { name: 'who', title: 'Who', cell: ({ kind, name, channel, address }) => (kind === 'client' ? (channel ? html`<span class="mono">${channel}</span>` : 'client') : name || address) },
  { name: 'reason', title: 'Why', grow: true, cell: ({ reason, code }) => html`<span class="why"><${Text} text=${reason} />${code !== null && html` <${Badge} title="Reason of the ejection">${code}</${Badge}>`}</span>` },
  { name: 'address', title: 'Address', low: 2, at: 'reason', below: ({ address }) => address, kind: 'mono', cell: ({ address }) => address },
  { name: 'seconds', title: 'Was there', low: 1, at: 'reason', below: ({ seconds }) => `was there for ${span(seconds)}`, end: true, cell: ({ seconds }) => span(seconds) },
  { name: 'time', title: 'When', end: true, cell: ({ time }) => html`<${Time} at=${time} />` },
];

function Closed() {
  const list = useList('closed', {}, { chunk: 50 });
  const [fresh, set] = useState([]);
  useLive('closed', (item) => set((old) => [item, ...old].slice(0, 100)));
  const known = new Set(list.items.map(({ seq }) => seq));
  const [most, more] = useState(8);
  const rows = [...fresh.filter(({ seq }) => !known.has(seq)), ...list.items];
  return html`<${Block} title="Closed of late" note="Connections of clients and links that have ended, and why">
    ${list.error && rows.length === 0 ? html`<${Failed} error=${list.error} retry=${list.reload} what="What was closed" />`
      : rows.length === 0 ? (list.busy ? html`<${Bones} rows=${4} kind="rows" />` : html`<${Empty} icon="links" title="None has ended yet">Each connection that ends is here with its reason, the newest first.</${Empty}>`)
      : html`<${Table} caption="Connections that have ended, newest first" keyOf=${({ seq }) => seq} rows=${rows.slice(0, most)} columns=${CLOSED} sortable=${false} />
        ${rows.length > most && html`<div class="list-foot"><button type="button" class="button small" onClick=${() => more(most + 50)}>Show more</button></div>`}`}</${Block}>`;
}

const Hash = ({ hash, what }) => (hash ? html`<span class="with-copy"><code>${hash}</code><${Copy} text=${hash} what=${what} /></span>` : null);

function About({ overview: { daemon, dc, totals } }) {
  return html`<${Block} title="This daemon"><${Facts} of=${[
    ['Version', daemon.version],
    ['Configuration', html`<code>${daemon.config}</code>`],
    ['Started', html`<${Time} at=${daemon.started} />`],
    ['Process', html`<span class="mono">${daemon.pid}</span>, ${plural(daemon.threads, 'thread')}`],
    ['Log level', html`<a href="#/log">${daemon.log_level}</a>`],
    ['DC files', dc.files.length > 0 ? dc.files.map((file) => html`<code key=${file}>${file}</code> `) : null],
    ['DC hash', html`<${Hash} hash=${dc.hash} what="the DC hash" />`],
    ['Astron’s hash', dc.astron_hash && html`<${Hash} hash=${dc.astron_hash} what="Astron’s DC hash" />`],
    ['Schema', html`<a href="#/objects">${plural(dc.classes, 'class', 'classes')}</a>, ${plural(dc.fields, 'field')}`],
    ['Routed since then', count(totals.routed)],
    ['Delivered', count(totals.delivered)],
  ]} /></${Block}>`;
}

function Daemons({ daemons }) {
  return html`<${Block} title="Other daemons">
    ${daemons.length === 0 ? html`<p class="note">No link of this daemon leads to another one.</p>`
      : html`<ul class="daemons">${daemons.map(({ name, console: address, link }) => html`<li key=${link}>
        ${address && /^https?:\/\//.test(address) ? html`<a href=${address} rel="noreferrer">${name}<${Icon} name="external" size=${14} /></a><span class="note mono">${new URL(address).host}</span>`
          : html`<span>${name}</span><span class="note">has not said where its console is</span>`}</li>`)}</ul>`}</${Block}>`;
}

export function Overview() {
  const { data, error, reload } = useResource('overview', { every: 10 });
  const at = useMemo(() => Date.now(), [data]);
  useEffect(() => {
    if (data) identity.set({ name: data.daemon.name, stage: data.daemon.stage });
  }, [data]);
  if (!data && error) return html`<${PageHead} title="Overview" /><${Failed} error=${error} retry=${reload} what="The overview" />`;
  const daemon = data?.daemon;
  return html`<${PageHead} title=${daemon ? daemon.name ?? 'This daemon' : 'Overview'} sub=${daemon
      ? html`<span class="dots"><span>donet ${daemon.version}</span><${Uptime} daemon=${daemon} at=${at} /><span>${plural(data.counts.clients, 'client')}</span><span>${plural(data.counts.objects, 'object')}</span><span>${plural(data.counts.links, 'link')}</span></span>`
      : html`<span class="bone-text" aria-hidden="true"></span>`} />
    <${Stale} error=${error} />
    ${data ? html`<${Warnings} warnings=${data.warnings} />` : html`<p class="all-well" aria-hidden="true"><span class="bone-text"></span></p>`}
    <${Figures} />
    ${data ? html`<div class="halves"><div>
        <${Block} title="Roles">${data.roles.length === 0 ? html`<${Empty} icon="daemon" title="This daemon has no roles">It only passes messages on. Roles are listed as <code>roles</code> in the configuration.</${Empty}>`
          : html`<${Table} caption="Roles of this daemon" keyOf=${({ id }) => id} rows=${data.roles} columns=${ROLES} sortable=${false} />`}</${Block}>
        <${Closed} /></div>
      <div><${About} overview=${data} /><${Daemons} daemons=${data.daemons} /></div></div>` : html`<${Bones} rows=${6} kind="rows" />`}`;
}
