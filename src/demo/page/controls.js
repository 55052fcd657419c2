// Keys, the mouse and fingers: where to go, and what else is wanted.

import { Events } from './events.js';

/** @type {Record<string, [number, number]>} */
const WAYS = {
  ArrowLeft: [-1, 0], KeyA: [-1, 0], ArrowRight: [1, 0], KeyD: [1, 0],
  ArrowUp: [0, -1], KeyW: [0, -1], ArrowDown: [0, 1], KeyS: [0, 1],
};
/** How near is there, in steps. */
const THERE = 0.4;

const isTyping = () => Boolean(document.activeElement?.closest('input, dialog, #screen form, [role=log], #messages'));

export class Controls extends Events {
  /** @param {HTMLCanvasElement} canvas @param {any} scene knows which place a pixel shows */
  constructor(canvas, scene) {
    super();
    this.scene = scene;
    /** @type {Set<string>} */ this.held = new Set();
    /** Where we were told to go with a click. @type {{x: number, y: number} | null} */ this.goal = null;
    addEventListener('keydown', (event) => this.pressed(event));
    addEventListener('keyup', ({ code }) => this.held.delete(code));
    addEventListener('blur', () => this.held.clear());
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      this.point(event);
    });
    canvas.addEventListener('pointermove', (event) => event.buttons && this.point(event));
  }

  point(event) {
    this.goal = this.scene.placeUnder(event.clientX, event.clientY);
    this.scene.mark(this.goal);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
    if (WAYS[event.code]) {
      this.held.add(event.code);
      this.goal = null;
      event.preventDefault();
    } else if (event.code === 'KeyE') this.emit('portal');
    else if (/^Digit[1-4]$/.test(event.code)) this.emit('emote', Number(event.code.slice(5)) - 1);
    else if (event.code === 'Enter' && !document.activeElement?.closest('button, a')) {
      this.emit('talk');
      event.preventDefault();
    }
  }

  /** Where to go from where we are: of the length 1, or 0. @param {{x: number, y: number} | null} from */
  direction(from) {
    if (isTyping()) this.held.clear();
    let [x, y] = [...this.held].reduce(([ax, ay], code) => [ax + WAYS[code][0], ay + WAYS[code][1]], [0, 0]);
    if (this.goal && from) {
      [x, y] = [this.goal.x - from.x, this.goal.y - from.y];
      if (Math.hypot(x, y) < THERE) {
        this.goal = null;
        return { x: 0, y: 0 };
      }
    }
    const length = Math.hypot(x, y);
    return length > 0 ? { x: x / length, y: y / length } : { x: 0, y: 0 };
  }

  /** We are somewhere else: where we wanted to go is of no interest any more. */
  stop() { this.goal = null; }
}
