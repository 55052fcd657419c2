// The daemon's log as it is written, newest first.

import { call } from '../api.js';
import { merged, useList, useResource } from '../data.js';
import { ask } from '../dialog.js';
import { count, plural } from '../format.js';
import { useLive } from '../live.js';
import { refine } from '../route.js';
import { Act, Badge, Bones, Button, Empty, Failed, PageHead, SearchBox, Select, Time } from '../ui.js';
import { html, useEffect, useMemo, useRef, useState } from '../vendor/htm-preact.js';

export const LEVELS = ['fatal', 'error', 'security', 'warning', 'info', 'debug', 'trace'];
const TONES = { fatal: 'bad', error: 'bad', security: 'violet', warning: 'warn', info: 'quiet', debug: 'faint', trace: 'faint' };
const LINES_MOST = 1000;

export function changeLevel(now, done) {
  ask({
    title: 'Change the log level', action: 'Change',
    text: html`<p>What the daemon writes to its outputs from now on. It holds until the configuration is read again (reload) or the daemon is started again. <code>trace</code> shows single messages, and costs speed.</p>`,
    fields: [{ name: 'level', label: 'Level', value: now, options: LEVELS.map((level) => [level, `${level} and above`]) }],
    async run({ level }) {
      const { before } = await call('PUT', 'log/level', { body: { level } });
      done();
      return `the log level is ${level}, and was ${before}`;
    },
  });
}

const textOf = (line) => `${line.part} ${line.message} ${Object.entries(line.fields).map(([name, value]) => `${name}=${value}`).join(' ')}`.toLowerCase();

function fits(line, level, q) {
  if (level && LEVELS.indexOf(line.level) > LEVELS.indexOf(level)) return false;
  return !q || textOf(line).includes(q.toLowerCase());
}

function Line({ line, fresh }) {
  return html`<li class=${`log-line ${TONES[line.level] ?? ''}${fresh ? ' fresh' : ''}`}><span class="log-time"><${Time} at=${line.time} /></span><span class=${`log-level ${TONES[line.level] ?? ''}`}>${line.level}</span><span class="log-part">${line.part}</span>
    <span class="log-text"><span class="log-message">${line.message}</span>${Object.entries(line.fields).map(([name, value]) => html` <span key=${name} class="log-field"><span class="log-key">${name}=</span>${String(value)}</span>`)}</span></li>`;
}

export function Log({ query }) {
  const { level = '', q = '' } = query;
  const { data: now, reload } = useResource('log/level');
  const list = useList('log', { level, q }, { chunk: 200 });
  const [fresh, set] = useState([]);
  const [paused, pause] = useState(false);
  const waiting = useRef([]);
  const [held, hold] = useState(0);
  const lost = useRef(0);
  const [missed, miss] = useState(0);
  // Many lines may come at once: they are shown together, four times a second.
  useEffect(() => {
    if (paused) return undefined;
    const timer = setInterval(() => {
      if (waiting.current.length === 0) return;
      const more = waiting.current.reverse();
      waiting.current = [];
      hold(0);
      set((old) => [...more, ...old].slice(0, LINES_MOST));
    }, 250);
    return () => clearInterval(timer);
  }, [paused]);
  useLive('log', (line) => {
    waiting.current.push(line);
    if (waiting.current.length > LINES_MOST) waiting.current.shift();
    if (paused) hold(waiting.current.length);
  });
  useLive('lost', ({ topic, count: number }) => {
    if (topic !== 'log') return;
    lost.current += number;
    miss(lost.current);
  });
  const rows = useMemo(() => merged(fresh.filter((line) => fits(line, level, q)), list.items, LINES_MOST), [fresh, list.items, level, q]);
  const newest = list.items[0]?.seq;
  const isFresh = (line) => newest === undefined || BigInt(line.seq) > BigInt(newest);
  const filtered = level || q;
  return html`<${PageHead} title="Log" sub=${html`<span class="dots"><span>Newest first, as it is written</span>${now && html`<span>the daemon writes ${now.level} and above</span>`}</span>`}>
      <${Button} icon=${paused ? 'play' : 'pause'} onClick=${() => pause(!paused)}>${paused ? `Go on${held > 0 ? ` (${count(held)} new)` : ''}` : 'Pause'}</${Button}>
      <${Act} icon="edit" onClick=${() => changeLevel(now?.level ?? 'info', reload)}>Change level</${Act}></${PageHead}>
    <div class="filters" role="search" aria-label="Filter the log">
      <${SearchBox} label="Part of a line" value=${q} onChange=${(next) => refine({ q: next })} />
      <${Select} label="Level" value=${level} onChange=${(next) => refine({ level: next })} options=${[['', 'All levels'], ...LEVELS.map((name) => [name, name === 'fatal' ? name : `${name} and above`])]} />
      ${filtered && html`<${Button} kind="ghost" icon="close" onClick=${() => refine({ level: '', q: '' })}>Clear</${Button}>`}
      ${missed > 0 && html`<${Badge} tone="warn" title="This page took lines too slowly">${plural(missed, 'line')} missed</${Badge}>`}</div>
    ${rows.length === 0 && list.error ? html`<${Failed} error=${list.error} retry=${list.reload} what="The log" />`
      : rows.length === 0 && list.busy ? html`<${Bones} rows=${12} kind="rows" />`
      : rows.length === 0 ? html`<${Empty} icon="log" title=${filtered ? 'No line is like that' : 'The log is empty'}>${filtered ? 'Lines that come and fit are shown here.' : 'Lines are shown here as they are written.'}</${Empty}>`
      : html`<ol class="log" aria-label="Log, newest first">${rows.map((line) => html`<${Line} key=${line.seq} line=${line} fresh=${isFresh(line)} />`)}</ol>
        <div class="list-foot"><p class="note">${plural(rows.length, 'line')}${rows.length >= LINES_MOST ? ', the most that this page keeps' : ''}</p>${list.next !== null && rows.length < LINES_MOST && html`<${Button} small icon="down" busy=${list.busy} onClick=${list.more}>Older lines</${Button}>`}</div>`}`;
}
