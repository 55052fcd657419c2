// What can be done with the daemon as a whole.

import { call } from '../api.js';
import { useResource } from '../data.js';
import { ask } from '../dialog.js';
import { plural, sentence } from '../format.js';
import { Icon } from '../icons.js';
import { Act, Badge, Bones, Failed, Looking, PageHead, Stale, useMay } from '../ui.js';
import { html, useState } from '../vendor/htm-preact.js';
import { changeLevel } from './log.js';

const words = (answer, otherwise) => (answer?.said?.length > 0 ? answer.said.join('; ') : otherwise);

function Deed({ icon, title, state, children, act }) {
  return html`<li class="deed"><${Icon} name=${icon} size=${20} /><div><h2>${title} ${state}</h2>${children}</div><div class="deed-act">${act}</div></li>`;
}

export function Daemon() {
  const { data, error, reload } = useResource('overview', { every: 5 });
  const may = useMay();
  const [read, setRead] = useState(null);
  if (!data) return html`<${PageHead} title="Daemon" />${error ? html`<${Failed} error=${error} retry=${reload} what="The daemon’s state" />` : html`<${Bones} rows=${6} kind="rows" />`}`;
  const { daemon, counts } = data;
  const draining = daemon.stage === 'draining' || daemon.stage === 'stopping';

  const drain = () => ask({
    title: `Drain ${daemon.name ?? 'this daemon'}?`, tone: 'bad', action: 'Drain',
    text: html`<p>New clients are refused from now on. ${plural(counts.clients, 'client')} may stay until the grace is over, then the daemon ends. A drain cannot be taken back, only shortened by another one.</p>`,
    fields: [{ name: 'grace', label: 'Grace in seconds', type: 'number', min: 0, value: '600', hint: 'Left empty: what daemon.drain says' }],
    async run({ grace }) {
      const answer = await call('POST', 'drain', { body: { grace_seconds: grace === '' ? null : Number(grace) } });
      reload();
      return words(answer, 'the daemon drains');
    },
  });
  const readAgain = () => ask({
    title: 'Read the configuration again?', action: 'Reload',
    text: html`<p><code>${daemon.config}</code>, certificates and log files. What cannot be changed while it runs is told, and takes effect at the next start; everything else is applied. If the file has errors, nothing is changed.</p>`,
    async run() {
      const answer = await call('POST', 'reload');
      setRead(answer);
      reload();
      return words(answer, 'the configuration is read again');
    },
  });

  return html`<${PageHead} title="Daemon" sub=${html`<span class="dots"><span>${daemon.name ?? 'without a name'}</span><span>donet ${daemon.version}</span><span>process <span class="mono">${daemon.pid}</span></span></span>`} />
    <${Stale} error=${error} />
    ${!may && html`<p class="form-note looking"><${Icon} name="info" /> <span><${Looking} /></span></p>`}
    <ul class="deeds">
      <${Deed} icon="log" title="Log level" state=${html`<${Badge}>${daemon.log_level}</${Badge}>`} act=${html`<${Act} onClick=${() => changeLevel(daemon.log_level, reload)}>Change…</${Act}>`}>
        <p>How much is written to the log. It holds until the configuration is read again (reload) or the daemon is started again.</p></${Deed}>
      <${Deed} icon="reload" title="Reload" act=${html`<${Act} onClick=${readAgain}>Reload…</${Act}>`}>
        <p>Reads <code>${daemon.config}</code> and certificates again, and opens log files anew.</p>
        ${read && html`<div class="answer" role="status">${[...(read.said ?? []), ...(read.complained ?? [])].map((line) => html`<p key=${line}>${sentence(line)}</p>`)}</div>`}</${Deed}>
      <${Deed} icon="drain" title="Drain" state=${draining && html`<${Badge} tone="warn">${daemon.stage}</${Badge}>`} act=${html`<${Act} kind="danger" onClick=${drain} disabled=${daemon.stage === 'stopping'}>${draining ? 'Shorten…' : 'Drain…'}</${Act}>`}>
        <p>Refuses new clients, lets the others play on for a grace, and then ends the daemon. ${plural(counts.clients, 'client is', 'clients are')} here now.</p></${Deed}>
    </ul>`;
}
