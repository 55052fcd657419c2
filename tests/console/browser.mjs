// Chromium for tests, and pages in it of which everything that goes wrong is kept.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const named = process.env.CHROMIUM ? [process.env.CHROMIUM] : [];
const CHROMIUM = [...named, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
export const skip = CHROMIUM ? false : 'there is no Chromium; $CHROMIUM can name one';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export const WIDTHS = { phone: 360, tablet: 820, desktop: 1440 };
const tools = () => createRequire(process.env.DONET_CONSOLE_TOOLS);

export async function launch() {
  const { chromium } = tools()('playwright-core');
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/**
 * A page that has seen nothing yet. `page.wrong` is what has gone wrong: errors and warnings in the console, exceptions, breaches of
 * the Content-Security-Policy, and whatever was asked of somebody else than the daemon.
 */
export async function open(browser, url, { width = WIDTHS.desktop, theme = 'light', state } = {}) {
  const context = await browser.newContext({ viewport: { width, height: width === WIDTHS.phone ? 740 : 900 }, colorScheme: theme, storageState: state });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.wrong = [];
  /** Refusals that a test means to get. The browser notes each as an error. */
  page.expected = [];
  await context.exposeFunction('breached', (what) => page.wrong.push(`CSP: ${what}`));
  await context.addInitScript(() => addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.breached(`${violatedDirective} ${blockedURI}`)));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = `${message.text()} (${message.location().url})`;
    if (!page.expected.some((expected) => expected.test(text))) page.wrong.push(text);
  });
  page.on('pageerror', (error) => page.wrong.push(`exception: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol !== 'data:' && to.origin !== new URL(url).origin) page.wrong.push(`asked elsewhere: ${request.url()}`);
  });
  page.base = url;
  return page;
}

/** Goes to a place in the console, and waits until it shows what it should. */
export async function show(page, hash, text) {
  await page.goto(new URL(hash, page.base).href);
  if (text) await page.locator('main').getByText(text).filter({ visible: true }).first().waitFor();
}

export async function logIn(page, name, password) {
  page.expected.push(/401 \(Unauthorized\).*\/session/);
  await page.goto(page.base);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

const AXE = readFileSync(tools().resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds serious or critical, as lines. */
export async function findings(page) {
  // By the debugger, not by a script element: the page's policy forbids those.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.slice(0, 5).map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary.replaceAll('\n', ' ')}`));
}
