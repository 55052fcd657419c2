// What can be drawn of an object: where it is, where it looks, what it says, and how much of it has faded in or out.

import { Track } from './motion.js';

const FADE_MS = 450, EMOTE_MS = 2600, BUBBLE_MS = 4200;
/** How often the AI tells of those who walk, and at first of those that it moves itself. */
const AVATAR_GAP_MS = 100, CRITTER_GAP_MS = 500;

export class Actor {
  /** @param {any} object of donet.js @param {boolean} isMe */
  constructor(object, isMe) {
    const { fields } = object;
    Object.assign(this, { object, isMe, doId: object.doId, kind: object.className });
    this.name = fields.setName?.[0] ?? '';
    this.colour = fields.setColour?.[0] ?? 0;
    this.critter = fields.setKind?.[0] ?? 0;
    [this.x, this.y] = fields.setXY ?? [0, 0];
    this.track = new Track(this.x, this.y, this.kind === 'Critter' ? CRITTER_GAP_MS : AVATAR_GAP_MS, this.kind === 'Critter');
    /** Where it looks, and how fast it goes in steps a second. */
    this.facing = { x: 0, y: 1 };
    this.speed = 0;
    /** How far it has walked: feet go by that. */
    this.walked = 0;
    this.bornAt = this.steppedAt = performance.now();
    this.goneAt = 0;
    /** @type {{words: string, until: number, since: number} | null} */ this.bubble = null;
    /** @type {{which: number, since: number, until: number} | null} */ this.emoting = null;
  }

  isOf(object) { return this.object === object || (this.doId === object.doId && this.kind === object.className); }

  /** It is back before it has faded. */
  comeAgain() {
    const faded = this.alpha(performance.now());
    this.goneAt = 0;
    this.bornAt = performance.now() - faded * FADE_MS;
    const [x, y] = this.object.fields.setXY ?? [this.x, this.y];
    this.track.push(x, y, performance.now());
  }

  leave(now) { this.goneAt ||= now; }
  hasFaded(now) { return this.goneAt > 0 && now - this.goneAt > FADE_MS; }

  alpha(now) {
    const shown = Math.min(1, Math.max(0, now - this.bornAt) / FADE_MS);
    return this.goneAt ? Math.min(shown, Math.max(0, 1 - (now - this.goneAt) / FADE_MS)) : shown;
  }

  move(x, y, now) { this.track.push(x, y, now); }

  /** Goes to where it is by now. */
  step(now) {
    if (this.isMe) return;
    const { x, y } = this.track.at(now);
    const seconds = Math.max(0.001, (now - this.steppedAt) / 1000);
    const far = Math.hypot(x - this.x, y - this.y);
    this.steppedAt = now;
    this.turn((x - this.x) / seconds, (y - this.y) / seconds, far);
    Object.assign(this, { x, y });
  }

  /** Our own avatar: where we say, at once. */
  walk(x, y, direction) {
    const far = Math.hypot(x - this.x, y - this.y);
    this.turn(direction.x * 8, direction.y * 8, far);
    Object.assign(this, { x, y });
  }

  turn(vx, vy, far) {
    const speed = far > 8 ? 0 : Math.hypot(vx, vy);
    this.speed += (speed - this.speed) * 0.3;
    this.walked += Math.min(far, 1);
    if (speed < 0.3) return;
    this.facing.x += (vx / speed - this.facing.x) * 0.2;
    this.facing.y += (vy / speed - this.facing.y) * 0.2;
  }

  jump(x, y) {
    Object.assign(this, { x, y, speed: 0 });
    this.track.jump(x, y);
  }

  say(words) {
    const now = performance.now();
    this.bubble = { words, since: now, until: now + BUBBLE_MS + 45 * words.length };
  }

  emote(which) {
    const now = performance.now();
    this.emoting = { which, since: now, until: now + EMOTE_MS };
  }
}
