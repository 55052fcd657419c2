// Values against their bytes, which donet's own tests compare with what the daemon's side packs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Schema } from '../../docs/client/donet.js';
import { HERE, exportDc } from './daemon.mjs';

const schema = new Schema(exportDc('vectors.dc'));
const vectors = JSON.parse(readFileSync(join(HERE, 'vectors.json'), 'utf8'), (_, value) => {
  if (typeof value?.big === 'string') return BigInt(value.big);
  return typeof value?.bytes === 'string' ? Uint8Array.from(Buffer.from(value.bytes, 'hex')) : value;
});

const named = (path) => {
  const [className, fieldName] = path.split('.');
  return [className, schema.class(className).field(fieldName)];
};

const packed = (path, value) => {
  const [className, field] = named(path);
  return Buffer.from(schema.pack(className, field, value)).toString('hex');
};

for (const { field: path, text, value, hex } of vectors) {
  test(`${path} ${text}`, () => {
    const [, field] = named(path);
    assert.equal(packed(path, value), hex);
    assert.deepEqual(schema.unpack(field, Uint8Array.from(Buffer.from(hex, 'hex'))), value);
  });
}

test('each field has a vector', () => {
  const covered = new Set(vectors.map(({ field }) => named(field)[1].id));
  const all = [...schema.classes.values()].flatMap(({ fields }) => fields);
  const missing = all.filter(({ id }) => !covered.has(id)).map(({ name }) => name);
  // The part of a molecular one that has.
  assert.deepEqual(missing, ['count']);
});

test('numbers are rounded to what the divisor lets through, and wrapped at the modulus', () => {
  assert.equal(packed('Numbers.scaled', [0.06, 0.004]), '010000000000');
  assert.equal(packed('Numbers.heading', [-0.5]), packed('Numbers.heading', [359.5]));
  assert.equal(packed('Numbers.heading', [721]), packed('Numbers.heading', [1]));
  assert.equal(packed('Numbers.i64', [5]), packed('Numbers.i64', [5n]));
});

test('a value may be long', () => {
  const numbers = Array.from({ length: 10000 }, (_, index) => index);
  const [className, field] = named('Rows.list');
  assert.deepEqual(schema.unpack(field, schema.pack(className, field, [numbers])), [numbers]);
  assert.equal(packed('Numbers.u8', [1]), '01');
});

test('a list goes for a struct, and for bytes', () => {
  assert.equal(packed('Shapes.item', [[3, 1]]), '03000a');
  assert.equal(packed('Shapes.pick', [[1, 7]]), '010700');
  assert.equal(packed('Bytes.raw', [[0, 255]]), '020000ff');
});

/** What is refused, and what is said of it. */
const refused = [
  ['Numbers.u8', [256], 'Numbers.u8: v: 256 is out of range, allowed: 0 to 255'],
  ['Numbers.u8', [-1], 'Numbers.u8: v: -1 is out of range, allowed: 0 to 255'],
  ['Numbers.u8', [1.5], 'Numbers.u8: v: 1.5 must be a whole number (uint8)'],
  ['Numbers.u8', ['1'], 'Numbers.u8: v: expected a number, not "1"'],
  ['Numbers.u8', [NaN], 'Numbers.u8: v: NaN is no finite number'],
  ['Numbers.u64', [2 ** 60], 'Numbers.u64: v: 1152921504606847000 is more than a number holds exactly; use a BigInt'],
  ['Numbers.u64', [1n << 64n], 'Numbers.u64: v: 18446744073709551616 is out of range, allowed: 0 to 18446744073709551615'],
  ['Numbers.some', [7], 'Numbers.some: v: 7 is out of range, allowed: 0 to 5, 8 to 10'],
  ['Numbers.tenths', [5.1], 'Numbers.tenths: v: 5.1 is out of range, allowed: -5 to 5'],
  ['Numbers.far', [9007199254740994n], 'Numbers.far: v: 9007199254740994 is out of range, allowed: -9007199254740993 to 9007199254740993'],
  ['Numbers.share', [1.01], 'Numbers.share: v: 1.01 is out of range, allowed: 0 to 1'],
  ['Numbers.letter', ['ab'], 'Numbers.letter: c: expected one character below U+0100, not "ab"'],
  ['Bytes.short', ['12345'], 'Bytes.short: s: 5 bytes, allowed: 1 to 4'],
  ['Bytes.exact', ['é'], 'Bytes.exact: s: 2 bytes, allowed: 3'],
  ['Bytes.dice', [[7]], 'Bytes.dice: b: 7 is out of range, allowed: 1 to 6'],
  ['Bytes.raw', ['x'], 'Bytes.raw: b: expected a Uint8Array or a list of bytes, not "x"'],
  ['Bytes.text', ['x'.repeat(65536)], 'Bytes.text: s: 65536 bytes are more than a message holds'],
  ['Rows.few', [[1, 2, 3]], 'Rows.few: v: 3 elements, allowed: 1 to 2'],
  ['Rows.items', [[{ kind: 1 }]], 'Rows.items: i[0]: wear is missing'],
  ['Rows.items', [[{ kind: 1, wear: 99 }]], 'Rows.items: i[0].wear: 99 is out of range, allowed: -12.8 to 12.7'],
  ['Shapes.item', [{ kind: 1, wear: 0, ware: 0 }], 'Shapes.item: i: only kind, wear are part of it, not ware'],
  ['Shapes.item', [7], 'Shapes.item: i: expected an object with kind, wear, not 7'],
  ['Shapes.pick', [{ v: 7 }], 'Shapes.pick: p: kind, the key, is missing'],
  ['Shapes.item', [], 'Shapes.item: expected a list of 1 values, not '],
];

for (const [path, value, message] of refused) {
  test(`refused: ${message}`, () => assert.throws(() => packed(path, value), { message }));
}

test('bytes that end early, or go on, are an error', () => {
  const [, field] = named('Bytes.text');
  const unpack = (hex) => schema.unpack(field, Uint8Array.from(Buffer.from(hex, 'hex')));
  assert.throws(() => unpack('030061'), { message: '3 bytes are expected, and 1 are left' });
  assert.throws(() => unpack('0100616263'), { message: '2 bytes are left over' });
  assert.throws(() => unpack('0100ff'), TypeError);
});

test('an export of another format is refused', () => {
  assert.throws(() => new Schema({ format: 2 }), /format 1.*has 2/);
});
