// Draws the world on a canvas: what lies on the ground, what stands on it from back to front, mist, and what floats above.

import { AROUND, TILT, paintGround } from './ground.js';
import { critterShadow, drawCritter } from './critter.js';
import { drawAvatar } from './avatar.js';
import { drawBubble, drawEmote, drawName } from './speech.js';
import { drawGlow, drawPortal } from './portal.js';
import { landOf } from './land.js';
import { Mist } from './mist.js';
import { Sprites, blob } from './sprites.js';
import { drawAbyss, drawBorders, drawCaveLight, drawMark, drawShimmer, shimmerOf } from './effects.js';

/** How much is seen at least and at most: pixels a step, and so many steps from left to right if there is room. */
const SMALLEST = 8.5, LARGEST = 13, STEPS_WIDE = 82;
/** A cave is looked at from nearer. */
const NEARER = 1.5;
/** Who lives is drawn larger than life: there is much to be seen of a face. */
const GROWN = { Avatar: 1.22, Critter: 1.2, Portal: 1.25 };
/** Who is behind one of these is seen through it: half as wide, and as high. */
const HIDING = { tree: [2.3, 7], house: [4, 6.5], windmill: [2.4, 9], lighthouse: [2, 11] };

export class Scene {
  /** @param {HTMLCanvasElement} canvas @param {any} world */
  constructor(canvas, world) {
    Object.assign(this, { canvas, world, place: null, ground: null });
    this.g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.camera = { x: 80, y: 60 };
    /** What covers the canvas at its sides. */
    this.covered = { left: 0, right: 0 };
    /** @type {{x: number, y: number, since: number, kind: string}[]} */ this.marks = [];
    this.motion = matchMedia('(prefers-reduced-motion: reduce)');
    this.last = performance.now();
    addEventListener('resize', () => this.resize());
    world.listen('placed', ({ x, y, hasArrived }) => {
      this.marks.push({ x, y, since: performance.now(), kind: 'placed' });
      if (hasArrived) this.follow(Infinity);
    });
    world.listen('leapt', (leap) => this.marks.push({ ...leap, since: performance.now(), kind: 'leap' }));
    this.resize();
  }

  get calm() { return this.motion.matches; }

  /** Something to look at before there is a place: nobody lives there. */
  preview() {
    const { columns, rows, cell } = this.world.facts;
    this.arrive({ kind: 'district', name: 'Meadow', parent: 0, columns, rows, cell, width: columns * cell, height: rows * cell, isPreview: true });
  }

  /** We are in another place: its ground is painted. */
  arrive(place) {
    this.place = place;
    this.land = landOf(place);
    this.mist = new Mist(place, { isCave: place.kind === 'cave' });
    this.shimmer = shimmerOf(this.land, place);
    this.resize(true);
    this.follow(Infinity);
  }

  paint() {
    if (!this.place) return;
    this.painted = Math.min(this.view.scale * this.ratio, 4000 / (this.place.width + 2 * AROUND));
    this.ground = paintGround(landOf(this.place), this.place, this.painted);
    this.sprites = new Sprites(this.land, this.view.scale * this.ratio * 1.1);
  }

  /** @param {boolean} [isNew] it has to be painted in any case */
  resize(isNew = false) {
    const [width, height] = [innerWidth, innerHeight];
    this.ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(this.canvas, { width: width * this.ratio, height: height * this.ratio });
    const { left, right } = this.covered;
    const nearer = this.place?.kind === 'cave' ? NEARER : 1;
    const scale = nearer * Math.min(LARGEST, Math.max(SMALLEST, (width - right) / STEPS_WIDE));
    const hasChanged = this.view?.scale !== scale;
    const { camera } = this;
    this.view = {
      width, height, scale, middle: { x: (width + left - right) / 2, y: height * 0.52 },
      px: (x) => (x - camera.x) * scale + this.view.middle.x,
      py: (y) => (y - camera.y) * scale * TILT + this.view.middle.y,
    };
    if (hasChanged || isNew) this.paint();
  }

