// The ground of a place, painted once: grass, paths, water, flowers, and the rim of the island that it is.

import { mix } from './palette.js';

/** How many steps are painted around the place. */
export const AROUND = 10;
/** How much less high than wide the ground is seen. */
export const TILT = 0.8;
const RIM = 5;

/** @param {CanvasRenderingContext2D} g @param {number} width @param {number} height @param {boolean} isCave */
function outline(g, width, height, isCave) {
  g.beginPath();
  if (isCave) {
    for (let at = 0; at <= 48; at++) {
      const angle = (at / 48) * Math.PI * 2;
      const far = 1 + 0.03 * Math.sin(angle * 5) + 0.025 * Math.sin(angle * 9 + 1);
      g.lineTo(width / 2 + Math.cos(angle) * far * (width / 2 + 1.5), height / 2 + Math.sin(angle) * far * (height / 2 + 1.5));
    }
    return g.closePath();
  }
  const [corner, out] = [12, 2];
  const edge = (fromX, fromY, toX, toY, seed) => {
    const length = Math.hypot(toX - fromX, toY - fromY);
    for (let far = 0; far <= length; far += 2) {
      const wave = 0.7 * Math.sin(far / 5 + seed) + 0.5 * Math.sin(far / 2.3 + seed * 2);
      const [x, y] = [fromX + ((toX - fromX) * far) / length, fromY + ((toY - fromY) * far) / length];
      g.lineTo(x + ((toY - fromY) / length) * wave, y - ((toX - fromX) / length) * wave);
    }
  };
  edge(corner, -out, width - corner, -out, 1);
  g.quadraticCurveTo(width + out, -out, width + out, corner);
  edge(width + out, corner, width + out, height - corner, 2);
  g.quadraticCurveTo(width + out, height + out, width - corner, height + out);
  edge(width - corner, height + out, corner, height + out, 3);
  g.quadraticCurveTo(-out, height + out, -out, height - corner);
  edge(-out, height - corner, -out, corner, 4);
  g.quadraticCurveTo(-out, -out, corner, -out);
  g.closePath();
}

function smooth(g, line) {
  g.beginPath();
  g.moveTo(...line[0]);
  for (let at = 1; at < line.length - 1; at++) {
    const [x, y] = line[at];
    g.quadraticCurveTo(x, y, (x + line[at + 1][0]) / 2, (y + line[at + 1][1]) / 2);
  }
  g.lineTo(...line[line.length - 1]);
}

function stroke(g, line, width, colour) {
  smooth(g, line);
  Object.assign(g, { lineWidth: width, strokeStyle: colour, lineCap: 'round', lineJoin: 'round' });
  g.stroke();
}

function blots(g, land, width, height, count) {
  const { next, colours } = land;
  for (let at = 0; at < count; at++) {
    const [x, y, r] = [next() * width, next() * height, 3 + next() * 9];
    const shade = g.createRadialGradient(x, y, 0, x, y, r);
    const colour = at % 2 ? colours.light : colours.dark;
    shade.addColorStop(0, `${colour}99`);
    shade.addColorStop(1, `${colour}00`);
    g.fillStyle = shade;
    g.fillRect(x - r, y - r, 2 * r, 2 * r);
  }
}

function water(g, land, width, height) {
  const { plan, colours } = land;
  for (const [grow, colour] of [[1.7, colours.shore], [0.5, mix(colours.water, '#ffffff', 0.45)], [0, colours.water], [-1.6, mix(colours.water, colours.waterDeep, 0.5)], [-3.4, colours.waterDeep]]) {
    g.fillStyle = colour;
    g.beginPath();
    for (const [x, y, rx, ry] of plan.ponds) {
      if (rx + grow < 1 || ry + grow < 1) continue;
      g.moveTo(x + rx + grow, y);
      g.ellipse(x, y, rx + grow, ry + grow, 0, 0, Math.PI * 2);
    }
    if (plan.sea) {
      g.moveTo(-AROUND, height + AROUND);
      for (let x = -AROUND; x <= width + AROUND; x += 1) g.lineTo(x, plan.sea(x) - grow * 1.5);
      g.lineTo(width + AROUND, height + AROUND);
    }
    g.fill('nonzero');
  }
}

