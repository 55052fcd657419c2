// What the scenarios are played on: a daemon, the game's server, and the commands that a scenario gives to both,
// from this process or from a page.

import { Schema } from '../../docs/client/donet.js';
import { Ai, ROOM } from './ai.mjs';
import { Daemon, LOGIN_MANAGER, VERSION, exportDc } from './daemon.mjs';
import { Proxy } from './proxy.mjs';

const until = async (condition) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
};

export class Stage {
  async open() {
    this.dc = exportDc('world.dc');
    this.daemon = new Daemon();
    await this.daemon.start();
    this.proxy = new Proxy();
    await this.proxy.open(this.daemon.websocket);
    this.ai = new Ai(new Schema(this.dc));
    await this.ai.connect(this.daemon.messages);
  }

  async close() {
    this.ai.close();
    this.proxy.close();
    await this.daemon.remove();
  }

  /** What a scenario has to know. */
  get setting() {
    return { url: this.daemon.url, proxied: this.proxy.url, dc: this.dc, version: VERSION, loginManager: LOGIN_MANAGER, room: ROOM };
  }

  /** Carries out a command: one of the game's server, or of these. */
  async command(name, ...values) {
    switch (name) {
      case 'player':
        return until(() => this.ai.players.has(values[0]));
      case 'received':
        return until(() => this.ai.received.includes(values[0]));
      case 'cut':
        return this.proxy.cut();
      case 'kill':
        return this.daemon.stop('SIGKILL');
      case 'stop':
        return this.daemon.stop();
      case 'start':
        await this.daemon.start();
        return this.ai.connect(this.daemon.messages);
      default:
        return void (await this.ai[name](...values));
    }
  }
}