  /** So many pixels at the sides are covered by panels. @param {number} left @param {number} right */
  cover(left, right) {
    if (this.covered.left === left && this.covered.right === right) return;
    this.covered = { left, right };
    this.resize();
  }

  placeUnder(px, py) {
    const { scale, middle } = this.view;
    return { x: (px - middle.x) / scale + this.camera.x, y: (py - middle.y) / (scale * TILT) + this.camera.y };
  }

  /** Shows where one has clicked. */
  mark({ x, y }) {
    this.marks = this.marks.filter(({ kind }) => kind !== 'goal');
    this.marks.push({ x, y, since: performance.now(), kind: 'goal' });
  }

  follow(elapsed) {
    const { me } = this.world;
    if (!me) return;
    const part = this.calm || elapsed === Infinity ? 1 : 1 - Math.exp(-elapsed / 160);
    const far = Math.hypot(me.x - this.camera.x, me.y - this.camera.y) > 45;
    this.camera.x += (me.x - this.camera.x) * (far ? 1 : part);
    this.camera.y += (me.y - this.camera.y) * (far ? 1 : part);
  }

  /** Looks around in a place where we are not. */
  look(now) {
    this.mist.thick.fill(0);
    const angle = this.calm ? 0.6 : now / 16000;
    Object.assign(this.camera, { x: 76 + Math.cos(angle) * 26, y: 58 + Math.sin(angle) * 14 });
  }

  draw(now) {
    const elapsed = now - this.last;
    this.last = now;
    const { g, ratio, view, place, world } = this;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawAbyss(g, view, this.land?.colours, now, this.camera, this.calm);
    if (!place || !this.ground) return;
    this.follow(elapsed);
    const parent = world.place?.parent ?? place.parent;
    if (place.isPreview) this.look(now);
    else if (parent === place.parent) this.mist.step((zone) => world.interests.isOpen(place.parent, zone), elapsed);
    this.lay();
    drawShimmer(g, view, this.shimmer, now, this.calm);
    drawBorders(g, view, place, this.land.colours.grid);
    this.marks = this.marks.filter((mark) => drawMark(g, view, mark, now, this.calm));
    const actors = [...world.actors.values()].filter((actor) => actor.isMe || actor.object.parent === place.parent || actor.goneAt);
    const standing = [...this.thingsInView(), ...actors].sort((one, other) => one.y - other.y);
    for (const one of standing) this.at(one, 1, (c) => this.shadow(c, one, now), true);
    if (place.kind === 'cave') drawCaveLight(g, view, this.land.things, actors, now);
    for (const one of standing) this.at(one, this.alphaOf(one, now), (c) => this.stand(c, one, now));
    this.mist.draw(g, view, now, this.calm);
    actors.sort((one, other) => one.y - other.y);
    for (const actor of actors) this.name(actor, now);
    // Who stands in front speaks first: the bubbles of others are above.
    const taken = [];
    for (const actor of actors.reverse()) if (actor.kind === 'Avatar') this.speech(actor, now, taken);
  }

  /** The ground: as it was painted, pixel by pixel, where that is as large as the screen wants it. */
  lay() {
    const { g, ground, ratio, view } = this;
    const [x, y] = [view.px(-AROUND) * ratio, view.py(-AROUND) * ratio];
    const larger = (view.scale * ratio) / this.painted;
    g.save();
    g.setTransform(1, 0, 0, 1, Math.round(x), Math.round(y));
    g.drawImage(ground, 0, 0, Math.round(ground.width * larger), Math.round(ground.height * larger));
    g.restore();
  }

  thingsInView() {
    const { view } = this;
    return this.land.things.filter(({ x, y }) => {
      const [px, py] = [view.px(x), view.py(y)];
      return px > -8 * view.scale && px < view.width + 8 * view.scale && py > -4 * view.scale && py < view.height + 14 * view.scale;
    });
  }

