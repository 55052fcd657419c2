// What databases have, and who listens to a channel: one number each.

import { path } from '../api.js';
import { useResource } from '../data.js';
import { channel as asChannel, count, doId, plural } from '../format.js';
import { go, to } from '../route.js';
import { Table } from '../table.js';
import { Badge, Block, Bones, ChannelLink, ClientLink, Copy, Empty, Facts, Failed, Field, ObjectLink, PageHead, Rest, Stale, Text } from '../ui.js';
import { html, useEffect, useState } from '../vendor/htm-preact.js';
import { Fields } from './object.js';

/** A form with one number, which leads to its page. */
function Ask({ label, button, place, value, check, wrong, hint }) {
  const [text, set] = useState(value ?? '');
  const [error, fail] = useState('');
  useEffect(() => {
    set(value ?? '');
    fail('');
  }, [value]);
  const submit = (event) => {
    event.preventDefault();
    if (check(text) === null) return fail(wrong);
    fail('');
    return go(to([place, text.trim()]));
  };
  return html`<form class="ask" role="search" onSubmit=${submit}><${Field} label=${label} hint=${hint} error=${error}>${(props) => html`<input ...${props} name="number" class="mono" inputmode="numeric" autocomplete="off" value=${text} onInput=${({ target }) => set(target.value)} />`}</${Field}>
    <button type="submit" class="button primary">${button}</button></form>`;
}

function StoredObject({ id, query }) {
  const { data, error, reload } = useResource(path`database/${id}`, { query: { database: query.database } });
  if (!data) return error ? html`<${Failed} error=${error} retry=${reload} what="The database" />` : html`<${Bones} rows=${6} kind="rows" />`;
  return html`<${Stale} error=${error} /><div class="halves"><div><${Block} title="Fields" note=${`${plural(data.fields.length, 'field')} stored`}>${data.fields.length === 0 ? html`<p class="note">The object is there, and has no values.</p>` : html`<${Fields} fields=${data.fields} />`}</${Block}></div>
    <div><${Block} title="Stored object"><${Facts} of=${[
      ['doId', html`<span class="with-copy"><span class="mono">${data.do_id}</span><${Copy} text=${String(data.do_id)} what="the doId" /></span>`],
      ['Class', html`${data.class} <span class="note">id ${data.class_id}</span>`],
      ['Database', html`<${ChannelLink} channel=${data.database} />`],
      ['Alive', html`<a href=${to(['objects', data.do_id])}>look on the state servers</a>`],
    ]} /></${Block}></div></div>`;
}

export function Stored({ parts, query }) {
  const [id] = parts;
  const valid = id !== undefined && doId(id) !== null;
  return html`<${PageHead} title="Stored objects" sub="What the databases of this daemon keep for good: accounts, avatars, whatever has fields with the keyword db" />
    <${Ask} label="doId" button="Look up" place="stored" value=${id} check=${doId} wrong="doIds are numbers from 1 to 4,294,967,295" hint="As databases gave it, mostly from generate.min on" />
    ${id === undefined ? html`<${Empty} icon="stored" title="Which object?">Players’ accounts and avatars are stored by their doId. A client’s channel often holds the account’s: see what it <a href="#/clients">listens to</a>.</${Empty}>`
      : valid ? html`<${StoredObject} key=${id} id=${id} query=${query} />` : html`<${Empty} icon="search" title=${`${id} is no doId`}>doIds are numbers from 1 to 4,294,967,295.</${Empty}>`}`;
}

const LISTENERS = [
  { name: 'who', title: 'Who', cell: ({ kind, name, channel, link }) => (kind === 'client' && channel ? html`<${ClientLink} channel=${channel} />` : kind === 'link' ? html`<a href="#/links"><${Text} text=${name || `link ${link}`} /></a>` : name || kind) },
  { name: 'kind', title: 'Kind', cell: ({ kind }) => kind },
  { name: 'by', title: 'Subscribed by', cell: ({ by }) => (by === 'range' ? html`<${Badge} tone="accent">range</${Badge}>` : by) },
];

function Channel({ channel }) {
  const { data, error, reload } = useResource(path`channels/${channel}`, { every: 5 });
  if (!data) return error ? html`<${Failed} error=${error} retry=${reload} what="The channel" />` : html`<${Bones} rows=${5} kind="rows" />`;
  const object = doId(data.channel);
  return html`<${Stale} error=${error} /><div class="halves"><div><${Block} title="Who listens" note=${plural(data.listeners.length + data.listeners_more, 'participant')}>
      ${data.listeners.length === 0 ? html`<${Empty} icon="channels" title="Nobody listens">What is sent to this channel vanishes here, or goes to the upstream, if there is one.</${Empty}>`
        : html`<${Table} caption="Who listens to the channel" keyOf=${(listener) => JSON.stringify(listener)} rows=${data.listeners} columns=${LISTENERS} sortable=${false} /><${Rest} more=${data.listeners_more} what="participants" />`}</${Block}></div>
    <div><${Block} title="Channel"><${Facts} of=${[
      ['Number', html`<span class="with-copy"><span class="mono">${data.channel}</span><${Copy} text=${data.channel} what="the channel" /></span>`],
      ['Means', data.means], ['Hexadecimal', html`<span class="mono">0x${BigInt(data.channel).toString(16)}</span>`],
      ['Post-removes', count(data.post_removes)],
      object ? ['Object', html`<${ObjectLink} doId=${object} />`] : null,
    ]} /></${Block}></div></div>`;
}

export function Channels({ parts }) {
  const [channel] = parts;
  const valid = channel !== undefined && asChannel(channel) !== null;
  return html`<${PageHead} title="Channels" sub="Where datagrams are sent to, and who on this daemon gets them" />
    <${Ask} label="Channel" button="Who listens?" place="channels" value=${channel} check=${asChannel} wrong="channels are numbers from 0 to 18,446,744,073,709,551,615" hint="A number of 64 bits" />
    ${channel === undefined ? html`<${Empty} icon="channels" title="Which channel?">Objects have their doId as a channel, clients the one they were given, roles what the configuration says. All clients hear <${ChannelLink} channel="10" />.</${Empty}>`
      : valid ? html`<${Channel} key=${channel} channel=${asChannel(channel)} />` : html`<${Empty} icon="search" title=${`${channel} is no channel`}>Channels are numbers of 64 bits.</${Empty}>`}`;
}
