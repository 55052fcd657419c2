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

for (const [name, scenario] of Object.entries(scenarios)) {
  test(name, { timeout: 60000 }, () =>
    scenario(donet, { ...stage.setting, WebSocket }, (...words) => stage.command(...words)));
}
