// What the page does when the daemon is away, slow, empty, cross or very large. A mock is all of that when it is told to.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';

import { WIDTHS, findings, launch, logIn, open, show, skip } from './browser.mjs';
import { links } from './mock-world.mjs';
import { Mock } from './mock.mjs';

let browser, mock, page;
before(async () => {
  if (!skip) browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => {
  if (skip) return;
  mock = await new Mock().start();
  page = await open(browser, mock.url);
});
afterEach(async () => {
  if (skip) return;
  const { wrong } = page;
  await page.context().close();
  await mock.stop();
  assert.deepEqual(wrong, []);
});
const run = (name, body) => test(name, { skip, timeout: 120_000 }, body);

run('a daemon that is away is told of, what was seen stays, and it goes on by itself', async () => {
  page.expected.push(/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/);
  await show(page, '#/clients', '1000000001');
  const { port } = mock.server.address();
  await mock.stop();
  await page.getByText('The daemon cannot be reached.').waitFor();
  await page.getByText('unreachable').waitFor();
  assert.ok(await page.getByRole('link', { name: '1000000001', exact: true }).isVisible());
  assert.deepEqual(await findings(page), []);
  mock = await new Mock().start(port);
  await page.getByRole('button', { name: 'Try now' }).click();
  await page.getByText('The daemon cannot be reached.').waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.querySelector('.pulse.on'));
});

run('a session that ends leads to the log-in, and back to where one was', async () => {
  const users = await new Mock({ users: true }).start();
  try {
    const other = await open(browser, users.url);
    other.expected.push(/401 \(Unauthorized\)/);
    await logIn(other, 'alice', 'correct horse');
    await show(other, '#/clients', '1000000001');
    users.sessions.clear();
    await other.getByRole('button', { name: 'Refresh' }).click();
    await other.getByText('Your session has ended.').waitFor();
    await other.getByLabel('Name').fill('alice');
    await other.getByLabel('Password').fill('correct horse');
    await other.keyboard.press('Enter');
    await other.getByRole('heading', { level: 1, name: 'Clients' }).waitFor();
    assert.deepEqual(other.wrong, []);
    await other.context().close();
  } finally {
    await users.stop();
  }
});

run('a daemon that is started again asks for the log-in within seconds', async () => {
  let users = await new Mock({ users: true }).start();
  try {
    const other = await open(browser, users.url);
    other.expected.push(/401 \(Unauthorized\)|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/);
    await logIn(other, 'alice', 'correct horse');
    await show(other, '#/queues', 'Waits');
    const { port } = users.server.address();
    await users.stop();
    await other.getByText('The daemon cannot be reached.').waitFor();
    await other.waitForTimeout(8000);
    users = await new Mock({ users: true }).start(port);
    await other.getByText('Your session has ended.').waitFor({ timeout: 7000 });
    assert.deepEqual(other.wrong, []);
    await other.context().close();
  } finally {
    await users.stop();
  }
});

