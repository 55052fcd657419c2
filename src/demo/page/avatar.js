// A player: round, with a face that looks where it goes. Drawn at the origin of a canvas that counts in steps.

import { COLOURS, mix } from './palette.js';
import { seedOf } from './random.js';
import { blob, shape } from './sprites.js';

const INK = '#352f44';

/** The outline of the body. @param {CanvasRenderingContext2D} g */
function body(g) {
  g.beginPath();
  g.moveTo(-1.28, -1.2);
  g.bezierCurveTo(-1.35, -3, -0.9, -3.9, 0, -3.9);
  g.bezierCurveTo(0.9, -3.9, 1.35, -3, 1.28, -1.2);
  g.bezierCurveTo(1.25, -0.35, 0.7, -0.15, 0, -0.15);
  g.bezierCurveTo(-0.7, -0.15, -1.25, -0.35, -1.28, -1.2);
  g.closePath();
}

/** What is on the head: each name has its own. */
const HATS = [
  // A sprout.
  (g) => {
    Object.assign(g, { lineWidth: 0.16, strokeStyle: '#6c9a4e', lineCap: 'round' });
    g.beginPath();
    g.moveTo(0, -3.8);
    g.quadraticCurveTo(0.05, -4.3, 0, -4.6);
    g.stroke();
    g.save();
    g.translate(0, -4.6);
    for (const side of [-1, 1]) {
      g.save();
      g.rotate(side * 0.5);
      blob(g, side * 0.5, -0.1, 0.52, 0.25, '#86bf62');
      g.restore();
    }
    g.restore();
  },
  // Ears.
  (g, colour) => {
    for (const side of [-1, 1]) {
      g.save();
      g.translate(side * 0.62, -3.6);
      g.rotate(side * 0.22);
      blob(g, 0, -0.75, 0.32, 0.95, colour);
      blob(g, 0, -0.7, 0.16, 0.66, '#f7c9cf');
      g.restore();
    }
  },
  // A woollen cap.
  (g) => {
    g.fillStyle = '#e2646f';
    g.beginPath();
    g.moveTo(-1.02, -3.1);
    g.bezierCurveTo(-0.95, -4.4, 0.95, -4.4, 1.02, -3.1);
    g.fill();
    g.fillStyle = '#fff4e2';
    g.beginPath();
    g.roundRect(-1.15, -3.35, 2.3, 0.52, 0.26);
    g.fill();
    blob(g, 0, -4.25, 0.36, 0.36, '#fff4e2');
  },
  // A straw hat.
  (g) => {
    blob(g, 0, -3.35, 1.6, 0.45, '#e3bd6d');
    g.fillStyle = '#f0d08a';
    g.beginPath();
    g.ellipse(0, -3.45, 0.92, 0.95, 0, Math.PI, 0);
    g.fill();
    g.fillStyle = '#5b7fa6';
    g.fillRect(-0.92, -3.66, 1.84, 0.3);
  },
  // A crown.
  (g) => shape(g, '#f6cf5f', [[-0.8, -3.45], [-0.95, -4.5], [-0.42, -4], [0, -4.7], [0.42, -4], [0.95, -4.5], [0.8, -3.45]]),
  // A flower.
  (g) => {
    for (let petal = 0; petal < 5; petal++) blob(g, 0.7 + Math.cos(petal * 1.257) * 0.32, -3.6 + Math.sin(petal * 1.257) * 0.32, 0.26, 0.26, '#fff4e6');
    blob(g, 0.7, -3.6, 0.2, 0.2, '#f4b942');
  },
];

