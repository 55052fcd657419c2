// The picture in the README: two players near the portal, who talk, and the messages that make it so.
//
//     tests/demo/run --picture FILE.png

import { Stage, until } from './stage.mjs';

const stage = new Stage();
await stage.open();
try {
  const linnet = await stage.guest('Linnet');
  const juniper = await stage.guest('Juniper', 'Meadow', { width: 1280, height: 800 });
  await paint(linnet, 6);
  await paint(juniper, 0);
  await juniper.emulateMedia({ reducedMotion: 'no-preference' });
  await goTo(juniper, { x: 98.5, y: 73 });
  await goTo(linnet, { x: 81.5, y: 72.5 });
  await linnet.keyboard.press('d');
  await linnet.getByLabel('Say something to all who see you').fill('Shall we look what is in the cave?');
  await linnet.keyboard.press('Enter');
  await juniper.getByLabel('Say something to all who see you').fill('After you!');
  await juniper.keyboard.press('Enter');
  await juniper.keyboard.press('Escape');
  await juniper.keyboard.press('2');
  await until(juniper, () => demo.me.says && demo.players[0].says);
  // Hearts rise.
  await juniper.waitForTimeout(900);
  await juniper.screenshot({ path: process.argv[2] });
} finally {
  await stage.close();
}

/** Comes in again, in another colour. */
async function paint(tab, colour) {
  const name = await tab.evaluate(() => demo.me.name);
  await tab.getByRole('button', { name: 'Leave' }).click();
  await tab.getByLabel('Name').fill(name);
  await tab.locator('.swatches input').nth(colour).check();
  await tab.getByRole('button', { name: 'Play as guest' }).click();
  await tab.locator('[data-district=Meadow]').click();
  await until(tab, () => window.demo?.screen === 'world' && demo.interests.length === 9 && demo.me.x > 0);
}

/** Walks there as a player does: with keys. */
async function goTo(tab, { x, y }) {
  for (const [axis, there, less, more] of [['x', x, 'a', 'd'], ['y', y, 'w', 's']]) {
    const here = await tab.evaluate((axis) => demo.me[axis], axis);
    if (Math.abs(here - there) < 1) continue;
    const key = here < there ? more : less;
    await tab.keyboard.down(key);
    await until(tab, ({ axis, there, isMore }) => (isMore ? demo.me[axis] >= there : demo.me[axis] <= there), { axis, there, isMore: here < there });
    await tab.keyboard.up(key);
  }
}
