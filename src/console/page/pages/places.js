// The world as a tree: parents, their zones, the objects in these, which may be parents in turn.

import { useList } from '../data.js';
import { count, noun } from '../format.js';
import { Icon } from '../icons.js';
import { to } from '../route.js';
import { Bones, Button, Empty, Failed } from '../ui.js';
import { html, useState } from '../vendor/htm-preact.js';

const IN_A_ZONE = 50;

/** More of a level of the tree. */
function Foot({ list, what }) {
  if (list.error) return html`<li class="leaf"><span class="field-error" role="alert">${list.error.message}</span> <${Button} small onClick=${list.reload}>Try again</${Button}></li>`;
  if (list.busy) return html`<li class="leaf note" role="status">${list.items.length > 0 ? `${count(list.items.length)} ${noun(list.items.length, what)}; looking for more…` : 'Looking…'} ${list.asked > 2 && html`<${Button} small onClick=${list.stop}>Stop</${Button}>`}</li>`;
  if (list.next !== null) return html`<li class="leaf"><${Button} small icon="down" onClick=${list.more}>More ${what}</${Button}></li>`;
  return list.items.length === 0 ? html`<li class="leaf note">No ${what}.</li>` : null;
}

function Branch({ label, total, href, most, children }) {
  const [open, set] = useState(false);
  return html`<li class="branch"><div class="branch-line">
    <button type="button" class="twig" aria-expanded=${open ? 'true' : 'false'} onClick=${() => set(!open)}><${Icon} name=${open ? 'down' : 'right'} size=${14} /><span>${label}</span></button>
    ${href && html`<a class="branch-go" href=${href}>show<span class="hidden"> ${label}</span></a>`}
    ${most > 0 && html`<span class="share" aria-hidden="true"><span style=${{ width: `${Math.max(1, (total / most) * 100)}%` }}></span></span>`}
    ${total !== null && html`<span class="branch-count"><span class="hidden">, </span>${count(total)}<span class="hidden"> ${noun(total, 'objects')}</span></span>`}</div>
    ${open && html`<ul>${children()}</ul>`}</li>`;
}

function Inhabitants({ parent, zone, parents }) {
  const list = useList('objects', { parent, zone }, { chunk: IN_A_ZONE });
  return html`${list.items.map((object) => (parents.has(object.do_id)
    ? html`<${Parent} key=${object.do_id} id=${object.do_id} text=${object.class} total=${parents.get(object.do_id)} parents=${parents} />`
    : html`<li key=${object.do_id} class="leaf"><span>${object.class}</span> <a class="mono" href=${to(['objects', object.do_id])}>${object.do_id}</a></li>`))}
    <${Foot} list=${list} what="objects" />`;
}

function Zones({ parent, parents }) {
  const list = useList('places', { parent });
  const most = Math.max(0, ...list.items.map(({ objects }) => objects));
  return html`${list.items.map(({ zone, objects }) => html`<${Branch} key=${zone} label=${html`zone <span class="mono">${zone}</span>`} total=${objects} most=${most} href=${to(['objects', 'list'], { parent, zone })}>${() => html`<${Inhabitants} parent=${parent} zone=${zone} parents=${parents} />`}</${Branch}>`)}
    <${Foot} list=${list} what="zones" />`;
}

function Parent({ id, text, total, most, parents }) {
  const label = id === 0 ? 'Nowhere: objects without a parent' : html`${text ?? 'Parent'} <span class="mono">${id}</span>`;
  return html`<${Branch} label=${label} total=${total} most=${most} href=${id === 0 ? null : to(['objects', id])}>${() => html`<${Zones} parent=${id} parents=${parents} />`}</${Branch}>`;
}

export function Places() {
  const list = useList('places');
  if (list.items.length === 0 && list.error) return html`<${Failed} error=${list.error} retry=${list.reload} what="The tree" />`;
  if (list.items.length === 0 && list.busy) return html`<${Bones} rows=${8} kind="rows" />`;
  if (list.items.length === 0) return html`<${Empty} icon="objects" title="No object is anywhere">Objects are in a zone of a parent, which is an object itself. AI servers put them there.</${Empty}>`;
  const parents = new Map(list.items.map(({ parent, objects }) => [parent, objects]));
  const most = Math.max(...parents.values());
  return html`<ul class="tree" aria-label="Parents, their zones and what is there">${list.items.map(({ parent, objects }) => html`<${Parent} key=${parent} id=${parent} total=${objects} most=${most} parents=${parents} />`)}<${Foot} list=${list} what="parents" /></ul>`;
}
