// The demo, and players in it: each in a tab of his own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { launch, open, skip } from '../console/browser.mjs';

export { skip };
const SIZE = { width: 900, height: 620 };

/** `donet demo`, on a free port. */
class Demo {
  async start() {
    this.log = '';
    this.process = spawn(process.env.DONET_BIN, ['demo', '--no-browser', '--bind', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = once(this.process, 'exit');
    this.url = await new Promise((resolve, reject) => {
      const read = (data) => {
        this.log += data;
        const said = /play\s+(http:\S+)/.exec(this.log);
        if (said) resolve(said[1]);
      };
      this.process.stdout.on('data', read);
      this.process.stderr.on('data', read);
      this.ended.then(() => reject(new Error(`the demo has ended:\n${this.log}`)));
    });
  }

  async stop() {
    this.process.kill('SIGINT');
    const [code] = await this.ended;
    assert.equal(code, 0, this.log);
  }
}

/** A browser and a demo, with as many tabs as are asked for. All that goes wrong in one fails the test. */
export class Stage {
  async open() {
    this.demo = new Demo();
    await this.demo.start();
    this.browser = await launch();
    /** @type {any[]} */ this.tabs = [];
  }

  /** @param {any} [options] `width`, `height`, `theme`, `url` */
  async tab({ width = SIZE.width, height = SIZE.height, theme, url = this.demo.url } = {}) {
    const tab = await open(this.browser, url, { theme });
    await tab.setViewportSize({ width, height });
    await tab.emulateMedia({ reducedMotion: 'reduce' });
    this.tabs.push(tab);
    return tab;
  }

  /** A guest in a District. */
  async guest(name, district = 'Meadow', options = {}) {
    const tab = await this.tab(options);
    await tab.goto(tab.base);
    await tab.getByLabel('Name').fill(name);
    await tab.getByRole('button', { name: 'Play as guest' }).click();
    await enter(tab, district);
    return tab;
  }

  /** Ends all tabs, and says what has gone wrong in them. */
  async clear() {
    const wrong = this.tabs.flatMap((tab) => tab.wrong);
    for (const tab of this.tabs.splice(0)) await tab.context().close();
    assert.deepEqual(wrong, []);
  }

  async close() {
    await this.browser?.close();
    await this.demo?.stop();
  }
}

/** What `window.demo` says. */
export const state = (tab, name) => tab.evaluate((name) => window.demo[name], name);

/**
 * Waits until something is so.
 * @param {any} tab @param {(given: any) => boolean} what is asked in the page, where `demo` is its state @param {any} [given]
 */
export async function until(tab, what, given) {
  try {
    await tab.waitForFunction(what, given);
  } catch (error) {
    const all = await tab.evaluate(() => JSON.stringify({ screen: demo.screen, me: demo.me, place: demo.place, players: demo.players, interests: demo.interests }));
    throw new Error(`it never came to ${what} (${JSON.stringify(given)}), but to ${all}: ${error.message}`, { cause: error });
  }
}

/** Chooses a District, and waits until the avatar is there and sees something. */
export async function enter(tab, district) {
  await tab.locator(`[data-district="${district}"]`).click();
  await until(tab, (given) => demo.screen === 'world' && demo.place?.name === given && demo.interests.length > 0 && demo.portals.length > 0 && demo.me.x > 0, district);
}

/** Holds a key until something is so. */
export async function walk(tab, key, what, given) {
  await tab.keyboard.down(key);
  await until(tab, what, given);
  await tab.keyboard.up(key);
}
