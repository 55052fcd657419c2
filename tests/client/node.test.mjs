// The scenarios in Node, which has a WebSocket of its own from version 22.

import { after, before, test } from 'node:test';
import { createRequire } from 'node:module';

import * as donet from '../../docs/client/donet.js';
import { scenarios } from './scenarios.mjs';
import { Stage } from './stage.mjs';

const WebSocket = globalThis.WebSocket ?? createRequire(process.env.DONET_CLIENT_TOOLS)('ws');
const stage = new Stage();
before(() => stage.open());
after(() => stage.close());

// A page cannot do that.
test('a client that has lost its socket comes back', { timeout: 60000, skip: !WebSocket.prototype.terminate }, async () => {
  const { url, dc, version } = stage.setting;
  const connection = donet.connect(url, { dc, version, WebSocket, resume: true, reconnect: { first: 20 } });
  const logIn = connection.declare(stage.setting.loginManager, 'LoginManager');
  await connection.ready;
  logIn.send('login', ['socket']);
  await stage.command('player', 'socket');
  while (!connection.token) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let loss = 0; loss < 3; loss++) {
    const resumed = new Promise((resolve) => connection.addEventListener('resumed', resolve, { once: true }));
    connection.socket.terminate();
    await resumed;
  }
  connection.close();
});

for (const [name, scenario] of Object.entries(scenarios)) {
  test(name, { timeout: 60000 }, () =>
    scenario(donet, { ...stage.setting, WebSocket }, (...words) => stage.command(...words)));
}
