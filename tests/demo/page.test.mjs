// The page: what it says of messages, versions and mistakes, and whether everybody can use it.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { findings } from '../console/browser.mjs';
import { Stage, skip, state, until, walk } from './stage.mjs';

const stage = new Stage();
before(() => (skip ? undefined : stage.open()));
after(() => (skip ? undefined : stage.close()));
afterEach(() => (skip ? undefined : stage.clear()));
const run = (name, body) => test(name, { skip, timeout: 180_000 }, body);

run('an older page is turned away, and the newer one is a click away', async () => {
  const tab = await stage.tab();
  await tab.goto(new URL('?version=old', tab.base).href);
  await tab.getByRole('heading', { name: 'This page is older than the server' }).waitFor();
  await tab.getByText('Ejected with 124').waitFor();
  await tab.getByRole('button', { name: 'Load the new page' }).click();
  await tab.getByRole('button', { name: 'Play as guest' }).waitFor();
});

run('the messages show both sides, fold what is repeated, and keep passwords to themselves', async () => {
  const tab = await stage.tab({ width: 1280, height: 800 });
  await tab.goto(tab.base);
  await tab.getByLabel('Name').fill('Dora');
  await tab.getByLabel('Password').fill('correct horse');
  await tab.getByRole('button', { name: 'Create account' }).click();
  await tab.locator('[data-district=Meadow]').click();
  await until(tab, () => demo.me?.x > 0 && demo.interests.length === 9);
  const mine = tab.getByRole('list', { name: 'This tab and the client agent' });
  const cluster = tab.getByRole('list', { name: 'In the cluster, for you' });
  await mine.getByText('version "demo 1"').waitFor();
  await mine.getByText('Gate.register("Dora", …, ').waitFor();
  await mine.getByText('Gate.welcome(…, "Dora", ').waitFor();
  await cluster.getByText(/Avatar\.enter\(\d+\)/).first().waitFor();
  const x = (await state(tab, 'me')).x;
  await walk(tab, 'd', (given) => demo.me.x > given, x + 6);
  // Each of the two sides says the same in its own way.
  for (const [list, by] of [[mine, 'you'], [cluster, 'client agent'], [cluster, 'AI']]) {
    const field = by === 'AI' ? 'Avatar.setXY' : 'Avatar.walk';
    const row = list.locator(`[data-by="${by}"]`).filter({ hasText: field }).last();
    await row.locator('.count').waitFor();
    assert.match(await row.locator('.count').textContent(), /^×\d+$/);
  }
  assert.doesNotMatch(await tab.locator('#messages').textContent(), /correct horse/);

  const hello = mine.locator('[data-message=CLIENT_HELLO]');
  await hello.getByRole('button').click();
  await hello.getByText('with others it is turned away').waitFor();
  await hello.getByText('"dc_hash"').waitFor();
  await tab.getByRole('button', { name: 'Pause' }).click();
  const count = await mine.getByRole('listitem').count();
  await tab.getByLabel('Say something to all who see you').fill('unheard');
  await tab.keyboard.press('Enter');
  await tab.getByRole('log').getByText('unheard').waitFor();
  assert.equal(await mine.getByRole('listitem').count(), count);
  assert.match(await tab.getByRole('link', { name: 'Console' }).getAttribute('href'), /^http:\/\/127\.0\.0\.1:\d+\/$/);
});

run('messages are bounded', async () => {
  const tab = await stage.tab();
  await tab.goto(tab.base);
  const kept = await tab.evaluate(async () => {
    const { Messages } = await import('/page/messages.js');
    const panel = document.createElement('aside');
    document.body.append(panel);
    const messages = new Messages(panel, null);
    for (let at = 0; at < 2000; at++) messages.spoken({ by: 'you', message: 'CLIENT_HEARTBEAT', brief: `${at}`, key: `${at}`, detail: {} });
    messages.draw();
    return panel.querySelectorAll('li').length;
  });
  assert.equal(kept, 250);
});

run('interests that are wanted are opened before others are closed, whatever changes meanwhile', async () => {
  const tab = await stage.tab();
  await tab.goto(tab.base);
  const said = await tab.evaluate(async () => {
    const { Interests } = await import('/page/interest.js');
    const said = [];
    const later = () => new Promise((resolve) => setTimeout(resolve));
    const connection = {
      addInterest: async (parent, zone) => {
        said.push(`+${zone}`);
        await later();
        return { zone };
      },
      removeInterest: async ({ zone }) => {
        said.push(`-${zone}`);
        await later();
      },
    };
    const interests = new Interests(connection, () => {});
    interests.want(1, [1, 2]);
    interests.want(1, [2, 3]);
    while (interests.isBusy) await later();
    return [said.join(' '), interests.openOf(1).join(' ')];
  });
  assert.deepEqual(said, ['+1 +2 +3 -1', '2 3']);
});

for (const theme of ['light', 'dark']) {
  for (const [name, width, height] of [['desktop', 1280, 800], ['phone', 390, 844]]) {
    run(`everybody can use the entrance, the choice and the world: ${theme}, ${name}`, async () => {
      const tab = await stage.tab({ theme, width, height });
      await tab.goto(tab.base);
      await tab.getByLabel('Name').fill('Eve');
      assert.deepEqual(await findings(tab), []);
      await tab.keyboard.press('Enter');
      await tab.locator('[data-district=Meadow]').waitFor();
      assert.deepEqual(await findings(tab), []);
      await tab.locator('[data-district=Meadow]').press('Enter');
      await until(tab, () => demo.screen === 'world' && demo.interests.length === 9);
      await tab.locator('#here li').waitFor();
      if (name === 'phone') await tab.getByRole('button', { name: 'Messages' }).click();
      await tab.locator('.message').first().waitFor();
      assert.deepEqual(await findings(tab), []);
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `the page is ${wide} pixels wider than the screen`);
    });
  }
}
