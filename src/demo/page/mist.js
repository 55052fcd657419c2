// Mist lies where no interest of ours is: it draws back when one has opened, and comes again when it is closed.

import { random } from './random.js';
import { TILT } from './ground.js';

/** Pixels of the small picture a zone, which is drawn large and so gets soft edges. */
const CELL = 6;
const DRAW_BACK_MS = 700;

/** @param {string} colour `r, g, b` */
function puff(colour) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 128;
  const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const soft = g.createRadialGradient(64, 64, 4, 64, 64, 64);
  soft.addColorStop(0, `rgba(${colour}, .95)`);
  soft.addColorStop(0.55, `rgba(${colour}, .6)`);
  soft.addColorStop(1, `rgba(${colour}, 0)`);
  g.fillStyle = soft;
  g.fillRect(0, 0, 128, 128);
  return canvas;
}

export class Mist {
  /** @param {any} place @param {{isCave: boolean}} what */
  constructor(place, { isCave }) {
    Object.assign(this, { place, isCave });
    const { columns, rows, cell } = place;
    /** How thick it is in each zone: 0 to 1. */
    this.thick = new Float32Array(columns * rows).fill(1);
    this.small = document.createElement('canvas');
    this.small.width = (columns + 2) * CELL;
    this.small.height = (rows + 2) * CELL;
    this.puffs = isCave ? [] : [puff('255, 255, 255'), puff('219, 233, 242')];
    const next = random(7);
    this.clouds = Array.from({ length: columns * rows * 9 }, (_, at) => {
      const zone = Math.floor(at / 9);
      return { zone, x: ((zone % columns) + next()) * cell, y: (Math.floor(zone / columns) + next()) * cell, r: 9 + next() * 10, which: at % 2, phase: next() * 7 };
    });
  }

  /** @param {(zone: number) => boolean} isOpen @param {number} elapsed milliseconds */
  step(isOpen, elapsed) {
    const part = Math.min(1, elapsed / DRAW_BACK_MS);
    for (let at = 0; at < this.thick.length; at++) {
      const wanted = isOpen(at + 1) ? 0 : 1;
      this.thick[at] += Math.sign(wanted - this.thick[at]) * Math.min(part, Math.abs(wanted - this.thick[at]));
    }
  }

  thickAt(column, row) {
    const { columns, rows } = this.place;
    const clamp = (value, most) => Math.min(most - 1, Math.max(0, value));
    return this.thick[clamp(row, rows) * columns + clamp(column, columns)];
  }

  /** @param {CanvasRenderingContext2D} g counts in pixels @param {any} view */
  draw(g, view, now, calm) {
    const { columns, rows, cell } = this.place;
    const s = /** @type {CanvasRenderingContext2D} */ (this.small.getContext('2d'));
    s.clearRect(0, 0, this.small.width, this.small.height);
    const colour = this.isCave ? '26, 22, 40' : '238, 246, 250';
    for (let row = -1; row <= rows; row++) {
      for (let column = -1; column <= columns; column++) {
        const thick = this.thickAt(column, row);
        if (thick <= 0) continue;
        s.fillStyle = `rgba(${colour}, ${0.86 * thick})`;
        s.fillRect((column + 1) * CELL, (row + 1) * CELL, CELL, CELL);
      }
    }
    const { scale } = view;
    g.drawImage(this.small, view.px(-cell), view.py(-cell), (columns + 2) * cell * scale, (rows + 2) * cell * scale * TILT);
    if (this.isCave) return;
    for (const { zone, x, y, r, which, phase } of this.clouds) {
      const thick = this.thick[zone];
      if (thick <= 0.02) continue;
      const drift = calm ? 0 : Math.sin(now / 4000 + phase) * 2.5;
      const [px, py, size] = [view.px(x + drift), view.py(y), r * scale * (0.6 + 0.4 * thick)];
      if (px < -size || py < -size || px > view.width + size || py > view.height + size) continue;
      g.globalAlpha = 0.75 * thick;
      g.drawImage(this.puffs[which], px - size, py - size * 0.72, size * 2, size * 1.44);
    }
    g.globalAlpha = 1;
  }
}
