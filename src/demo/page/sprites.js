// What stands about: trees, houses, boats, crystals. Each is painted once for its kind, and then copied.

import { mix } from './palette.js';

/** How wide and high a sprite is at most, in steps, and how much of that is above the ground. */
const BOX = { width: 14, above: 15, below: 3 };

export function blob(g, x, y, rx, ry, colour) {
  g.fillStyle = colour;
  g.beginPath();
  g.ellipse(x, y, rx, ry, 0, 0, Math.PI * 2);
  g.fill();
}

export function shape(g, colour, points) {
  g.fillStyle = colour;
  g.beginPath();
  for (const [x, y] of points) g.lineTo(x, y);
  g.closePath();
  g.fill();
}

function box(g, x, y, width, height, radius, colour) {
  g.fillStyle = colour;
  g.beginPath();
  g.roundRect(x, y, width, height, radius);
  g.fill();
}

function trunk(g, height, width) {
  g.fillStyle = '#8a6647';
  g.beginPath();
  g.moveTo(-width, 0.2);
  g.quadraticCurveTo(-width * 0.5, -height / 2, -width * 0.6, -height);
  g.lineTo(width * 0.6, -height);
  g.quadraticCurveTo(width * 0.5, -height / 2, width, 0.2);
  g.quadraticCurveTo(0, 0.55, -width, 0.2);
  g.fill();
  blob(g, width * 0.35, -height / 2, width * 0.22, height / 2, 'rgba(60, 40, 30, .18)');
}

/** A crown of round leaves, dark below and light above. */
function crown(g, [dark, light], puffs) {
  for (const [x, y, r] of puffs) blob(g, x, y + 0.28, r, r * 0.96, mix(dark, '#2d5a4a', 0.28));
  for (const [x, y, r] of puffs) blob(g, x, y, r, r * 0.94, dark);
  for (const [x, y, r] of puffs) blob(g, x - r * 0.16, y - r * 0.2, r * 0.76, r * 0.68, mix(dark, light, 0.6));
  for (const [x, y, r] of puffs) blob(g, x - r * 0.26, y - r * 0.36, r * 0.46, r * 0.38, light);
}

const TREES = [
  (g, leaves) => {
    trunk(g, 2.6, 0.5);
    crown(g, leaves, [[-1.3, -3.4, 1.5], [1.3, -3.3, 1.5], [0, -2.9, 1.5], [-0.7, -5, 1.5], [0.8, -4.9, 1.45], [0.1, -6, 1.2]]);
  },
  (g, [dark, light]) => {
    trunk(g, 1.6, 0.42);
    for (const [y, half, high] of [[-1, 2.2, 2.6], [-2.5, 1.8, 2.4], [-4, 1.35, 2.2], [-5.3, 0.9, 1.9]]) {
      const bough = (colour, part, shift) => {
        g.fillStyle = colour;
        g.beginPath();
        g.moveTo(shift, y - high);
        g.quadraticCurveTo(half * 0.5 * part + shift, y - high * 0.35, half * part + shift * 0.5, y);
        g.quadraticCurveTo(0, y + 0.65, -half * part + shift * 0.5, y);
        g.quadraticCurveTo(-half * 0.5 * part + shift, y - high * 0.35, shift, y - high);
        g.fill();
      };
      bough(mix(dark, '#2d5a4a', 0.3), 1, 0);
      bough(mix(dark, light, 0.35), 0.8, -0.18);
    }
  },
  (g, leaves) => {
    trunk(g, 2.8, 0.4);
    crown(g, leaves, [[-1.5, -3.6, 1.2], [1.5, -3.7, 1.25], [0, -3.4, 1.4], [-0.9, -4.8, 1.3], [1, -4.9, 1.25], [0, -5.6, 1.2]]);
  },
  (g, leaves) => {
    trunk(g, 3, 0.36);
    crown(g, leaves, [[0, -3.4, 1.35], [-0.2, -4.6, 1.5], [0.2, -5.9, 1.3], [0, -7, 0.9]]);
  },
];

