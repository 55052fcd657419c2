// The scenarios in a page of Chromium, which is served from here.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { HERE } from './daemon.mjs';
import { scenarios } from './scenarios.mjs';
import { Stage } from './stage.mjs';

const named = process.env.CHROMIUM ? [process.env.CHROMIUM] : [];
const CHROMIUM = [...named, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const skip = CHROMIUM ? false : 'there is no Chromium; $CHROMIUM can name one';

const FILES = {
  '/': ['text/html', '<!doctype html><title>donet</title>'],
  '/donet.js': ['text/javascript', readFileSync(join(HERE, '../../docs/client/donet.js'))],
  '/scenarios.mjs': ['text/javascript', readFileSync(join(HERE, 'scenarios.mjs'))],
};

const stage = new Stage();
let server, browser, page;

before(async () => {
  if (skip) return;
  await stage.open();
  server = createServer((request, response) => {
    const [type, content] = FILES[request.url] ?? ['text/plain', ''];
    response.writeHead(FILES[request.url] ? 200 : 404, { 'content-type': type }).end(content);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { chromium } = createRequire(process.env.DONET_CLIENT_TOOLS)('playwright-core');
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  page = await browser.newPage();
  await page.exposeFunction('command', (...words) => stage.command(...words));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
});

after(async () => {
  if (skip) return;
  await browser?.close();
  server?.close();
  await stage.close();
});

for (const name of Object.keys(scenarios)) {
  test(name, { timeout: 60000, skip }, () =>
    page.evaluate(
      async ([name, setting]) => {
        const [donet, { scenarios }] = await Promise.all([import('/donet.js'), import('/scenarios.mjs')]);
        await scenarios[name](donet, setting, window.command);
      },
      [name, stage.setting],
    ));
}