  /** Has something drawn where it stands, in steps. On the ground they are less high than wide. */
  at(one, alpha, draw, isOnGround = false) {
    const { g, view, ratio } = this;
    if (alpha <= 0) return;
    const scale = view.scale * ratio * (GROWN[one.kind] ?? 1);
    g.save();
    g.globalAlpha = alpha;
    g.setTransform(scale, 0, 0, isOnGround ? scale * TILT : scale, view.px(one.x) * ratio, view.py(one.y) * ratio);
    draw(g);
    g.restore();
  }

  alphaOf(one, now) {
    if (one.isMe && !this.world.isPlaced) return 0;
    if (one.object) return one.alpha(now);
    const [half, high] = HIDING[one.kind] ?? [0, 0];
    const { me } = this.world;
    const isHiding = me && half > 0 && me.y < one.y && (one.y - me.y) * TILT < high * one.size && Math.abs(me.x - one.x) < half * one.size;
    one.shown = (one.shown ?? 1) + ((isHiding ? 0.4 : 1) - (one.shown ?? 1)) * 0.15;
    return one.shown;
  }

  swims(one) { return this.land.isWater(one.x, one.y); }

  shadow(g, one, now) {
    if (!one.object) return this.sprites.shadow(g, one);
    g.globalAlpha *= one.alpha(now);
    if (one.kind === 'Portal') return drawGlow(g, now, this.world.nearPortal() === one);
    if (this.swims(one)) {
      if (one.kind === 'Critter') return undefined;
      const wave = this.calm ? 0 : (now / 900 + one.doId) % 1;
      Object.assign(g, { lineWidth: 0.14, strokeStyle: `rgba(255, 255, 255, ${0.7 * (1 - wave)})` });
      g.beginPath();
      g.ellipse(0, 0, 1.2 + wave * 1.6, 0.9 + wave * 1.2, 0, 0, 7);
      return g.stroke();
    }
    const wide = one.kind === 'Critter' ? critterShadow(one) : 1.5;
    return blob(g, 0.25, 0.1, wide, wide * 0.52, this.land.colours.shadow);
  }

  stand(g, one, now) {
    const how = { calm: this.calm, swims: Boolean(one.object) && this.swims(one) };
    if (one.kind === 'Avatar') return drawAvatar(g, one, now, how);
    if (one.kind === 'Critter') return drawCritter(g, one, now, how);
    if (one.kind === 'Portal') return drawPortal(g, now, this.calm);
    this.sprites.draw(g, one, this.calm ? 0 : Math.sin(now / 1500 + one.x) * 0.02);
    if (one.kind === 'windmill') this.sprites.wheel(g, one.size, this.calm ? 0.4 : now / 2600);
    return undefined;
  }

  name(actor, now) {
    const { g, view } = this;
    const alpha = this.alphaOf(actor, now);
    if (actor.kind === 'Critter' || alpha <= 0) return;
    const [x, y] = [view.px(actor.x), view.py(actor.y)];
    if (actor.kind === 'Avatar') drawName(g, actor.name, x, y + 1.1 * view.scale + 8, { isMe: actor.isMe, alpha });
    // Beside it stands what one can do.
    else if (this.world.nearPortal() !== actor) drawName(g, actor.name, x, y - 9.4 * view.scale, { isMe: false, alpha: 0.9 * alpha });
  }

  /** Bubbles and emotes. */
  speech(actor, now, taken) {
    const { g, view } = this;
    const [x, head] = [view.px(actor.x), view.py(actor.y) - 6 * view.scale];
    if (actor.emoting && now > actor.emoting.until) actor.emoting = null;
    if (actor.bubble && now > actor.bubble.until) actor.bubble = null;
    g.save();
    g.globalAlpha = this.alphaOf(actor, now);
    const top = actor.bubble ? drawBubble(g, actor.bubble, x, head, now, { calm: this.calm, taken, screen: view.width }) : head;
    if (actor.emoting) drawEmote(g, actor.emoting, x, top, now, this.calm);
    g.restore();
  }
}