function house(g, which) {
  const roof = ['#d9705f', '#5f8fb8', '#c98a4b', '#8c77b8'][which];
  box(g, -3.4, -3.6, 6.8, 3.8, 0.25, '#f6ead2');
  box(g, 1.4, -3.6, 2, 3.8, 0.25, 'rgba(120, 90, 70, .13)');
  box(g, -2.2, -6.9, 0.9, 2.2, 0.15, '#b98d74');
  shape(g, mix(roof, '#3b2a30', 0.25), [[-4.1, -3], [4.1, -3], [2.5, -6.4], [-2.5, -6.4]]);
  shape(g, roof, [[-4.1, -3.25], [4.1, -3.25], [2.5, -6.5], [-2.5, -6.5]]);
  Object.assign(g, { lineWidth: 0.12, strokeStyle: 'rgba(255, 255, 255, .28)' });
  for (const y of [-4, -4.8, -5.6]) {
    g.beginPath();
    const half = 4 + (y + 3.25) * 0.49;
    g.moveTo(-half, y);
    g.lineTo(half, y);
    g.stroke();
  }
  box(g, -0.7, -2.3, 1.4, 2.5, [0.7, 0.7, 0, 0], '#8a5f47');
  blob(g, 0.4, -1, 0.12, 0.12, '#f2cf72');
  for (const x of [-2.6, 1.5]) {
    box(g, x - 0.1, -2.5, 1.3, 1.3, 0.2, '#ffffff');
    box(g, x, -2.4, 1.1, 1.1, 0.15, '#ffe6a3');
    g.fillStyle = '#fff';
    g.fillRect(x + 0.5, -2.4, 0.12, 1.1);
    g.fillRect(x, -1.9, 1.1, 0.12);
    blob(g, x + 0.3, -0.95, 0.32, 0.22, '#ef8fa8');
    blob(g, x + 0.8, -0.95, 0.32, 0.22, '#f6c667');
  }
}

function windmill(g) {
  shape(g, '#f4e7cf', [[-2.3, 0.1], [2.3, 0.1], [1.5, -6.6], [-1.5, -6.6]]);
  shape(g, 'rgba(120, 90, 70, .14)', [[0.7, 0.1], [2.3, 0.1], [1.5, -6.6], [0.5, -6.6]]);
  g.fillStyle = '#c9695c';
  g.beginPath();
  g.moveTo(-1.9, -6.5);
  g.quadraticCurveTo(-1.5, -9.2, 0, -9.4);
  g.quadraticCurveTo(1.5, -9.2, 1.9, -6.5);
  g.fill();
  box(g, -0.65, -2.1, 1.3, 2.2, [0.65, 0.65, 0, 0], '#8a5f47');
  blob(g, 0, -4.6, 0.5, 0.55, '#ffffff');
  blob(g, 0, -4.6, 0.36, 0.42, '#7fa9c4');
}

function lighthouse(g) {
  blob(g, 0, 0.1, 2.6, 1, '#b3a48e');
  shape(g, '#fbf4e6', [[-1.7, 0], [1.7, 0], [1.1, -8.4], [-1.1, -8.4]]);
  for (const [y, half] of [[-1.8, 1.56], [-4.8, 1.34]]) shape(g, '#e06b5f', [[-half, y], [half, y], [half - 0.1, y - 1.5], [-half + 0.1, y - 1.5]]);
  shape(g, 'rgba(80, 60, 70, .13)', [[0.5, 0], [1.7, 0], [1.1, -8.4], [0.4, -8.4]]);
  box(g, -1.5, -8.9, 3, 0.6, 0.2, '#4f5a70');
  box(g, -0.8, -10.4, 1.6, 1.6, 0.2, '#ffe89a');
  shape(g, '#e06b5f', [[-1.2, -10.3], [1.2, -10.3], [0, -11.7]]);
}

