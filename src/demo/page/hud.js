// What stands around the world: where we are, who is here, the map, and the chat.

import { COLOURS } from './palette.js';
import { Events } from './events.js';
import { Minimap } from './minimap.js';
import { cellOf } from './places.js';

const LOG_KEPT = 60, TOAST_MS = 5200, WIDE = '(min-width: 1000px)';
const $ = (selector) => /** @type {any} */ (document.querySelector(selector));

export class Hud extends Events {
  /** @param {any} world @param {any} scene */
  constructor(world, scene) {
    super();
    Object.assign(this, { world, scene, map: new Minimap($('#map')), panel: $('#messages') });
    $('#say-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.emit('say', $('#say').value.trim());
      $('#say').value = '';
    });
    $('#say').addEventListener('keydown', ({ key }) => key === 'Escape' && $('#say').blur());
    for (const button of document.querySelectorAll('[data-emote]')) button.addEventListener('click', () => this.emit('emote', Number(button.dataset.emote)));
    for (const name of ['portal', 'cheat', 'switch', 'leave']) $(`#${name}`).addEventListener('click', () => this.emit(name));
    $('#messages-open').addEventListener('click', () => this.open(true));
    $('#messages-close').addEventListener('click', () => this.open(false));
    this.open(matchMedia(WIDE).matches);
    addEventListener('resize', () => this.cover());
    const isTouched = matchMedia('(pointer: coarse)').matches;
    $('#how').textContent = isTouched ? 'Tap where you want to go' : 'Walk with the arrows or W A S D, or click where to go. Enter: say something';
    $('#how').hidden = false;
  }

  show() {
    $('#hud').hidden = false;
    this.cover();
    this.refresh();
  }

  hide() {
    $('#hud').hidden = true;
    this.cover();
  }

  /** @param {boolean} isOpen whether the messages are shown */
  open(isOpen) {
    this.panel.hidden = !isOpen;
    $('#messages-open').hidden = isOpen;
    $('#messages-open').setAttribute('aria-expanded', String(isOpen));
    document.body.classList.toggle('with-messages', isOpen);
    this.cover();
  }

  cover() {
    const isBeside = !$('#hud').hidden && !this.panel.hidden && matchMedia(WIDE).matches;
    const isWide = !$('#hud').hidden && matchMedia(WIDE).matches;
    this.scene.cover(isWide ? $('.where').offsetWidth + 16 : 0, isBeside ? this.panel.offsetWidth + 16 : 0);
  }

  /** Whoever has walked knows how. */
  walks() { $('#how').hidden = true; }

  /** It is drawn again before the next frame. */
  refresh() { this.isStale = true; }

  frame(now) {
    if ($('#hud').hidden || !this.world.place) return;
    this.map.draw(this.scene, this.world, now);
    const portal = this.world.nearPortal();
    const hint = portal ? (this.world.place.kind === 'cave' ? 'Go back outside' : `Enter: ${portal.name}`) : '';
    if ($('#portal-name').textContent !== hint) {
      $('#portal').hidden = !portal;
      $('#portal-name').textContent = hint;
    }
    if (portal) this.beside(portal);
    if (this.isStale) this.write();
  }

  /** The hint is below the portal. */
  beside({ x, y }) {
    const { view } = this.scene;
    $('#portal').style.setProperty('left', `${Math.round(view.px(x))}px`);
    $('#portal').style.setProperty('top', `${Math.round(view.py(y) - 12.4 * view.scale)}px`);
  }

  write() {
    this.isStale = false;
    const { world } = this;
    const { place } = world;
    $('#district-name').textContent = place.name;
    const { column, row } = cellOf(place.zone, place);
    $('#zone-name').textContent = place.columns > 1 ? `zone ${place.zone}: column ${column + 1}, row ${row + 1}` : `zone ${place.zone}, an instance`;
    const open = world.interests.openOf(place.parent).length;
    const all = place.columns * place.rows;
    $('#sight').textContent = `${open} of ${all} ${all === 1 ? 'zone' : 'zones'} in sight`;
    const here = [...world.actors.values()].filter(({ kind, goneAt, isMe }) => kind === 'Avatar' && (isMe || !goneAt)).sort((one, other) => Number(other.isMe) - Number(one.isMe) || one.name.localeCompare(other.name));
    $('#here-count').textContent = String(here.length);
    $('#here').replaceChildren(...here.slice(0, 12).map((actor) => this.person(actor)));
    const others = here.filter(({ isMe }) => !isMe).map(({ name }) => name).join(', ');
    $('#scene').setAttribute('aria-label', `You are in ${place.name}, zone ${place.zone}. ${others ? `In sight: ${others}.` : 'Nobody else is in sight.'}`);
  }

  person({ name, colour, isMe }) {
    const item = document.createElement('li');
    item.textContent = name;
    item.style.setProperty('--colour', COLOURS[colour % COLOURS.length]);
    if (isMe) {
      const you = document.createElement('small');
      you.textContent = 'you';
      item.append(' ', you);
    }
    return item;
  }

  /** @param {any} actor @param {string} words */
  said(actor, words) { this.log(actor.name, words, COLOURS[actor.colour % COLOURS.length]); }

  /** The server has said something to us alone. @param {string} text */
  told(text) {
    this.log('', text);
    const toast = $('#toast');
    toast.textContent = text;
    toast.classList.add('shown');
    clearTimeout(this.toasted);
    this.toasted = setTimeout(() => toast.classList.remove('shown'), TOAST_MS);
  }

  log(who, words, colour) {
    // What is said stands where the hint does.
    $('#how').hidden = true;
    const line = document.createElement('li');
    if (who) {
      const name = document.createElement('b');
      name.textContent = who;
      name.style.setProperty('--colour', colour);
      line.append(name, ' ');
    } else line.className = 'server';
    line.append(words);
    const log = $('#log');
    log.append(line);
    while (log.children.length > LOG_KEPT) log.firstElementChild.remove();
    log.scrollTop = log.scrollHeight;
  }

  talk() { $('#say').focus(); }
}