function planks(g, line) {
  stroke(g, line.map(([x, y]) => [x + 0.4, y + 0.9]), 4.6, 'rgba(30, 70, 90, .28)');
  stroke(g, line, 4.5, '#8d6a45');
  stroke(g, line, 4, '#c29a6b');
  const [[ax, ay], [bx, by]] = line;
  const length = Math.hypot(bx - ax, by - ay);
  const [dx, dy] = [(bx - ax) / length, (by - ay) / length];
  Object.assign(g, { lineWidth: 0.12, strokeStyle: 'rgba(110, 78, 46, .55)', lineCap: 'butt' });
  for (let far = -1.6; far < length + 1.6; far += 1) {
    g.beginPath();
    g.moveTo(ax + dx * far - dy * 2, ay + dy * far + dx * 2);
    g.lineTo(ax + dx * far + dy * 2, ay + dy * far - dx * 2);
    g.stroke();
  }
}

function tufts(g, land, width, height) {
  const { next, colours, plan, isBare } = land;
  g.lineCap = 'round';
  for (let at = 0; at < plan.tufts; at++) {
    const [x, y] = [next() * width, next() * height];
    if (!isBare(x, y, -1)) continue;
    Object.assign(g, { lineWidth: 0.16, strokeStyle: at % 3 ? colours.blade : mix(colours.light, '#ffffff', 0.25) });
    for (const lean of [-0.35, 0, 0.35]) {
      g.beginPath();
      g.moveTo(x + lean * 0.7, y);
      g.quadraticCurveTo(x + lean, y - 0.4, x + lean * 1.7, y - 0.8 + Math.abs(lean) * 0.5);
      g.stroke();
    }
  }
}

function flowers(g, land, width, height) {
  const { next, colours, plan, isBare } = land;
  for (let patch = 0; patch < plan.flowers; patch++) {
    const [px, py] = [next() * width, next() * height];
    const colour = colours.flowers[Math.floor(next() * colours.flowers.length)];
    for (let count = 3 + Math.floor(next() * 8); count > 0; count--) {
      const [x, y, r] = [px + (next() - 0.5) * 6, py + (next() - 0.5) * 5, 0.18 + next() * 0.12];
      if (!isBare(x, y, -1) || x < 1 || y < 1 || x > width - 1 || y > height - 1) continue;
      g.fillStyle = 'rgba(60, 100, 60, .25)';
      g.beginPath();
      g.ellipse(x + 0.15, y + 0.25, r * 1.5, r, 0, 0, 7);
      g.fill();
      g.fillStyle = colour;
      for (let petal = 0; petal < 5; petal++) {
        g.beginPath();
        g.arc(x + Math.cos(petal * 1.257) * r, y - 0.1 + Math.sin(petal * 1.257) * r, r * 0.72, 0, 7);
        g.fill();
      }
      g.fillStyle = '#f7c948';
      g.beginPath();
      g.arc(x, y - 0.1, r * 0.6, 0, 7);
      g.fill();
    }
  }
}

/** @param {any} land @param {{width: number, height: number}} place @param {number} scale pixels of the screen a step */
export function paintGround(land, { width, height }, scale) {
  const canvas = document.createElement('canvas');
  canvas.width = Math.ceil((width + 2 * AROUND) * scale);
  canvas.height = Math.ceil((height + 2 * AROUND) * scale * TILT);
  const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const isCave = land.style === 'cave';
  const { colours } = land;
  const place = (down) => g.setTransform(scale, 0, 0, scale * TILT, AROUND * scale, (AROUND + down) * scale * TILT);
  // The rim: the island from below, and how it darkens.
  for (let down = RIM; down >= 0; down -= 0.25) {
    place(down);
    outline(g, width, height, isCave);
    g.fillStyle = down > RIM - 0.5 ? mix(colours.rimDark, '#3a2e26', 0.25) : mix(colours.rim, colours.rimDark, down / RIM);
    g.fill();
  }
  place(0);
  outline(g, width, height, isCave);
  g.save();
  g.clip();
  g.fillStyle = colours.ground;
  g.fillRect(-AROUND, -AROUND, width + 2 * AROUND, height + 2 * AROUND);
  blots(g, land, width, height, Math.round((width * height) / 60));
  for (const path of land.plan.paths) stroke(g, path, 5.2, colours.pathEdge);
  for (const path of land.plan.paths) stroke(g, path, 4.4, colours.path);
  tufts(g, land, width, height);
  water(g, land, width, height);
  flowers(g, land, width, height);
  for (const pier of land.plan.piers ?? []) planks(g, pier);
  g.restore();
  outline(g, width, height, isCave);
  Object.assign(g, { lineWidth: 0.7, strokeStyle: mix(colours.light, '#ffffff', isCave ? 0.1 : 0.3) });
  g.stroke();
  return canvas;
}
