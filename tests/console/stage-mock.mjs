// What the pages are tested with before, or without, a daemon.

import { setTimeout as wait } from 'node:timers/promises';

import { gone } from './mock-world.mjs';
import { Mock } from './mock.mjs';

export class Stage {
  async open() {
    this.mock = await new Mock({ users: true }).start();
    const client = '1000000001';
    return {
      url: this.mock.url, operator: 'alice', viewer: 'victor', password: 'correct horse', version: '0.1.0', client,
      object: { id: 100_000_023, class: 'DistributedGuild', parent: 4800, field: 'setName', value: '("The Lamplighters")' },
      stored: { id: 100_400_001, field: 'setUsername' }, channel: { number: '10', listener: 'state server' }, link: 'ai.larkspur', log: 'link named', event: 'purchase',
      ejected: async () => {
        while (!gone.has(client)) await wait(10);
      },
    };
  }

  close() {
    return this.mock.stop();
  }
}
