// What stands where: from the name of a place, so that all see the same. The servers know nothing of it.

import { LANDS } from './palette.js';
import { random, seedOf } from './random.js';

/**
 * Something that stands there: its kind, where, how large, and which of its kind.
 * @typedef {{kind: string, x: number, y: number, size: number, which: number, flip: boolean}} Thing
 */

const isInEllipse = (x, y, [cx, cy, rx, ry]) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;

/** How far a point is from a line of points. */
function farFrom(x, y, line) {
  let least = Infinity;
  for (let at = 1; at < line.length; at++) {
    const [[ax, ay], [bx, by]] = [line[at - 1], line[at]];
    const along = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)));
    least = Math.min(least, Math.hypot(x - ax - (bx - ax) * along, y - ay - (by - ay) * along));
  }
  return least;
}

const PLANS = {
  meadow: {
    ponds: [[34, 82, 15, 10], [45, 88, 11, 8], [126, 27, 11, 7]],
    paths: [[[0, 52], [22, 50], [44, 58], [66, 69], [88, 74], [108, 70], [130, 66], [160, 62]], [[92, 74], [99, 86], [90, 102], [97, 120]], [[57, 65], [56, 44], [60, 22], [52, 0]]],
    clear: [[90, 68, 8]],
    fixed: [['windmill', 112, 58, 1.15], ['house', 76, 88, 1], ['house', 44, 30, .95], ['fence', 70, 93, 1], ['fence', 75, 93, 1], ['fence', 80, 93, 1], ['signpost', 102, 77, 1]],
    groves: [[20, 22, 18], [140, 92, 22], [136, 46, 12], [16, 108, 13], [72, 104, 11], [90, 16, 14], [150, 14, 10]], trees: 120, flowers: 150, tufts: 900, bushes: 46, rocks: 26,
  },
  harbour: {
    ponds: [], sea: (x) => 79 + 5 * Math.sin(x / 17) + 3 * Math.sin(x / 7 + 2) - 16 * Math.exp(-(((x - 28) / 17) ** 2)),
    paths: [[[0, 46], [30, 44], [56, 56], [74, 71], [90, 72.5], [108, 66], [136, 48], [160, 50]], [[84, 72], [84, 80]], [[54, 55], [50, 26], [56, 0]]],
    clear: [[90, 68, 8]],
    piers: [[[84, 74], [84, 104]], [[72, 100], [97, 100]], [[122, 78], [122, 96]]],
    fixed: [['house', 70, 56, 1], ['house', 80, 54, 1.05], ['house', 102, 54, 1.1], ['house', 112, 51, .95], ['house', 121, 46, 1], ['lighthouse', 142, 72, 1.2], ['crate', 79, 75, 1], ['crate', 76, 75.5, .8], ['barrel', 88.5, 76, 1], ['boat', 76, 108, 1.1], ['boat', 104, 106, 1], ['boat', 130, 90, .9], ['lamp', 80, 76, 1], ['lamp', 88, 88, 1], ['lamp', 80, 97, 1], ['lamp', 98, 67, 1], ['lamp', 70, 65, 1], ['barrel', 96, 99, 1], ['crate', 74, 99, .9]],
    groves: [[18, 20, 16], [140, 20, 20], [90, 18, 16], [14, 60, 9]], trees: 74, flowers: 60, tufts: 600, bushes: 34, rocks: 30,
  },
  cave: {
    ponds: [[28, 27, 5, 3.2]], paths: [], clear: [[20, 11, 5]], fixed: [], groves: [], trees: 0, flowers: 0, tufts: 60, bushes: 0, rocks: 14, crystals: 30,
  },
};

/** @param {{kind: string, name: string, width: number, height: number}} place */
export function landOf({ kind, name, width, height }) {
  const style = kind === 'cave' ? 'cave' : /harbou?r/i.test(name) ? 'harbour' : 'meadow';
  const plan = PLANS[style];
  const next = random(seedOf(style));
  const isWater = (x, y) => (plan.sea ? y > plan.sea(x) : false) || plan.ponds.some((pond) => isInEllipse(x, y, pond));
  const isOnPier = (x, y) => (plan.piers ?? []).some((line) => farFrom(x, y, line) < 2.2);
  const isFree = (x, y, room) => !isWater(x, y + 1) && !isWater(x, y - 1.5) && !plan.paths.some((path) => farFrom(x, y, path) < 2.5 + room)
    && plan.clear.every(([cx, cy, far]) => Math.hypot(x - cx, y - cy) > far + room) && plan.fixed.every(([, fx, fy]) => Math.abs(x - fx) > 5 + room || Math.abs(y - fy) > 4 + room);
  /** @type {Thing[]} */ const things = plan.fixed.map(([fixed, x, y, size]) => ({ kind: fixed, x, y, size, which: Math.floor(next() * 4), flip: next() < 0.5 }));
  const scatter = (what, count, where, room, size) => {
    for (let tries = 0, done = 0; done < count && tries < 20 * count; tries++) {
      const [x, y] = where();
      if (x < 2.5 || y < 3 || x > width - 2.5 || y > height - 2 || !isFree(x, y, room)) continue;
      if (things.some((thing) => Math.hypot(thing.x - x, (thing.y - y) * 1.3) < room)) continue;
      things.push({ kind: what, x, y, size: size[0] + next() * (size[1] - size[0]), which: Math.floor(next() * 4), flip: next() < 0.5 });
      done++;
    }
  };
  const anywhere = () => [next() * width, next() * height];
  const inGrove = () => {
    const [x, y, radius] = plan.groves[Math.floor(next() * plan.groves.length)];
    const [angle, far] = [next() * 7, Math.sqrt(next()) * radius];
    return [x + Math.cos(angle) * far, y + Math.sin(angle) * far * 0.8];
  };
  const wall = () => {
    const angle = next() * Math.PI * 2;
    return [width / 2 + Math.cos(angle) * width * (0.36 + next() * 0.1), height / 2 + Math.sin(angle) * height * (0.36 + next() * 0.1)];
  };
  scatter('tree', Math.round(plan.trees * 0.8), inGrove, 3.1, [0.85, 1.3]);
  scatter('tree', Math.round(plan.trees * 0.2), anywhere, 6, [0.9, 1.2]);
  scatter('bush', plan.bushes, anywhere, 2.4, [0.7, 1.2]);
  scatter('rock', plan.rocks, style === 'cave' ? wall : anywhere, 2, [0.6, 1.3]);
  scatter('crystal', plan.crystals ?? 0, wall, 1.8, [0.7, 1.7]);
  if (style === 'meadow') scatter('mushroom', 20, inGrove, 1.6, [0.7, 1.2]);
  return { style, colours: LANDS[style], plan, things, isWater: (x, y) => isWater(x, y) && !isOnPier(x, y), isBare: isFree, next };
}
