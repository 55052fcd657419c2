// What is neither ground nor thing: the sky below an island, the borders of zones, light, and marks that fade.

import { TILT } from './ground.js';
import { LANDS } from './palette.js';
import { random } from './random.js';
import { blob } from './sprites.js';

const MARK_MS = { goal: 700, placed: 900, leap: 1100 };
/** How far somebody is seen to leap, in steps, however far he wants to. */
const LEAP = 14;
const next = random(11);
const CLOUDS = Array.from({ length: 16 }, () => ({ x: next(), y: next(), r: 60 + next() * 110, pace: 0.3 + next() * 0.4 }));

/** What is below the island. */
export function drawAbyss(g, view, colours = LANDS.meadow, now, camera, calm) {
  const sky = g.createLinearGradient(0, 0, 0, view.height);
  sky.addColorStop(0, colours.sky[0]);
  sky.addColorStop(1, colours.sky[1]);
  g.fillStyle = sky;
  g.fillRect(0, 0, view.width, view.height);
  if (colours === LANDS.cave) return;
  g.fillStyle = 'rgba(255, 255, 255, .34)';
  for (const { x, y, r, pace } of CLOUDS) {
    const wide = view.width + 500;
    const px = ((x * wide + (calm ? 0 : now * 0.006 * pace) - camera.x * view.scale * pace * 0.5) % wide + wide) % wide - 250;
    const high = view.height + 300;
    const py = ((y * high - camera.y * view.scale * pace * 0.4) % high + high) % high - 150;
    for (const [dx, dy, part] of [[-0.7, 0.12, 0.6], [0, 0, 0.85], [0.75, 0.14, 0.62]]) {
      g.beginPath();
      g.ellipse(px + dx * r, py + dy * r, part * r, part * r * 0.5, 0, 0, 7);
      g.fill();
    }
  }
}

/** Where zones meet, faintly, and their numbers. */
export function drawBorders(g, view, { columns, rows, cell, width, height }, colour) {
  if (columns * rows < 2) return;
  g.save();
  Object.assign(g, { lineWidth: 1.5, strokeStyle: colour, lineCap: 'round' });
  g.setLineDash([2, 9]);
  const line = (x1, y1, x2, y2) => {
    g.beginPath();
    g.moveTo(view.px(x1), view.py(y1));
    g.lineTo(view.px(x2), view.py(y2));
    g.stroke();
  };
  for (let column = 1; column < columns; column++) line(column * cell, 0, column * cell, height);
  for (let row = 1; row < rows; row++) line(0, row * cell, width, row * cell);
  g.fillStyle = colour;
  g.font = '700 11px Quicksand, system-ui, sans-serif';
  for (let zone = 1; zone <= columns * rows; zone++) {
    const [x, y] = [((zone - 1) % columns) * cell, Math.floor((zone - 1) / columns) * cell];
    g.fillText(`zone ${zone}`, view.px(x) + 8, view.py(y) + 16);
  }
  g.restore();
}

/** Where water glitters. */
export function shimmerOf({ isWater }, { width, height }) {
  const chance = random(3);
  const spots = [];
  for (let tries = 0; tries < 900 && spots.length < 130; tries++) {
    const [x, y] = [chance() * width, chance() * height];
    if (isWater(x, y) && isWater(x - 2.5, y) && isWater(x + 2.5, y) && isWater(x, y - 2)) spots.push({ x, y, phase: chance() * 7, long: 0.6 + chance() * 1.2 });
  }
  return spots;
}

export function drawShimmer(g, view, spots, now, calm) {
  g.save();
  Object.assign(g, { lineWidth: 1.6, lineCap: 'round' });
  for (const { x, y, phase, long } of spots) {
    const [px, py] = [view.px(x), view.py(y)];
    if (px < -40 || py < -40 || px > view.width + 40 || py > view.height + 40) continue;
    const shine = calm ? 0.5 : 0.5 + 0.5 * Math.sin(now / 900 + phase);
    g.strokeStyle = `rgba(255, 255, 255, ${0.12 + 0.42 * shine})`;
    const half = long * view.scale * (0.5 + 0.5 * shine);
    g.beginPath();
    g.moveTo(px - half, py);
    g.quadraticCurveTo(px - half / 2, py - 3, px, py);
    g.quadraticCurveTo(px + half / 2, py - 3, px + half, py);
    g.stroke();
  }
  g.restore();
}

