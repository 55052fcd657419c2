// The panel with the messages: two lists, of which each folds what is said again and again, and keeps no more than a few hundred lines.

import { explain } from './explained.js';

const KEPT = 250;
/** What is the same as one of so many lines before is counted there, if that one was heard so shortly before. */
const FOLDED = 8, FOLDED_MS = 1500;

const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const shortName = (name) => name.replace(/^(STATESERVER|CLIENTAGENT|CLIENT|DBSERVER)_/, '').replace(/^OBJECT_SET_FIELD$/, 'SET_FIELD');

class List {
  constructor(title, hint, empty) {
    this.section = element('section', 'list');
    this.section.setAttribute('aria-label', title);
    const head = element('h3', '', title);
    head.append(element('small', '', hint));
    this.rows = element('ol', 'rows');
    this.rows.tabIndex = 0;
    this.rows.setAttribute('aria-label', title);
    this.empty = element('p', 'empty', empty);
    this.section.append(head, this.empty, this.rows);
    /** The newest last. @type {{message: any, at: number, count: number, row: HTMLElement, dirty: boolean}[]} */
    this.lines = [];
    /** What came since it was drawn last. */
    this.fresh = [];
  }

  add(message) {
    const now = performance.now();
    const like = this.lines.slice(-FOLDED).find((line) => line.message.key === message.key && now - line.at < FOLDED_MS);
    if (like) {
      like.at = now;
      like.count += 1;
      like.message = message;
      like.dirty = true;
      return;
    }
    const line = { message, at: now, count: 1, row: null, dirty: true };
    this.lines.push(line);
    this.fresh.push(line);
    if (this.lines.length > KEPT) this.lines.shift().row?.remove();
  }

  /** Shows what is new. Who has scrolled up is left where he is. */
  draw() {
    const { rows } = this;
    const isAtEnd = rows.scrollHeight - rows.scrollTop - rows.clientHeight < 30;
    const fresh = this.fresh.filter((line) => this.lines.includes(line));
    this.fresh = [];
    this.empty.hidden = this.lines.length > 0;
    for (const line of fresh) rows.append((line.row = this.rowOf(line)));
    for (const line of this.lines) if (line.dirty) this.fill(line);
    if (isAtEnd && (fresh.length > 0)) rows.scrollTop = rows.scrollHeight;
  }

  rowOf(line) {
    const row = element('li');
    const button = element('button', 'message');
    button.type = 'button';
    button.setAttribute('aria-expanded', 'false');
    button.addEventListener('click', () => this.unfold(line));
    row.append(button);
    return row;
  }

  fill(line) {
    const { message, count, row } = line;
    line.dirty = false;
    const { isOurs, by } = message;
    const button = row.firstElementChild;
    row.dataset.by = by;
    row.dataset.message = message.message;
    const arrow = element('span', 'arrow', isOurs === undefined ? '' : isOurs ? '↑' : '↓');
    const who = element('span', 'who', by);
    const name = element('span', 'name', shortName(message.message));
    const said = element('span', 'said', message.brief);
    button.replaceChildren(isOurs === undefined ? who : arrow, name, said);
    if (count > 1) button.append(element('span', 'count', `×${count}`));
  }

  /** The whole message, and what it is for. */
  unfold({ row, message }) {
    const button = row.firstElementChild;
    const isOpen = row.classList.toggle('open');
    button.setAttribute('aria-expanded', String(isOpen));
    row.querySelector('.whole')?.remove();
    if (!isOpen) return;
    const whole = element('div', 'whole');
    whole.append(element('p', '', explain(message)), element('p', 'full', message.message));
    whole.append(element('p', 'way', `${message.by} → ${message.to}`), element('pre', '', JSON.stringify(message.detail, null, 1)));
    row.append(whole);
  }

  clear() {
    this.lines = [];
    this.fresh = [];
    this.rows.replaceChildren();
  }
}

export class Messages {
  /** @param {HTMLElement} panel @param {string | null} console where the console is, if it may be reached from here */
  constructor(panel, console) {
    this.panel = panel;
    this.isPaused = false;
    this.mine = new List('This tab and the client agent', 'by WebSocket', 'Nothing yet.');
    this.cluster = new List('In the cluster, for you', 'donet trace', 'Nothing yet.');
    const legend = element('p', 'legend');
    for (const by of ['you', 'client agent', 'state server', 'AI', 'UberDOG']) {
      const item = element('span', '', by);
      item.dataset.by = by;
      legend.append(item);
    }
    panel.append(this.head(console), legend, this.mine.section, this.cluster.section);
    setInterval(() => this.draw(), 150);
  }

  head(link) {
    const head = element('header');
    const pause = element('button', 'small', 'Pause');
    pause.type = 'button';
    pause.setAttribute('aria-pressed', 'false');
    pause.addEventListener('click', () => {
      this.isPaused = !this.isPaused;
      pause.setAttribute('aria-pressed', String(this.isPaused));
      pause.textContent = this.isPaused ? 'Go on' : 'Pause';
    });
    const clear = element('button', 'small', 'Clear');
    clear.type = 'button';
    clear.addEventListener('click', () => [this.mine, this.cluster].forEach((list) => list.clear()));
    const close = element('button', 'small close', '×');
    close.type = 'button';
    close.id = 'messages-close';
    close.setAttribute('aria-label', 'Close the messages');
    head.append(element('h2', '', 'Messages'));
    if (link) {
      const console = element('a', 'small', 'Console');
      Object.assign(console, { href: link, target: '_blank', rel: 'noopener' });
      head.append(console);
    }
    head.append(pause, clear, close);
    return head;
  }

  spoken(message) { if (!this.isPaused) this.mine.add(message); }
  routed(message) { if (!this.isPaused) this.cluster.add(message); }

  draw() {
    if (this.panel.offsetParent === null && getComputedStyle(this.panel).position !== 'fixed') return;
    this.mine.draw();
    this.cluster.draw();
  }
}
