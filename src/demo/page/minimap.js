// The map: all zones of a place, those that we see, and who is there.

import { AROUND } from './ground.js';
import { COLOURS } from './palette.js';

const WIDTH = 200, HEIGHT = 150;

export class Minimap {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.drawnAt = 0;
  }

  /** @param {any} scene @param {any} world */
  draw(scene, world, now) {
    if (!world.place || !scene.ground || now - this.drawnAt < 66) return;
    this.drawnAt = now;
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (this.canvas.width !== WIDTH * ratio) Object.assign(this.canvas, { width: WIDTH * ratio, height: HEIGHT * ratio });
    const { g } = this;
    const { width, height, columns, rows, cell, parent, zone } = world.place;
    const scale = Math.min(WIDTH / width, HEIGHT / height);
    const [left, top] = [(WIDTH - width * scale) / 2, (HEIGHT - height * scale) / 2];
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, WIDTH, HEIGHT);
    g.translate(left, top);
    const { ground } = scene;
    if (columns * rows === 1) {
      g.fillStyle = scene.land.colours.sky[0];
      g.fillRect(0, 0, width * scale, height * scale);
    }
    const along = ground.width / (width + 2 * AROUND);
    const down = ground.height / (height + 2 * AROUND);
    g.drawImage(ground, AROUND * along, AROUND * down, width * along, height * down, 0, 0, width * scale, height * scale);
    for (let at = 0; at < columns * rows; at++) {
      const thick = scene.mist.thick[at];
      const [x, y, size] = [(at % columns) * cell * scale, Math.floor(at / columns) * cell * scale, cell * scale];
      g.fillStyle = `rgba(236, 243, 248, ${0.82 * thick})`;
      g.fillRect(x, y, size, size);
      Object.assign(g, { lineWidth: 1, strokeStyle: 'rgba(255, 255, 255, .5)' });
      g.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    }
    const at = zone - 1;
    Object.assign(g, { lineWidth: 2.5, strokeStyle: '#ef8354', lineJoin: 'round' });
    g.beginPath();
    g.roundRect((at % columns) * cell * scale + 1.25, Math.floor(at / columns) * cell * scale + 1.25, cell * scale - 2.5, cell * scale - 2.5, 5);
    g.stroke();
    for (const actor of world.actors.values()) if (actor.object.parent === parent || actor.isMe) this.dot(actor, scale, now);
  }

  dot(actor, scale, now) {
    const { g } = this;
    const [x, y] = [actor.x * scale, actor.y * scale];
    g.globalAlpha = actor.alpha(now);
    const [radius, colour] = actor.kind === 'Portal' ? [4, '#8f7df0'] : actor.kind === 'Critter' ? [1.8, 'rgba(60, 50, 70, .6)'] : [actor.isMe ? 5 : 4, COLOURS[actor.colour % COLOURS.length]];
    g.fillStyle = colour;
    g.beginPath();
    g.arc(x, y, radius, 0, 7);
    g.fill();
    if (actor.kind !== 'Critter') {
      Object.assign(g, { lineWidth: actor.isMe ? 2 : 1.4, strokeStyle: '#fff' });
      g.stroke();
    }
    g.globalAlpha = 1;
  }
}
