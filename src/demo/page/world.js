// The world as this player knows it: the only file that sends to donet, and that listens to it.

import { EJECT_RESTART, connect } from '/donet.js';
import { Actor } from './actors.js';
import { Events } from './events.js';
import { Interests } from './interest.js';
import { placeOf } from './places.js';
import { overhear } from './spoken.js';

/** How near a portal must be to be used, how often we say where we walk, and how long we wait until the server has put us somewhere. */
const REACH = 4, WALK_EVERY_MS = 100, PATIENCE_MS = 2000;
/** How near to the edge one can walk. */
const MARGIN = 1.5;

export class World extends Events {
  /** @param {any} facts what /world.json says @param {string} version */
  constructor(facts, version) {
    super();
    this.facts = facts;
    /** What is drawn, by doId: also what has left, until it has faded. @type {Map<number, Actor>} */
    this.actors = new Map();
    /** @type {Map<number, any>} */ this.districts = new Map();
    /** Our own avatar. @type {Actor | null} */ this.me = null;
    /** Where it is; null in the lobby. @type {ReturnType<typeof placeOf> | null} */ this.place = null;
    this.walked = { at: 0, x: 0, y: 0 };
    /** Until when we stand still, and whether the server has said where we are in this place. */
    this.heldUntil = 0;
    this.isPlaced = false;
    const url = new URL('/socket', location.href.replace(/^http/, 'ws'));
    this.connection = connect(url.href, { dc: facts.dc, version, reconnect: { first: 400, most: 4000 } });
    // An UberDOG is seen by nobody: it is declared. Also who is not logged in may send to this one.
    this.gate = this.connection.declare(facts.gate, 'Gate');
    this.gate.on('welcome', (ticket, name, colour) => this.emit('welcome', { ticket, name, colour }));
    this.gate.on('refused', (why) => this.emit('refused', why));
    this.interests = new Interests(this.connection, () => this.emit('sight'));
    this.hear();
  }

  /** Has a panel hear each message of this tab and its client agent. @param {(message: any) => void} callback */
  overhear(callback) { overhear(this.connection, callback); }

  // --- What we say ----------------------------------------------------------------------------------

  guest(name, colour) { this.gate.send('guest', [name, colour]); }
  register(name, password, colour) { this.gate.send('register', [name, password, colour]); }
  logIn(name, password) { this.gate.send('logIn', [name, password]); }
  comeBack(ticket) { this.gate.send('comeBack', [ticket]); }

  /** @param {number} district 0 is where we were last */
  enter(district) {
    // Who is there already is not put anywhere.
    if (this.place?.parent === district) return this.emit('place', this.place);
    this.hold();
    this.me?.object.send('enter', [district]);
  }

  /** @param {string} words */
  say(words) {
    if (!this.isHere || !words) return;
    this.me.object.send('say', [words]);
    // Who sends an update is not told of it.
    this.said(this.me, words);
  }

  /** @param {number} which */
  emote(which) {
    if (!this.isHere) return;
    this.me.object.send('emote', [which]);
    this.me.emote(which);
  }

  /** The portal that is within reach. @returns {Actor | undefined} */
  nearPortal() {
    if (!this.isHere) return undefined;
    const { x, y } = this.me;
    return [...this.actors.values()].find((actor) => actor.kind === 'Portal' && !actor.goneAt && Math.hypot(actor.x - x, actor.y - y) <= REACH);
  }

  usePortal() {
    const portal = this.nearPortal();
    if (!portal || this.isHeld) return;
    this.hold();
    this.portalName = portal.name;
    this.me.object.send('usePortal', [portal.doId]);
  }

  /** Says that we are far away. The AI does not believe it. */
  cheat() {
    if (!this.isHere) return;
    const { width, height } = this.place;
    const { x, y } = this.me;
    const [toX, toY] = [x < width / 2 ? width - 5 : 5, y < height / 2 ? height - 5 : 5];
    this.me.object.send('walk', [toX, toY]);
    this.emit('leapt', { x, y, toX, toY });
  }

