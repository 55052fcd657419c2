// Where something is between two updates: it is drawn a little in the past, between what we were told.

const KEPT = 12;
/** Who is suddenly as far away as this has not walked there. */
const JUMP = 14;

export class Track {
  /** @param {number} x @param {number} y @param {number} gap the milliseconds between two updates that are expected @param {boolean} learns it from what comes */
  constructor(x, y, gap, learns) {
    Object.assign(this, { gap, learns });
    this.jump(x, y);
  }

  get delay() { return 1.2 * this.gap; }

  jump(x, y) {
    /** @type {{at: number, x: number, y: number}[]} */
    this.told = [{ at: -Infinity, x, y }];
  }

  /** @param {number} x @param {number} y @param {number} now */
  push(x, y, now) {
    const last = this.told[this.told.length - 1];
    if (Math.hypot(x - last.x, y - last.y) > JUMP) return this.jump(x, y);
    const since = now - last.at;
    if (this.learns && since < 2500) this.gap += (Math.min(1500, Math.max(100, since)) - this.gap) * 0.3;
    // It has stood still until now, and did not begin to walk when it was last heard of.
    if (since > 2 * this.gap) this.told.push({ at: now - this.gap, x: last.x, y: last.y });
    this.told.push({ at: now, x, y });
    if (this.told.length > KEPT) this.told.shift();
  }

  /** @param {number} now */
  at(now) {
    const then = now - this.delay;
    const next = this.told.findIndex(({ at }) => at > then);
    if (next < 0) return this.told[this.told.length - 1];
    const to = this.told[next];
    const from = this.told[next - 1] ?? to;
    const part = from === to || from.at === -Infinity ? 1 : (then - from.at) / (to.at - from.at);
    return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
  }
}
