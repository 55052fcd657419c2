// Tables. A column is `{name, title, cell, end, low, sort, grow}`: `end` for numbers, `low` (1 to 3) for what gives way first
// where there is little room, `below` for how it is told then, below the first column or the one that `at` names (nothing if that is empty),
// `sort` for a value to sort by.

import { ROWS_MOST } from './data.js';
import { count, noun } from './format.js';
import { Icon } from './icons.js';
import { Bones, Button, Failed, Text } from './ui.js';
import { html, useMemo, useState } from './vendor/htm-preact.js';

const classOf = (column) => [column.end && 'end', column.low && `low-${column.low}`, column.grow && 'grow', column.kind].filter(Boolean).join(' ') || undefined;

/** A value, and below it what columns that have no room would say. Texts wrap wherever they have to. */
function Cell({ column, below, row }) {
  const shown = column.cell(row);
  const more = below.map((other) => [other, other.below(row)]).filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '');
  return html`${typeof shown === 'string' ? html`<${Text} text=${shown} />` : shown}${more.length > 0 && html`<span class="unders">${more.map(([{ name, low }, value]) => html`<span key=${name} class=${`under under-${low}`}>${value}</span> `)}</span>`}`;
}

function compare(a, b) {
  if (typeof a === 'bigint' || typeof a === 'number') return a < b ? -1 : a > b ? 1 : 0;
  return String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true });
}

function Head({ columns, sorting, sort, sortable }) {
  return html`<thead><tr>${columns.map((column) => {
    const here = sortable && sorting?.name === column.name ? (sorting.down ? 'descending' : 'ascending') : undefined;
    const text = column.hide ? html`<span class="hidden">${column.title}</span>` : column.title;
    return html`<th key=${column.name} scope="col" class=${classOf(column)} aria-sort=${here}>${sortable && column.sort
      ? html`<button type="button" class="sorter" onClick=${() => sort(column)}>${text}<${Icon} name=${here === 'ascending' ? 'up' : 'down'} size=${12} /></button>`
      : text}</th>`;
  })}</tr></thead>`;
}

export function Table({ caption, columns, rows, keyOf, sortable = true, first, rowClass }) {
  const [sorting, set] = useState(null);
  const sort = (column) => set((old) => (old?.name !== column.name ? { name: column.name, down: Boolean(column.end) } : { ...old, down: !old.down }));
  const shown = useMemo(() => {
    const by = sortable && columns.find((column) => column.name === sorting?.name);
    if (!by) return rows;
    const sorted = [...rows].sort((a, b) => compare(by.sort(a), by.sort(b)));
    return sorting.down ? sorted.reverse() : sorted;
  }, [rows, sorting, sortable]);
  const home = first ?? columns[0].name;
  const below = useMemo(() => new Map(columns.map(({ name }) => [name, columns.filter((other) => other.below && (other.at ?? home) === name)])), [columns]);
  return html`<div class="table"><table>
    <caption class="hidden">${caption}</caption>
    <${Head} columns=${columns} sorting=${sorting} sort=${sort} sortable=${sortable} />
    <tbody>${shown.map((row) => html`<tr key=${keyOf(row)} class=${rowClass?.(row)}>${columns.map((column) => (column.name === home
      ? html`<th key=${column.name} scope="row" class=${classOf(column)}><${Cell} column=${column} below=${below.get(column.name)} row=${row} /></th>`
      : html`<td key=${column.name} class=${classOf(column)}><${Cell} column=${column} below=${below.get(column.name)} row=${row} /></td>`))}</tr>`)}</tbody>
  </table></div>`;
}

/** A table of a list that comes by and by, with all that can become of it. */
export function ListTable({ list, what, empty, ...table }) {
  const { items, next, busy, error, asked, skipped, fresh } = list;
  if (items.length === 0 && error) return html`<${Failed} error=${error} retry=${list.reload} what=${`The list of ${what}`} />`;
  if (items.length === 0 && busy && (fresh || asked === 0)) return html`<${Bones} rows=${8} kind="rows" />`;
  const full = items.length >= ROWS_MOST;
  const whole = next === null && skipped === 0;
  return html`${items.length > 0 && html`<${Table} rows=${items} sortable=${whole && !busy} ...${table} />`}
    ${items.length === 0 && !busy && next === null && skipped === 0 && empty}
    <div class="list-foot">
      <p role="status" class="note">${busy
        ? `${items.length > 0 ? `${count(items.length)} ${noun(items.length, what)}; looking` : 'Looking'} for more${asked > 1 ? `: ${count(asked)} pages so far` : ''}…`
        : items.length > 0 && `${skipped > 0 ? `${count(skipped + 1)} to ${count(skipped + items.length)} ${what}` : `${count(items.length)} ${noun(items.length, what)}`}${next === null ? '' : ' so far'}`}
        ${items.length === 0 && !busy && next !== null && !error && `None among the first; there may be more ${what}`}</p>
      ${error && items.length > 0 && html`<p class="field-error" role="alert">${error.message}</p>`}
      ${busy && asked > 1 && html`<${Button} small icon="close" onClick=${list.stop}>Stop</${Button}>`}
      ${!busy && next !== null && html`<${Button} small icon="down" onClick=${() => {
        list.more();
        if (full) scrollTo({ top: 0 });
      }}>${full ? `Next ${count(ROWS_MOST)}` : items.length > 0 ? 'Load more' : 'Look further'}</${Button}>`}
      ${!busy && skipped > 0 && html`<${Button} small icon="up" onClick=${list.reload}>Back to the first</${Button}>`}
    </div>`;
}
