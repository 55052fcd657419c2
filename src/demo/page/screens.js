// What stands before the world: the entrance, the choice of a District, and what went wrong.

import { COLOURS, COLOUR_NAMES } from './palette.js';
import { Events } from './events.js';
import { drawAvatar } from './avatar.js';
import { landOf } from './land.js';
import { paintGround } from './ground.js';

const NAMES = ['Juniper', 'Bramble', 'Marigold', 'Fennel', 'Tilda', 'Wren', 'Basil', 'Pip', 'Clover', 'Otto', 'Maple', 'Sorrel', 'Hazel', 'Linnet'];
const any = (count) => Math.floor(Math.random() * count);
const NAME_BYTES = 24, PASSWORD_BYTES = 72;
const bytes = (text) => new TextEncoder().encode(text).length;

/** An element, with its children. @param {string} name @param {Record<string, any>} [traits] @param {(Node | string)[]} children */
function make(name, traits = {}, ...children) {
  const element = document.createElement(name);
  for (const [trait, value] of Object.entries(traits)) {
    if (trait.startsWith('on')) element.addEventListener(trait.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(trait, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

export class Screens extends Events {
  /** @param {HTMLElement} root @param {any} facts what /world.json says */
  constructor(root, facts) {
    super();
    Object.assign(this, { root, facts, name: 'boot' });
    this.chosen = { name: NAMES[any(NAMES.length)], colour: any(COLOURS.length) };
  }

  show(name, ...children) {
    this.name = name;
    document.body.dataset.screen = name;
    this.root.hidden = children.length === 0;
    this.root.replaceChildren(...children);
    (this.root.querySelector('[data-first]') ?? (children.length > 0 ? this.root : null))?.focus();
  }

  none() { this.show('world'); }

  /** @param {string} [why] why it has to be tried again */
  entrance(why) {
    const name = make('input', { id: 'name', type: 'text', maxlength: NAME_BYTES, autocomplete: 'username', spellcheck: 'false', value: this.chosen.name, 'data-first': true });
    const password = make('input', { id: 'password', type: 'password', maxlength: PASSWORD_BYTES, autocomplete: 'current-password' });
    const error = make('p', { class: 'error', role: 'alert' }, why ? `${sentence(why)}` : '');
    const go = (type) => {
      this.chosen.name = name.value.trim();
      const wrong = this.wrong(this.chosen.name, type === 'guest' ? null : password.value);
      error.textContent = wrong;
      if (wrong) return;
      // Until we are answered.
      form.inert = true;
      form.setAttribute('aria-busy', 'true');
      this.emit(type, { ...this.chosen, password: password.value });
    };
    const button = (type, text, className) => make('button', { type: type === 'guest' ? 'submit' : 'button', class: className, onclick: type === 'guest' ? undefined : () => go(type) }, text);
    const form = make('form', { class: 'sheet entrance', 'aria-labelledby': 'title', onsubmit: (event) => { event.preventDefault(); go(document.activeElement === password ? 'log-in' : 'guest'); } },
      make('h1', { id: 'title' }, 'donet ', make('span', {}, 'demo')),
      make('p', { class: 'lead' }, 'Every tab is a player. Open another one beside this, and meet yourself.'),
      this.mirror(name),
      make('label', { for: 'name' }, 'Name'), name, this.swatches(), error,
      button('guest', 'Play as guest', 'primary'),
      make('fieldset', { class: 'account' }, make('legend', {}, 'or with an account'), make('label', { for: 'password' }, 'Password'), password,
        make('div', { class: 'row' }, button('log-in', 'Log in', ''), button('register', 'Create account', ''))));
    this.show('entrance', form);
    name.select();
  }

  wrong(name, password) {
    if (!name && password !== null) return 'An account has a name.';
    if (bytes(name) > NAME_BYTES) return 'This name is too long.';
    if (password === '') return 'An account has a password.';
    if (password !== null && bytes(password) > PASSWORD_BYTES) return 'This password is too long.';
    return '';
  }

  swatches() {
    const group = make('div', { class: 'swatches', role: 'radiogroup', 'aria-label': 'Colour' });
    COLOURS.forEach((colour, at) => {
      const radio = make('input', { type: 'radio', name: 'colour', value: at, 'aria-label': COLOUR_NAMES[at], checked: at === this.chosen.colour, onchange: () => (this.chosen.colour = at) });
      radio.style.setProperty('--colour', colour);
      group.append(radio);
    });
    return group;
  }

  /** How one will look. */
  mirror(name) {
    const canvas = make('canvas', { class: 'mirror', width: 240, height: 240, role: 'img', 'aria-label': 'How you will look' });
    const g = canvas.getContext('2d');
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const draw = (now) => {
      if (!canvas.isConnected) return;
      requestAnimationFrame(draw);
      g.setTransform(1, 0, 0, 1, 0, 0);
      g.clearRect(0, 0, 240, 240);
      g.setTransform(36, 0, 0, 36, 120, 214);
      g.fillStyle = 'rgba(40, 60, 60, .16)';
      g.beginPath();
      g.ellipse(0.2, 0, 1.7, 0.6, 0, 0, 7);
      g.fill();
      drawAvatar(g, { name: name.value.trim(), colour: this.chosen.colour, facing: { x: calm ? 0 : Math.sin(now / 1700) * 0.5, y: 0.9 }, speed: 0, walked: 0, emoting: null, bubble: null }, now, { calm, swims: false });
    };
    requestAnimationFrame(draw);
    return canvas;
  }

  /** @param {Map<number, any>} districts @param {number} [here] where we are already */
  choice(districts, here) {
    const list = make('div', { class: 'districts' });
    for (const { doId, fields } of [...districts.values()].sort((one, other) => one.doId - other.doId)) {
      const [name] = fields.setName;
      const card = make('button', { type: 'button', class: 'district', 'data-district': name, onclick: () => this.emit('district', doId) },
        this.picture(name), make('strong', {}, name), make('span', { class: 'population' }, population(fields.setPopulation[0], doId === here)));
      list.append(card);
    }
    const sheet = make('section', { class: 'sheet choice', 'aria-labelledby': 'title' }, make('h1', { id: 'title' }, 'Where to?'),
      make('p', { class: 'lead' }, 'Two Districts, each a world of its own: who is in one does not see who is in the other.'), list);
    if (here) sheet.append(make('button', { type: 'button', class: 'plain', onclick: () => this.none() }, 'Stay here'));
    this.here = here;
    this.show('choice', sheet);
  }

  /** Somebody has come or gone. @param {Map<number, any>} districts */
  population(districts) {
    if (this.name !== 'choice') return;
    if (this.root.querySelectorAll('.district').length !== districts.size) return this.choice(districts, this.here);
    for (const { doId, fields } of districts.values()) {
      const line = this.root.querySelector(`[data-district="${CSS.escape(fields.setName[0])}"] .population`);
      if (line) line.textContent = population(fields.setPopulation[0], doId === this.here);
    }
  }

  picture(name) {
    const { columns, rows, cell } = this.facts;
    const place = { kind: 'district', name, width: columns * cell, height: rows * cell };
    const canvas = paintGround(landOf(place), place, 2.4);
    canvas.setAttribute('aria-hidden', 'true');
    return canvas;
  }

  /** @param {number} retry milliseconds @param {boolean} hasEnded whether the server has said so */
  lost(retry, hasEnded) {
    this.show('lost', make('section', { class: 'sheet small', role: 'alert' }, make('span', { class: 'spinner' }), make('h1', {}, hasEnded ? 'The server has been stopped' : 'The connection is lost'),
      make('p', {}, `It is tried again in ${Math.max(1, Math.round(retry / 1000))} s. ${hasEnded ? 'If it comes back, so do you.' : 'Your ticket brings you back as the same player.'}`)));
  }

  /** @param {number} code @param {string} text */
  ejected(code, text) {
    const [title, more, button, act] = farewell(code, text);
    this.show('ejected', make('section', { class: 'sheet small', role: 'alert' }, make('h1', {}, title), make('p', {}, more), make('p', { class: 'code' }, code ? `Ejected with ${code}: ${text}` : ''),
      make('div', { class: 'row' }, make('button', { type: 'button', class: 'primary', 'data-first': true, onclick: () => this.emit(act) }, button),
        ...(act === 'reload' && code !== 124 && code !== 125 ? [make('button', { type: 'button', onclick: () => this.emit('anew') }, 'To the entrance')] : []))));
  }
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
const population = (count, isHere) => `${count === 0 ? 'Nobody' : count === 1 ? '1 player' : `${count} players`}${isHere ? ', you among them' : ''}`;

/** What an eject means for a player: title, text, button, and what it does. */
function farewell(code, text) {
  switch (code) {
    case 100: return ['You play in another tab', 'The same player cannot be in two places. The last one to come stays.', 'Play here', 'reload'];
    case 124: case 125: return ['This page is older than the server', 'The client agent compares versions before anything else. The newer page is a click away.', 'Load the new page', 'reload'];
    case 0: return ['The server has hung up', 'It may have been stopped.', 'Try again', 'reload'];
    default: return ['You were sent away', sentence(text), 'Come back', 'reload'];
  }
}
