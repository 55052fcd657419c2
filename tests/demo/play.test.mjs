// Playing: several tabs, each a player.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { Proxy } from '../client/proxy.mjs';
import { Stage, enter, skip, state, until, walk } from './stage.mjs';

const stage = new Stage();
before(() => (skip ? undefined : stage.open()));
after(() => (skip ? undefined : stage.close()));
afterEach(() => (skip ? undefined : stage.clear()));
const run = (name, body) => test(name, { skip, timeout: 180_000 }, body);
const sees = (tab, name) => until(tab, (given) => demo.players.some(({ name }) => name === given), name);

run('two guests see each other, walk and talk', async () => {
  const ann = await stage.guest('Ann');
  const bob = await stage.guest('Bob');
  await sees(ann, 'Bob');
  await sees(bob, 'Ann');

  const before = (await state(ann, 'players')).find(({ name }) => name === 'Bob');
  await walk(bob, 'd', (given) => demo.me.x > given, before.x + 4);
  await until(ann, (given) => demo.players.find(({ name }) => name === 'Bob').x > given, before.x + 3);
  // Bob is where he thinks he is.
  const { x, y } = await state(bob, 'me');
  await until(ann, (given) => demo.players.some(({ name, x, y }) => name === 'Bob' && Math.hypot(x - given.x, y - given.y) < 1), { x, y });

  await bob.getByLabel('Say something to all who see you').fill('Hello <b>Ann</b>');
  await bob.keyboard.press('Enter');
  await ann.getByRole('log').getByText('Bob Hello <b>Ann</b>').waitFor();
  await bob.getByRole('log').getByText('Bob Hello <b>Ann</b>').waitFor();
  await until(ann, () => demo.players.find(({ name }) => name === 'Bob').says === 'Hello <b>Ann</b>');
  assert.equal(await ann.locator('#log b').count(), 1, 'what is said is no HTML');
});

run('the AI does not believe in teleports, and says so', async () => {
  const ann = await stage.guest('Ann');
  const bob = await stage.guest('Bob');
  await sees(bob, 'Ann');
  const { x, y } = await state(ann, 'me');
  await ann.getByRole('button', { name: 'Teleport (cheat)' }).click();
  await ann.locator('#toast.shown').waitFor();
  assert.match(await ann.locator('#toast').textContent(), /so fast/);
  const after = await state(ann, 'me');
  assert.ok(Math.hypot(after.x - x, after.y - y) < 1, `she is at ${JSON.stringify(after)}`);
  assert.ok((await state(bob, 'players')).some((player) => player.name === 'Ann' && Math.hypot(player.x - x, player.y - y) < 1));
});

run('interests follow a player over the borders of zones', async () => {
  const ann = await stage.guest('Ann');
  await until(ann, () => demo.interests.length === 9);
  const around = (await state(ann, 'place')).sees;
  assert.deepEqual(await state(ann, 'interests'), around);
  // The portal, at which players arrive, is in the third column.
  await walk(ann, 'a', () => demo.place.zone % 4 === 2);
  await until(ann, () => demo.interests.join() === demo.place.sees.join() && demo.place.sees.includes(1));
  assert.notDeepEqual(await state(ann, 'interests'), around);
});

run('a portal leads to a cave, and back', async () => {
  const ann = await stage.guest('Ann');
  const bob = await stage.guest('Bob');
  await sees(bob, 'Ann');
  await toPortal(ann);
  await ann.keyboard.press('e');
  await until(ann, () => demo.place.kind === 'cave' && demo.portals.length === 1 && demo.critters.length === 5);
  await until(bob, () => demo.players.length === 0);
  // Bob comes into the very same cave.
  await toPortal(bob);
  await bob.keyboard.press('e');
  await sees(bob, 'Ann');
  await sees(ann, 'Bob');
  await toPortal(ann);
  await ann.getByRole('button', { name: 'Go back outside' }).click();
  await until(ann, () => demo.place.kind === 'district' && demo.place.name === 'Meadow' && demo.interests.length === 9);
  await until(bob, () => demo.players.length === 0);
});

run('who goes to another District is seen there alone', async () => {
  const ann = await stage.guest('Ann');
  const bob = await stage.guest('Bob');
  await sees(bob, 'Ann');
  await ann.getByRole('button', { name: 'Districts' }).click();
  await ann.locator('[data-district=Meadow] .population').getByText('2 players, you among them').waitFor();
  await enter(ann, 'Harbour');
  await until(bob, () => demo.players.length === 0);
  await until(ann, () => demo.players.length === 0);
  await until(ann, () => demo.districts.every(({ population }) => population === 1));
});