function boat(g) {
  blob(g, 0, 0.5, 3.1, 0.7, 'rgba(255, 255, 255, .4)');
  g.fillStyle = '#b4684d';
  g.beginPath();
  g.moveTo(-3, -1);
  g.quadraticCurveTo(0, -0.5, 3.2, -1.2);
  g.quadraticCurveTo(2.6, 0.6, 1.2, 0.6);
  g.lineTo(-1.6, 0.6);
  g.quadraticCurveTo(-2.8, 0.4, -3, -1);
  g.fill();
  shape(g, '#f3e3c6', [[-2.9, -1], [3.1, -1.2], [3, -0.7], [-2.8, -0.5]]);
  box(g, -0.15, -6, 0.3, 5.4, 0.1, '#7d5a40');
  shape(g, '#fffaf0', [[0.3, -5.8], [0.3, -1.6], [2.7, -1.8]]);
  shape(g, '#f0b8a4', [[-0.3, -5], [-0.3, -1.6], [-2, -1.7]]);
}

function crystal(g, leaves, which) {
  const [dark, light] = leaves[which];
  blob(g, 0, -1.2, 2.2, 2.2, `${dark}22`);
  blob(g, 0, -1, 1.4, 1.4, `${dark}33`);
  for (const [x, lean, high, half] of [[-0.7, -0.6, 1.7, 0.35], [0.75, 0.7, 1.9, 0.38], [0, 0, 3, 0.5]]) {
    shape(g, dark, [[x - half, 0], [x + half, 0], [x + half + lean * 0.7, -high * 0.75], [x + lean, -high], [x - half + lean * 0.7, -high * 0.7]]);
    shape(g, light, [[x - half, 0], [x, 0.1], [x + lean * 0.85, -high * 0.72], [x + lean, -high], [x - half + lean * 0.7, -high * 0.7]]);
  }
}

const KINDS = {
  tree: (g, leaves, which) => TREES[which](g, leaves[which]),
  bush: (g, leaves, which) => {
    crown(g, leaves[which % 2], [[-0.8, -0.6, 0.8], [0.8, -0.6, 0.75], [0, -1, 0.95]]);
    if (which > 1) for (const [x, y] of [[-0.7, -0.9], [0.3, -1.4], [0.9, -0.6], [-0.1, -0.5]]) blob(g, x, y, 0.17, 0.17, which === 2 ? '#f07c7c' : '#fff4d6');
  },
  rock: (g, leaves, which, style) => {
    const [dark, light] = style === 'cave' ? ['#3d3458', '#6b6090'] : ['#9aa3a0', '#c9d0c8'];
    blob(g, 0, -0.35, 1.1, 0.75, dark);
    blob(g, -0.15, -0.55, 0.85, 0.5, light);
    if (which % 2) blob(g, 1, -0.15, 0.45, 0.32, mix(dark, light, 0.4));
  },
  mushroom: (g) => {
    box(g, -0.18, -0.7, 0.36, 0.8, 0.15, '#fbf1de');
    g.fillStyle = '#e0685f';
    g.beginPath();
    g.ellipse(0, -0.65, 0.62, 0.55, 0, Math.PI, 0);
    g.fill();
    for (const [x, y] of [[-0.25, -0.85], [0.2, -0.95], [0.35, -0.73]]) blob(g, x, y, 0.09, 0.09, '#fff');
  },
  house: (g, leaves, which) => house(g, which), windmill, lighthouse, boat,
  crystal: (g, leaves, which) => crystal(g, leaves, which),
  crate: (g) => {
    box(g, -0.9, -1.5, 1.8, 1.7, 0.12, '#b98a58');
    box(g, -0.9, -1.9, 1.8, 0.6, 0.12, '#d9b17e');
    Object.assign(g, { lineWidth: 0.14, strokeStyle: '#96693f' });
    g.strokeRect(-0.7, -1.15, 1.4, 1.15);
    g.beginPath();
    g.moveTo(-0.7, 0);
    g.lineTo(0.7, -1.15);
    g.stroke();
  },
  barrel: (g) => {
    box(g, -0.75, -1.7, 1.5, 1.9, 0.45, '#a9764c');
    for (const y of [-1.3, -0.5]) box(g, -0.78, y, 1.56, 0.22, 0.08, '#5f5a5e');
    blob(g, 0, -1.65, 0.62, 0.25, '#c99a6a');
  },
  lamp: (g) => {
    blob(g, 0, -3.6, 1.3, 1.3, 'rgba(255, 224, 130, .3)');
    box(g, -0.14, -3.4, 0.28, 3.5, 0.1, '#55607a');
    box(g, -0.45, -4.2, 0.9, 1, 0.25, '#ffe38a');
    shape(g, '#55607a', [[-0.65, -4.1], [0.65, -4.1], [0, -4.8]]);
  },
  fence: (g) => {
    for (const x of [-2, -0.7, 0.7, 2]) box(g, x - 0.18, -1.5, 0.36, 1.6, 0.15, '#f3e6cc');
    for (const y of [-1.1, -0.5]) box(g, -2.5, y, 5, 0.26, 0.1, '#e2d0ad');
  },
  signpost: (g) => {
    box(g, -0.16, -2.4, 0.32, 2.5, 0.1, '#8a6647');
    shape(g, '#d8b280', [[-1.2, -2.9], [0.9, -2.9], [1.5, -2.4], [0.9, -1.9], [-1.2, -1.9]]);
  },
};
/** How wide the shadow of each is. */
const SHADOWS = { tree: 2, bush: 1.4, rock: 1.2, mushroom: 0.6, house: 4, windmill: 2.8, lighthouse: 2.4, boat: 0, crystal: 1.2, crate: 1.2, barrel: 1, lamp: 0.6, fence: 2.6, signpost: 0.7 };