/** Somebody has wanted to be far away, and has come back: a streak of himself, there and back. */
function drawLeap(g, view, { x, y, toX, toY }, part, calm) {
  const far = Math.hypot(toX - x, toY - y);
  const [dx, dy] = [(toX - x) / far, (toY - y) / far];
  const reach = LEAP * (calm ? 0.6 : Math.sin(Math.PI * part ** 0.7));
  g.save();
  for (let at = 0; at < 14; at++) {
    const along = (reach * at) / 13;
    g.globalAlpha = (1 - part) * (0.2 + 0.6 * (at / 13));
    blob(g, view.px(x + dx * along), view.py(y + dy * along) - 0.9 * view.scale, 0.75 * view.scale, 1.05 * view.scale, at % 2 ? '#fff' : '#c9b6ff');
  }
  g.restore();
}

/** @returns whether it is still to be seen */
export function drawMark(g, view, mark, now, calm) {
  const { x, y, since, kind } = mark;
  // A frame may have begun before what it shows.
  const part = Math.max(0, now - since) / MARK_MS[kind];
  if (part >= 1) return false;
  if (kind === 'leap') {
    drawLeap(g, view, mark, part, calm);
    return true;
  }
  const [px, py] = [view.px(x), view.py(y)];
  g.save();
  g.globalAlpha = 1 - part;
  Object.assign(g, { lineWidth: 2.5, strokeStyle: kind === 'goal' ? '#fff' : '#c9b6ff' });
  const r = (calm ? 1 : kind === 'goal' ? 0.4 + part * 1.1 : 0.5 + part * 4) * view.scale;
  g.beginPath();
  g.ellipse(px, py, r, r * TILT, 0, 0, 7);
  g.stroke();
  for (let at = 0; kind === 'placed' && !calm && at < 10; at++) {
    const angle = at * 0.628;
    blob(g, px + Math.cos(angle) * r, py + Math.sin(angle) * r * TILT - part * 30, 3, 3, at % 2 ? '#fff' : '#b7a4f7');
  }
  g.restore();
  return true;
}

/** In a cave it is dark, but for crystals, portals and who carries a light. */
export function drawCaveLight(g, view, things, actors, now) {
  const lights = [
    ...things.filter(({ kind }) => kind === 'crystal').map(({ x, y, size, which }) => [x, y - 1, 4.5 * size, ['90, 220, 240', '160, 120, 250', '240, 130, 200', '110, 230, 180'][which]]),
    ...actors.filter(({ kind }) => kind === 'Avatar').map(({ x, y }) => [x, y - 1, 9, '255, 226, 170']),
    ...actors.filter(({ kind }) => kind === 'Portal').map(({ x, y }) => [x, y - 2, 11, '150, 170, 255']),
  ];
  g.save();
  g.fillStyle = 'rgba(16, 10, 32, .34)';
  g.fillRect(0, 0, view.width, view.height);
  g.globalCompositeOperation = 'lighter';
  lights.forEach(([x, y, r, colour], at) => {
    const radius = r * view.scale;
    const [px, py] = [view.px(x), view.py(y)];
    const light = g.createRadialGradient(px, py, 0, px, py, radius);
    light.addColorStop(0, `rgba(${colour}, ${0.22 + 0.05 * Math.sin(now / 600 + at)})`);
    light.addColorStop(1, `rgba(${colour}, 0)`);
    g.fillStyle = light;
    g.fillRect(px - radius, py - radius, 2 * radius, 2 * radius);
  });
  g.restore();
}