  /**
   * Walks: we move at once, and say so ten times a second.
   * @param {number} seconds since the last time @param {{x: number, y: number}} direction @param {number} now
   */
  step(seconds, direction, now) {
    for (const [doId, actor] of this.actors) {
      actor.step(now);
      if (actor.hasFaded(now)) this.actors.delete(doId);
    }
    if (!this.isHere || this.isHeld || !this.isPlaced) return;
    const { me, place } = this;
    const along = this.facts.speed * seconds;
    const within = (value, most) => Math.min(most - MARGIN, Math.max(MARGIN, value));
    me.walk(within(me.x + direction.x * along, place.width), within(me.y + direction.y * along, place.height), direction);
    const isNew = Math.hypot(me.x - this.walked.x, me.y - this.walked.y) > 0.05;
    if (!isNew || now - this.walked.at < WALK_EVERY_MS) return;
    this.walked = { at: now, x: me.x, y: me.y };
    me.object.send('walk', [me.x, me.y]);
  }

  /** We stand still until the server has put us somewhere. */
  hold() { this.heldUntil = performance.now() + PATIENCE_MS; }
  get isHeld() { return performance.now() < this.heldUntil; }
  get isHere() { return Boolean(this.me && this.place && this.connection.state === 'ready'); }

  // --- What we are told -----------------------------------------------------------------------------

  hear() {
    const events = {
      ready: () => this.emit('ready'),
      enter: ({ object, owner }) => (owner ? this.owned(object) : this.entered(object)),
      leave: ({ object, owner }) => this.left(object, owner),
      update: ({ object, field, value }) => this.updated(object, field, value),
      location: ({ object, parent, zone }) => object === this.me?.object && this.moved(parent, zone),
      lost: ({ retry }) => {
        this.interests.forget();
        this.emit('lost', { retry, hasEnded: this.connection.ejected?.code === EJECT_RESTART });
      },
      close: ({ reason }) => this.emit('ejected', this.connection.ejected ?? { code: 0, text: reason }),
      error: ({ error }) => console.error(error),
    };
    for (const [type, callback] of Object.entries(events)) {
      this.connection.addEventListener(type, (event) => callback(event.detail));
    }
  }

  /** An avatar is ours now. It may be visible besides, where an interest of ours shows it. */
  owned(object) {
    this.me = new Actor(object, true);
    this.actors.set(object.doId, this.me);
    this.moved(object.parent, object.zone);
  }

  entered(object) {
    if (object.className === 'District') {
      this.districts.set(object.doId, object);
      // We may be in it already.
      if (this.me && this.me.object.parent === object.doId) this.moved(object.doId, this.me.object.zone);
      else if (this.me && !this.place) this.emit('lobby');
      return;
    }
    if (object.owned || object.className === 'Cave') return;
    const before = this.actors.get(object.doId);
    if (before?.isOf(object)) before.comeAgain();
    else this.actors.set(object.doId, new Actor(object, false));
    this.emit('actors');
  }

  left(object, owner) {
    if (object.className === 'District') this.districts.delete(object.doId);
    if (owner) this.me = this.place = null;
    // It is drawn until it has faded.
    if (!object.owned && !object.visible) this.actors.get(object.doId)?.leave(performance.now());
    this.emit('actors');
  }

  updated(object, field, value) {
    if (object.className === 'District') return this.emit('population');
    const actor = this.actors.get(object.doId);
    if (!actor) return;
    switch (field) {
      // Where we are ourselves we know better: the AI repeats what we have said.
      case 'setXY': if (actor !== this.me) actor.move(value[0], value[1], performance.now()); break;
      case 'say': this.said(actor, value[0]); break;
      case 'emote': actor.emote(value[0]); break;
      case 'placeAt': this.placed(value[0], value[1]); break;
      case 'told': this.emit('told', value[0]); break;
    }
  }

  /** The server puts us here: when we have arrived, and when it does not believe where we walk. */
  placed(x, y) {
    this.heldUntil = 0;
    this.walked = { at: performance.now(), x, y };
    this.me.jump(x, y);
    if (!this.isPlaced) this.me.bornAt = performance.now();
    this.emit('placed', { x, y, hasArrived: !this.isPlaced });
    this.isPlaced = true;
  }

  /** Our avatar is in another zone. Which zones we see follows from that. */
  moved(parent, zone) {
    const before = this.place;
    if (before?.parent !== parent) this.isPlaced = false;
    this.place = placeOf(this, parent, zone);
    if (!this.place) {
      if (this.districts.size > 0) this.emit('lobby');
      return;
    }
    this.interests.want(parent, this.place.sees);
    if (before?.parent !== parent) this.emit('place', this.place);
    this.emit('sight');
  }

  said(actor, words) {
    actor.say(words);
    actor.say(words);
    this.emit('said', { actor, words });
  }
}
