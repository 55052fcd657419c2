// Animals: sheep, ducks, foxes, butterflies and bats. Drawn at the origin of a canvas that counts in steps, and facing right.

import { blob, shape } from './sprites.js';

const INK = '#3b3344';

function legs(g, xs, colour, stride) {
  xs.forEach((x, at) => {
    const step = Math.sin(stride + at * 2.1) * 0.16;
    g.fillStyle = colour;
    g.beginPath();
    g.roundRect(x + step - 0.13, -0.65, 0.28, 0.72, 0.12);
    g.fill();
  });
}

function sheep(g, { stride, bob }) {
  legs(g, [-0.75, -0.3, 0.4, 0.8], '#564d5c', stride);
  g.translate(0, -bob);
  const wool = [[-0.9, -1.2, 0.62], [0.8, -1.2, 0.6], [-0.4, -0.85, 0.62], [0.4, -0.85, 0.6], [-0.45, -1.65, 0.62], [0.35, -1.7, 0.6], [0, -1.25, 0.8]];
  for (const [x, y, r] of wool) blob(g, x, y + 0.14, r, r, '#d9d2cf');
  for (const [x, y, r] of wool) blob(g, x, y, r, r * 0.96, '#fdfaf3');
  blob(g, 1.35, -1.5, 0.44, 0.5, '#4e4656');
  blob(g, 0.98, -1.72, 0.28, 0.14, '#4e4656');
  blob(g, 1.25, -1.95, 0.36, 0.26, '#fdfaf3');
  blob(g, 1.48, -1.55, 0.09, 0.12, '#fff');
}

function duck(g, { bob, swims }) {
  if (swims) blob(g, 0, 0, 1.15, 0.32, 'rgba(255, 255, 255, .45)');
  g.translate(0, swims ? 0.12 - bob : -bob);
  shape(g, '#f2f0e4', [[-0.7, -0.7], [-1.3, -1], [-0.8, -0.2]]);
  blob(g, 0, -0.45, 0.92, 0.52, '#fffdf4');
  blob(g, -0.15, -0.5, 0.56, 0.3, '#e5dfc8');
  blob(g, 0.72, -1.15, 0.42, 0.42, '#4f9a72');
  blob(g, 0.66, -0.8, 0.3, 0.12, '#fffdf4');
  shape(g, '#f2a541', [[1.05, -1.2], [1.55, -1.02], [1.05, -0.92]]);
  blob(g, 0.82, -1.24, 0.08, 0.1, INK);
}

function fox(g, { stride, bob, now }) {
  legs(g, [-0.7, -0.4, 0.45, 0.75], '#7d4a35', stride);
  g.translate(0, -bob);
  g.save();
  g.translate(-0.9, -0.9);
  g.rotate(-0.5 + Math.sin(now / 300) * 0.12);
  blob(g, -0.7, 0, 0.85, 0.36, '#e07b42');
  blob(g, -1.25, 0, 0.34, 0.27, '#fff6e8');
  g.restore();
  blob(g, 0, -0.85, 1.05, 0.5, '#e8854a');
  blob(g, 0.3, -0.68, 0.6, 0.28, '#fff1de');
  shape(g, '#d8713a', [[0.72, -1.5], [0.78, -2.2], [1.1, -1.6]]);
  shape(g, '#d8713a', [[1.1, -1.6], [1.34, -2.2], [1.5, -1.5]]);
  blob(g, 1.12, -1.3, 0.52, 0.44, '#e8854a');
  shape(g, '#fff1de', [[1.1, -1.2], [1.9, -1.08], [1.15, -0.9]]);
  blob(g, 1.85, -1.1, 0.1, 0.09, INK);
  blob(g, 1.28, -1.4, 0.08, 0.11, INK);
}

function butterfly(g, { now, seed, calm }) {
  const flap = calm ? 0.8 : 0.35 + 0.65 * Math.abs(Math.sin(now / 90 + seed));
  const colour = ['#f59bb6', '#8fb7f2', '#ffd76e', '#c8a2ec'][seed % 4];
  g.translate(0, -2.2 + (calm ? 0 : Math.sin(now / 400 + seed) * 0.35));
  for (const side of [-1, 1]) {
    blob(g, side * 0.42 * flap, -0.25, 0.42 * flap + 0.05, 0.45, colour);
    blob(g, side * 0.34 * flap, 0.25, 0.3 * flap + 0.05, 0.32, '#fff8ea');
  }
  blob(g, 0, 0, 0.1, 0.46, INK);
}

function bat(g, { now, seed, calm }) {
  const flap = calm ? 0.3 : Math.sin(now / 85 + seed);
  g.translate(0, -3.6 + (calm ? 0 : Math.sin(now / 350 + seed) * 0.4));
  for (const side of [-1, 1]) shape(g, '#6a5a94', [[0, -0.2], [side * 0.8, -0.7 * flap - 0.2], [side * 1.6, -0.3 * flap], [side * 1.15, 0.15], [side * 0.7, 0.05], [side * 0.4, 0.3], [0, 0.25]]);
  blob(g, 0, 0, 0.4, 0.46, '#7d6cab');
  for (const side of [-1, 1]) {
    shape(g, '#7d6cab', [[side * 0.12, -0.35], [side * 0.34, -0.8], [side * 0.38, -0.2]]);
    blob(g, side * 0.15, -0.08, 0.08, 0.1, '#ffe58f');
  }
}

const KINDS = [sheep, duck, fox, butterfly, bat];
/** How wide each one's shadow is. */
const SHADOWS = [1.4, 1, 1.2, 0.4, 0.6];

export const critterShadow = (actor) => SHADOWS[actor.critter] ?? 1;

/** @param {CanvasRenderingContext2D} g @param {any} actor @param {number} now @param {{calm: boolean, swims: boolean}} how */
export function drawCritter(g, actor, now, { calm, swims }) {
  const stride = calm ? 0 : actor.walked * 3;
  const bob = calm ? 0 : actor.speed > 0.3 ? Math.abs(Math.sin(stride)) * 0.12 : Math.sin(now / 700 + actor.doId) * 0.03;
  g.save();
  if (swims && (actor.critter === 0 || actor.critter === 2)) {
    // Not everybody swims like a duck.
    g.beginPath();
    g.rect(-4, -6, 8, 6);
    g.clip();
    g.translate(0, 0.7);
  }
  if (actor.facing.x < 0 && actor.critter < 3) g.scale(-1, 1);
  (KINDS[actor.critter] ?? sheep)(g, { stride, bob, now: calm ? 0 : now, seed: actor.doId, calm, swims });
  g.restore();
}