run('too many tries are told, with the time to wait', async () => {
  const users = await new Mock({ users: true }).start();
  try {
    users.wrong = 10;
    const other = await open(browser, users.url);
    other.expected.push(/429 \(Too Many/);
    await logIn(other, 'alice', 'correct horse');
    await other.getByText('Try again in 42 s').waitFor();
    assert.ok(await other.getByRole('button', { name: 'Log in' }).isDisabled());
    assert.deepEqual(other.wrong, []);
    await other.context().close();
  } finally {
    await users.stop();
  }
});

run('a daemon where nothing is says what to do', async () => {
  mock.trouble.empty = true;
  for (const [hash, text] of [['#/', 'Nothing needs you.'], ['#/links', 'Nobody is linked'], ['#/clients', 'No client is here'], ['#/objects', 'No object lives here'], ['#/objects/places', 'No object is anywhere'], ['#/objects/list', 'No object lives here'],
    ['#/queues', 'Nothing waits'], ['#/eventlog', 'has no event logger'], ['#/audit', 'Nobody has done anything'], ['#/bans', 'keeps no list of bans'], ['#/nowhere', 'There is no such page']]) {
    await show(page, hash, text);
    assert.deepEqual(await findings(page), [], hash);
  }
});

run('an error is told, and the same can be tried again', async () => {
  page.expected.push(/503 \(Service Unavailable\)|404 \(Not Found\)/);
  mock.trouble.fail = { links: [503, 'unavailable', 'the router is busy'], 'objects/77': [404, 'not_found', 'no object 77 is here'] };
  await show(page, '#/links', 'The router is busy.');
  mock.trouble.fail = {};
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('ai.larkspur').waitFor();
  await show(page, '#/objects/77', 'stored in a database');
});

run('what is slow is waited for without a jump', async () => {
  mock.trouble.delay = 700;
  await page.goto(`${mock.url}#/links`);
  await page.locator('.bones').waitFor();
  const before = await page.locator('h1').boundingBox();
  await page.getByText('ai.larkspur').waitFor();
  assert.equal((await page.locator('h1').boundingBox()).y, before.y);
});

run('pages that are short are asked on, and the search can be stopped', async () => {
  mock.trouble.short = true;
  mock.trouble.delay = 20;
  await show(page, '#/objects/list?class=DistributedRegatta');
  await page.getByText(/pages so far/).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('button', { name: 'Look further' }).waitFor();
  // A few that are found among many pages are shown as they come.
  await show(page, '#/objects/list?class=DistributedQuestBoard', 'DistributedQuestBoard');
});

run('a million objects never are more than a thousand rows', async () => {
  await show(page, '#/objects/list', 'Load more');
  for (let turn = 0; turn < 9; turn++) {
    const rows = await page.locator('tbody tr').count();
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.waitForFunction((before) => document.querySelectorAll('tbody tr').length > before, rows);
  }
  assert.equal(await page.locator('tbody tr').count(), 1000);
  await page.getByRole('button', { name: 'Next 1,000' }).click();
  await page.getByText(/^1,001 to 1,100 objects/).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 100);
  await page.getByRole('button', { name: 'Back to the first' }).click();
  await page.getByText(/^100 objects so far/).waitFor();
});

run('numbers of 64 bits keep all their digits', async () => {
  await show(page, '#/channels/18446744073709551615', '18446744073709551615');
  await page.getByText('0xffffffffffffffff').waitFor();
  await show(page, '#/channels/18446744073709551616', 'is no channel');
  await show(page, '#/', '8,123,448,120,044,123');
});

run('what comes from outside is never more than text', async () => {
  mock.add('log', { seq: '5000', time: new Date().toISOString(), level: 'error', part: 'x', message: '<img src=x onerror=document.title="owned">', fields: { a: '<b id=bold>b</b>' } });
  await show(page, '#/log', '<img src=x onerror=document.title="owned">');
  assert.equal(await page.locator('#bold').count(), 0);
  assert.equal(await page.title(), 'Log · donet console');
});

run('it can be used without a mouse', async () => {
  await show(page, '#/clients', '1000000001');
  await page.keyboard.press('/');
  await page.keyboard.type('100000021');
  await page.getByRole('option', { name: 'Object 100000021', exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /100000021/ }).waitFor();
  // It is drawn before it has the focus.
  await page.waitForFunction(() => document.activeElement.tagName === 'H1');
  await page.keyboard.press('/');
  await page.keyboard.press('Escape');
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'INPUT');
  await show(page, '#/clients', '1000000001');
  const eject = page.getByRole('button', { name: 'Eject client 1000000001' });
  await eject.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok(await eject.evaluate((element) => element === document.activeElement));
  await page.reload();
  await page.getByRole('link', { name: '1000000001', exact: true }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the page');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'H1');
});

run('a dialog goes with its page, and what becomes of it is not told elsewhere', async () => {
  page.expected.push(/400 \(Bad Request\)/);
  await show(page, '#/links', 'ai.larkspur');
  await show(page, '#/objects/100000123', 'Who is watching');
  const edit = () => page.getByRole('button', { name: /^Edit / }).first().click();
  await edit();
  await page.getByRole('dialog').waitFor();
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Links' }).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.goForward();
  await page.getByRole('heading', { level: 1, name: /100000123/ }).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await edit();
  mock.trouble.delay = 500;
  await page.getByRole('dialog').getByRole('button', { name: 'Send update' }).click();
  await page.goBack();
  await page.waitForTimeout(1200);
  assert.equal(await page.getByText(/The update of .* is sent/).count(), 0);
  mock.trouble.delay = 0;
  await page.goForward();
  await edit();
  await page.getByLabel('Value').fill('x');
  await page.getByRole('dialog').getByRole('button', { name: 'Send update' }).click();
  await page.getByText('value: 1:1: expected', { exact: false }).waitFor();
});