export class Sprites {
  /** @param {any} land @param {number} scale pixels of the canvas a step */
  constructor(land, scale) {
    Object.assign(this, { land, scale });
    /** @type {Map<string, HTMLCanvasElement>} */ this.painted = new Map();
  }

  image({ kind, which }) {
    const name = `${kind} ${which}`;
    let image = this.painted.get(name);
    if (!image) {
      image = document.createElement('canvas');
      image.width = Math.ceil(BOX.width * this.scale);
      image.height = Math.ceil((BOX.above + BOX.below) * this.scale);
      const g = /** @type {CanvasRenderingContext2D} */ (image.getContext('2d'));
      g.setTransform(this.scale, 0, 0, this.scale, (BOX.width / 2) * this.scale, BOX.above * this.scale);
      KINDS[kind](g, this.land.colours.leaves, which, this.land.style);
      this.painted.set(name, image);
    }
    return image;
  }

  shadow(g, { kind, size }) {
    const wide = SHADOWS[kind] * size;
    if (wide > 0) blob(g, wide * 0.22, 0.1, wide, wide * 0.42, this.land.colours.shadow);
  }

  /** At the origin of `g`, which counts in steps. */
  draw(g, thing, sway) {
    const size = thing.size;
    g.save();
    g.scale(thing.flip && thing.kind !== 'signpost' ? -size : size, size);
    if (sway && thing.kind === 'tree') g.transform(1, 0, sway, 1, 0, 0);
    g.drawImage(this.image(thing), -BOX.width / 2, -BOX.above, BOX.width, BOX.above + BOX.below);
    g.restore();
  }

  /** The wheel of the windmill, which turns. */
  wheel(g, size, angle) {
    g.save();
    g.scale(size, size);
    g.translate(0, -7);
    g.rotate(angle);
    for (let arm = 0; arm < 4; arm++) {
      g.rotate(Math.PI / 2);
      box(g, -0.1, -4.6, 0.2, 4.6, 0.1, '#7d5a40');
      box(g, 0.1, -4.5, 1, 3.5, 0.15, '#fffaf0');
      Object.assign(g, { lineWidth: 0.08, strokeStyle: 'rgba(125, 90, 64, .5)' });
      for (const y of [-3.6, -2.7, -1.8]) g.strokeRect(0.1, y, 1, 0.02);
    }
    blob(g, 0, 0, 0.4, 0.4, '#7d5a40');
    g.restore();
  }
}
