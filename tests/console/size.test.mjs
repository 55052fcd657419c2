// What the page weighs, all of it, as it is sent: compressed by gzip.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../../src/console/page');
const SENT = new Set(['.html', '.js', '.css', '.svg']);
const MOST = 150_000;

const files = readdirSync(PAGE, { recursive: true }).filter((name) => SENT.has(extname(name)));

test(`all of it is below ${MOST} bytes`, (t) => {
  const sizes = files.map((name) => [gzipSync(readFileSync(join(PAGE, name)), { level: 6 }).length, name]).sort((a, b) => b[0] - a[0]);
  const total = sizes.reduce((sum, [size]) => sum + size, 0);
  t.diagnostic(`${total} bytes in ${sizes.length} files, the largest: ${sizes.slice(0, 3).map(([size, name]) => `${name} ${size}`).join(', ')}`);
  assert.ok(total <= MOST, `${total} bytes`);
});

test('modules import files beside them, and nothing puts text into the page as HTML', () => {
  for (const name of files.filter((file) => extname(file) === '.js' && !file.startsWith('vendor'))) {
    const text = readFileSync(join(PAGE, name), 'utf8');
    for (const [, from] of text.matchAll(/from '([^']+)'/g)) assert.match(from, /^\.\.?\//, `${name} imports ${from}`);
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function/, name);
  }
});

test('every licence of what is vendored is beside it', () => {
  const vendored = readdirSync(join(PAGE, 'vendor'));
  for (const name of ['LICENSE-htm', 'LICENSE-preact', 'LICENSE-uPlot']) assert.ok(vendored.includes(name), name);
});