run('a tab that is loaded again keeps its player and his place', async () => {
  const ann = await stage.guest('Ann', 'Harbour');
  const bob = await stage.guest('Bob', 'Harbour');
  await sees(bob, 'Ann');
  const { y } = await state(ann, 'me');
  await walk(ann, 's', (given) => demo.me.y > given, y + 2);
  const before = await state(ann, 'me');
  await until(bob, (given) => demo.players.some(({ name, y }) => name === 'Ann' && Math.abs(y - given) < 0.2), before.y);
  await ann.reload();
  await until(ann, () => window.demo?.screen === 'world' && demo.place?.name === 'Harbour' && demo.me.x > 0);
  const after = await state(ann, 'me');
  assert.equal(after.name, 'Ann');
  assert.ok(Math.hypot(after.x - before.x, after.y - before.y) < 1, `${JSON.stringify(before)} ${JSON.stringify(after)}`);
  await sees(bob, 'Ann');
});

run('a connection that is lost is tried again, and the ticket brings the player back', async () => {
  const proxy = new Proxy();
  await proxy.open(new URL(stage.demo.url).port);
  try {
    const ann = await stage.guest('Ann', 'Meadow', { url: proxy.url.replace('ws', 'http') });
    ann.expected.push(/ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|WebSocket connection/);
    const bob = await stage.guest('Bob');
    await sees(bob, 'Ann');
    const { doId, x, y } = await state(ann, 'me');
    proxy.cut();
    await until(ann, (given) => demo.screen === 'world' && demo.me && demo.me.doId !== given && demo.me.x > 0 && demo.interests.length === 9, doId);
    const after = await state(ann, 'me');
    assert.equal(after.name, 'Ann');
    assert.ok(Math.hypot(after.x - x, after.y - y) < 1);
    await sees(ann, 'Bob');
  } finally {
    proxy.close();
  }
});

run('an account is created once, wants its password, and plays in one tab', async () => {
  const [first, second] = [await stage.tab(), await stage.tab()];
  await first.goto(first.base);
  await first.getByLabel('Name').fill('Carol');
  await first.getByRole('button', { name: 'Create account' }).click();
  await first.getByRole('alert').getByText('An account has a password.').waitFor();
  await first.getByLabel('Password').fill('correct horse');
  await first.getByRole('button', { name: 'Create account' }).click();
  await enter(first, 'Meadow');

  await second.goto(second.base);
  await second.getByLabel('Name').fill('Carol');
  await second.getByLabel('Password').fill('wrong horse');
  await second.getByRole('button', { name: 'Log in' }).click();
  await second.getByRole('alert').getByText('There is no such name with such a password.').waitFor();
  assert.equal(await state(second, 'me'), null);
  assert.equal(await state(first, 'screen'), 'world', 'nobody is sent away for a wrong password');
  await second.getByLabel('Password').fill('correct horse');
  await second.getByRole('button', { name: 'Create account' }).click();
  await second.getByRole('alert').getByText('Somebody has this name already.').waitFor();

  await second.getByLabel('Password').fill('correct horse');
  await second.getByRole('button', { name: 'Log in' }).click();
  await first.getByRole('heading', { name: 'You play in another tab' }).waitFor();
  await enter(second, 'Meadow');
  assert.equal((await state(second, 'me')).name, 'Carol');
  // And the other way round, by the ticket.
  await first.getByRole('button', { name: 'Play here' }).click();
  await until(first, () => window.demo?.screen === 'world' && demo.me?.name === 'Carol');
  await second.getByRole('heading', { name: 'You play in another tab' }).waitFor();
});

/** As near to the portal as it has to be. */
async function toPortal(tab) {
  const { x, y } = (await state(tab, 'portals'))[0];
  const me = await state(tab, 'me');
  if (Math.abs(me.x - x) > 2.5) await walk(tab, me.x < x ? 'd' : 'a', (given) => Math.abs(demo.me.x - given) < 2.5, x);
  if (Math.abs(me.y - y) > 2.5) await walk(tab, me.y < y ? 's' : 'w', (given) => Math.abs(demo.me.y - given) < 2.5, y);
  await tab.locator('#portal').waitFor();
}