run('long names wrap, and nothing is wider than the window', async () => {
  const name = 'n'.repeat(256);
  links.push({ ...links[0], id: '77', name });
  try {
    mock.add('closed', { seq: '900', time: new Date().toISOString(), kind: 'link', address: '10.0.0.1:3000', name, channel: null, reason: name, code: 155, seconds: 3.4 });
    mock.note(name, 'set field', `object ${name}`, name, true);
    mock.bans.push({ subject: '2001:db8:1111:2222:3333::/96', until: null, reason: name });
    for (const width of Object.values(WIDTHS)) {
      await page.setViewportSize({ width, height: 900 });
      for (const hash of ['#/', '#/links', '#/audit', '#/bans']) {
        await show(page, hash, /n{256}/);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${hash} at ${width} px`);
      }
    }
  } finally {
    links.pop();
  }
});

run('what a table has no room for is told below', async () => {
  mock.note('alice', 'set field', 'object 100000123', 'setXY (1, 2)', true);
  for (const width of [WIDTHS.tablet, WIDTHS.phone]) {
    await page.setViewportSize({ width, height: 900 });
    await show(page, '#/audit', 'setXY (1, 2)');
    assert.ok(await page.getByText('from 127.0.0.1').first().isVisible());
  }
});

run('a search offers classes that there are, and channels before objects for small numbers', async () => {
  await show(page, '#/', 'shard-1');
  const offered = async (text) => {
    await page.getByRole('combobox').fill(text);
    return page.getByRole('option').allTextContents();
  };
  await offered('distributedb');
  await page.getByRole('option', { name: 'Objects of class DistributedBoat' }).waitFor();
  assert.ok(!(await offered('zzz')).some((text) => text.includes('of class')));
  assert.match((await offered('10'))[0], /Channel/);
  assert.match((await offered('100000021'))[0], /Object/);
});

run('a ban that is refused says how it is made all the same', async () => {
  page.expected.push(/409 \(Conflict\)/);
  await show(page, '#/bans', 'Until');
  await page.getByRole('button', { name: 'Ban…' }).click();
  await page.getByLabel('Address, network or account').fill('0.0.0.0/0');
  await page.getByRole('dialog').getByRole('button', { name: 'Ban', exact: true }).click();
  await page.getByText('that is everybody. Choose “ban all the same”').waitFor();
  assert.equal(await page.getByText('--force').count(), 0);
});

run('arguments of several parts begin with a template, and a known object says its class', async () => {
  await show(page, '#/compose?kind=message', 'Send message…');
  for (const [number, label, value] of [['2040', 'location', { parent: 0, zone: 0 }], ['2000', 'object', { do_id: 0, parent: 0, zone: 0, class: '', required: [] }], ['3000', 'fields', [{ field: 'Class.name', value: '()' }]], ['2011', 'value', null]]) {
    await page.getByLabel('Message', { exact: true }).selectOption(number);
    assert.deepEqual(JSON.parse(await page.getByLabel(label, { exact: true }).inputValue()), value);
  }
  await show(page, '#/compose?kind=broadcast&do_id=4600', 'What the object says that it is');
  await page.getByLabel('Class', { exact: true }).and(page.locator(':disabled')).waitFor();
  assert.equal(await page.getByLabel('Class', { exact: true }).inputValue(), 'DistributedDistrict');
});

run('the theme is chosen, and remembered', async () => {
  await show(page, '#/links', 'ai.larkspur');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole('button', { name: /^Theme: as the system/ }).click();
  await page.getByRole('button', { name: /^Theme: light/ }).click();
  const dark = await background();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByRole('button', { name: /^Theme: dark/ }).waitFor();
  assert.equal(await background(), dark);
});

run('on a phone the menu opens and closes', async () => {
  await page.setViewportSize({ width: WIDTHS.phone, height: 740 });
  await show(page, '#/', 'shard-1');
  await page.getByRole('button', { name: 'Open the menu' }).click();
  await page.getByRole('link', { name: 'Bans' }).click();
  await page.getByRole('heading', { level: 1, name: 'Bans' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Audit' }).isVisible(), false);
});