function face(g, { facing, emoting, speaks }, now, calm) {
  // From behind one sees no face.
  const seen = Math.min(1, Math.max(0, (facing.y + 0.75) / 0.35));
  if (seen <= 0) return;
  g.save();
  g.globalAlpha *= seen;
  g.translate(facing.x * 0.48, Math.max(0, facing.y) * 0.16);
  const narrow = 1 - Math.abs(facing.x) * 0.22;
  g.scale(narrow, 1);
  const isLaughing = emoting?.which === 2;
  const isBlinking = !calm && (now + 700 * facing.seed) % 3700 < 130;
  for (const side of [-1, 1]) {
    blob(g, side * 0.78, -2.15, 0.22, 0.14, 'rgba(240, 90, 90, .32)');
    if (isLaughing || isBlinking) {
      Object.assign(g, { lineWidth: 0.13, strokeStyle: INK, lineCap: 'round' });
      g.beginPath();
      g.arc(side * 0.48, -2.5, 0.22, isLaughing ? Math.PI * 1.1 : 0.1, isLaughing ? -0.1 * Math.PI : Math.PI - 0.1);
      g.stroke();
    } else {
      blob(g, side * 0.48, -2.58, 0.2, 0.28, INK);
      blob(g, side * 0.48 - 0.06, -2.68, 0.075, 0.09, '#fff');
    }
  }
  if (isLaughing || speaks) {
    g.fillStyle = INK;
    g.beginPath();
    g.ellipse(0, -2.1, 0.24, isLaughing ? 0.28 : 0.16, 0, 0, Math.PI);
    g.fill();
  } else {
    Object.assign(g, { lineWidth: 0.11, strokeStyle: INK, lineCap: 'round' });
    g.beginPath();
    g.arc(0, -2.22, 0.2, 0.25, Math.PI - 0.25);
    g.stroke();
  }
  g.restore();
}

/** @param {CanvasRenderingContext2D} g @param {any} actor @param {number} now @param {{calm: boolean, swims: boolean}} how */
export function drawAvatar(g, actor, now, { calm, swims }) {
  const colour = COLOURS[actor.colour % COLOURS.length];
  const dark = mix(colour, '#3a2c4c', 0.3);
  const seed = seedOf(actor.name);
  const isWalking = actor.speed > 1;
  const stride = actor.walked * 1.5;
  const bob = calm ? 0 : isWalking ? Math.abs(Math.sin(stride)) * 0.28 : Math.sin(now / 620 + (seed % 7)) * 0.05;
  const squash = calm ? 0 : isWalking ? Math.cos(stride * 2) * 0.035 : Math.sin(now / 620 + (seed % 7)) * 0.015;
  const isWaving = actor.emoting?.which === 0;
  const lean = isWalking && !calm ? actor.facing.x * 0.07 : 0;
  g.save();
  if (swims) {
    g.beginPath();
    g.rect(-4, -9, 8, 9);
    g.clip();
    g.translate(0, 1.5 + (calm ? 0 : Math.sin(now / 400) * 0.08));
  } else {
    for (const side of [-1, 1]) {
      const step = isWalking && !calm ? Math.sin(stride + (side > 0 ? Math.PI : 0)) : 0;
      blob(g, side * 0.58 + step * actor.facing.x * 0.4, -0.12 + step * actor.facing.y * 0.2 - Math.max(0, step) * 0.22, 0.46, 0.3, dark);
    }
  }
  g.translate(0, -bob);
  g.transform(1 + squash, 0, -lean, 1 - squash, 0, 0);
  const arm = (side) => {
    const swing = isWalking && !calm ? Math.sin(stride + (side > 0 ? 0 : Math.PI)) * 0.3 : 0;
    g.save();
    g.translate(side * 1.18, -1.85);
    g.rotate(isWaving && side > 0 ? -2.3 + (calm ? 0 : Math.sin(now / 90) * 0.35) : side * -0.3 + swing);
    blob(g, 0, 0.42, 0.3, 0.6, mix(colour, dark, 0.45));
    g.restore();
  };
  if (actor.facing.y < 0) arm(1), arm(-1);
  const light = g.createRadialGradient(-0.5, -3, 0.3, 0, -2, 2.6);
  light.addColorStop(0, mix(colour, '#ffffff', 0.42));
  light.addColorStop(0.55, colour);
  light.addColorStop(1, mix(colour, '#4a2f5c', 0.26));
  body(g);
  g.fillStyle = light;
  g.fill();
  Object.assign(g, { lineWidth: 0.12, strokeStyle: mix(colour, '#3a2c4c', 0.5) });
  g.stroke();
  if (actor.facing.y > -0.4) blob(g, actor.facing.x * 0.35, -1.05, 0.72, 0.62, 'rgba(255, 255, 255, .26)');
  if (actor.facing.y >= 0) arm(1), arm(-1);
  face(g, { facing: { ...actor.facing, seed: seed % 5 }, emoting: actor.emoting, speaks: actor.bubble && now - actor.bubble.since < 1200 && Math.floor(now / 140) % 2 === 0 }, now, calm);
  g.translate(actor.facing.x * 0.12, 0);
  HATS[seed % HATS.length](g, colour);
  g.restore();
}
