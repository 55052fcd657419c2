// Which zones we see: an interest for each, opened before others are closed, so that nobody who is in sight blinks.

export class Interests {
  /** @param {any} connection @param {() => void} changed */
  constructor(connection, changed) {
    this.connection = connection;
    this.changed = changed;
    this.forget();
  }

  /** What was open has gone with the session. */
  forget() {
    /** What is wanted, and what is there: by `parent zone`. `isOpen` says that all that is in it has entered. */
    this.wanted = new Set();
    /** @type {Map<string, {isOpen: boolean, interest?: any}>} */
    this.known = new Map();
    this.isBusy = false;
  }

  isOpen(parent, zone) {
    return this.known.get(`${parent} ${zone}`)?.isOpen ?? false;
  }

  /** How much there is to be seen of a parent. */
  openOf(parent) {
    return [...this.known].filter(([key, { isOpen }]) => isOpen && key.startsWith(`${parent} `)).map(([key]) => Number(key.split(' ')[1]));
  }

  /** @param {number} parent @param {number[]} zones */
  want(parent, zones) {
    this.wanted = new Set(zones.map((zone) => `${parent} ${zone}`));
    if (!this.isBusy) this.settle(this.known);
  }

  /** Until all is as it is wanted, which may change meanwhile. */
  async settle(known) {
    this.isBusy = true;
    const isOver = () => known !== this.known;
    try {
      for (;;) {
        const missing = [...this.wanted].filter((key) => !known.has(key));
        const spare = [...known.keys()].filter((key) => !this.wanted.has(key));
        if (missing.length > 0) await Promise.all(missing.map((key) => this.open(key, known)));
        else if (spare.length > 0) await Promise.all(spare.map((key) => this.close(key, known)));
        else break;
        if (isOver()) return;
      }
    } catch {
      // The session has ended, and what was open with it.
    }
    if (!isOver()) this.isBusy = false;
  }

  async open(key, known) {
    const [parent, zone] = key.split(' ').map(Number);
    known.set(key, { isOpen: false });
    this.changed();
    const interest = await this.connection.addInterest(parent, zone);
    known.set(key, { isOpen: true, interest });
    this.changed();
  }

  async close(key, known) {
    const { interest } = known.get(key);
    known.delete(key);
    this.changed();
    await this.connection.removeInterest(interest);
  }
}
