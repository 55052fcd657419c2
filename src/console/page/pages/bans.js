// Who may not come.

import { call, path } from '../api.js';
import { useResource } from '../data.js';
import { ask } from '../dialog.js';
import { sentence } from '../format.js';
import { refine } from '../route.js';
import { Table } from '../table.js';
import { Act, Bones, Empty, Failed, PageHead, Rest, Stale, Time, useMay } from '../ui.js';
import { html, useEffect } from '../vendor/htm-preact.js';

const SPANS = [['3600', 'an hour'], ['86400', 'a day'], ['604800', 'a week'], ['2592000', '30 days'], ['', 'for good']];

const said = (answer, otherwise) => (answer?.said?.length > 0 ? answer.said.join('; ') : otherwise);

function add(subject, done) {
  ask({
    title: 'Ban', tone: 'bad', action: 'Ban',
    text: html`<p>Whoever it concerns is ejected now, and refused from now on.</p>`,
    fields: [
      { name: 'subject', label: 'Address, network or account', value: subject, required: true, placeholder: '192.0.2.0/24', hint: '192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or account 17' },
      { name: 'seconds', label: 'For how long', value: '86400', options: SPANS },
      { name: 'reason', label: 'Reason', value: '', hint: 'The player is told it' },
      { name: 'force', label: 'If it may be for others, too', value: '', options: [['', 'refuse: everybody, a proxy, this machine'], ['yes', 'ban all the same']] },
    ],
    failed: ({ message }) => (message.includes('--force') ? `${sentence(message.replace(/;[^;]*--force[^;]*$/, ''))} Choose “ban all the same” above if that is meant.` : null),
    async run({ subject: whom, seconds, reason, force }) {
      const answer = await call('POST', 'bans', { body: { subject: whom.trim(), seconds: seconds === '' ? null : Number(seconds), reason, force: force === 'yes' } });
      done();
      return said(answer, `${whom} is banned`);
    },
  });
}

function remove(ban, done) {
  ask({
    title: `Let ${ban.subject} in again?`, action: 'Remove ban',
    text: ban.reason && html`<p>It was banned for: ${ban.reason}</p>`,
    async run() {
      const answer = await call('DELETE', path`bans/${ban.subject}`);
      done();
      return said(answer, `${ban.subject} may come again`);
    },
  });
}

export function Bans({ query }) {
  const { data, error, reload } = useResource('bans', { every: 15 });
  const may = useMay();
  // Somebody comes from a client's page with its address.
  useEffect(() => {
    if (!query.subject || !may) return;
    refine({ subject: '' });
    add(query.subject, reload);
  }, [query.subject]);
  const columns = [
    { name: 'subject', title: 'Who', kind: 'mono', sort: ({ subject }) => subject, cell: ({ subject }) => subject },
    { name: 'reason', title: 'Why', low: 1, below: ({ reason }) => reason, grow: true, cell: ({ reason }) => reason || html`<span class="none">no reason given</span>` },
    { name: 'until', title: 'Until', end: true, sort: ({ until }) => until ?? '9', cell: ({ until }) => (until ? html`<${Time} at=${until} />` : 'for good') },
    may && { name: 'act', title: 'Actions', hide: true, end: true, cell: (ban) => html`<button type="button" class="button small" aria-label=${`Remove the ban of ${ban.subject}`} onClick=${() => remove(ban, reload)}>Remove</button>` },
  ].filter(Boolean);
  return html`<${PageHead} title="Bans" sub="Addresses, networks and accounts that client agents refuse">${data?.configured && html`<${Act} kind="primary" icon="plus" onClick=${() => add('', reload)}>Ban…</${Act}>`}</${PageHead}>
    <${Stale} error=${data && error} />
    ${!data ? (error ? html`<${Failed} error=${error} retry=${reload} what="The list of bans" />` : html`<${Bones} rows=${5} kind="rows" />`)
      : !data.configured ? html`<${Empty} icon="bans" title="This daemon keeps no list of bans">Name a file as <code>banlist</code> in the configuration, empty at first, and start the daemon again: then players can be banned here and with <code>donet ban</code>.</${Empty}>`
      : data.items.length === 0 ? html`<${Empty} icon="bans" title="Nobody is banned">Ban an address, a network or an account, and it is refused before it is let in.</${Empty}>`
      : html`<${Table} caption="Bans" keyOf=${({ subject }) => subject} rows=${data.items} columns=${columns} /><${Rest} more=${data.more ?? 0} what="bans, which the file has" />`}`;
}
