// A client of donet for browsers, and for Node with a WebSocket: docs/client/README.md says how to begin.
//
// This file has no dependencies. It is in three parts: the schema, which knows the DC files as
// `donet dc show --format json` exports them; values, which are packed and unpacked along their types;
// and the connection, with the objects that it shows.

/**
 * A type, as the export has it. `limits` are packed numbers, `tag` is the width of a length.
 * @typedef {object} Type
 * @property {string} kind
 * @property {number} [divisor]
 * @property {number} [modulus]
 * @property {[number | string, number | string][]} [limits]
 * @property {0 | 2 | 4} [tag]
 * @property {[number, number][]} [counts]
 * @property {Type} [element]
 * @property {number} [struct]
 * @property {Part[]} [fields]
 * @property {Part} [key]
 * @property {[string, number, number][]} [cases]
 * @property {[number, number]} [default]
 *
 * Something with a name and a value: a field, a parameter, a part of a struct.
 * @typedef {{name: string, type?: Type, params?: Part[]}} Part
 * @typedef {Part & {id: number, class: number, keywords: string[], parts?: number[], default?: string}} Field
 * @typedef {{id: number, name: string, struct: boolean, parents: number[], constructor?: number, fields: number[]}} ClassEntry
 * @typedef {{format: number, hash: number, classes: ClassEntry[], fields: Field[]}} Dc
 *
 * A value of any type: number, bigint, string, Uint8Array, an array, or an object for a struct.
 * @typedef {any} Value
 */

/** @param {string} message @returns {never} */
function fail(message) { throw new Error(message); }

// --- Schema ---------------------------------------------------------------------------------------

/** A class of objects: its fields by name and by id. */
export class Class {
  /** @param {Schema} schema @param {ClassEntry} entry */
  constructor(schema, entry) {
    this.id = entry.id;
    this.name = entry.name;
    /** All fields, inherited ones included, by ascending id. @type {Field[]} */
    this.fields = entry.fields.map((id) => schema.field(id));
    /** @type {Map<string, Field>} */ this.byName = new Map(this.fields.map((field) => [field.name, field]));
  }

  /** @param {string} name @returns {Field} */
  field(name) {
    return this.byName.get(name) ?? fail(`${this.name}.${name}: the class has no such field`);
  }

  /** The required fields that stand in an object's entry, in their order. @param {boolean} owner */
  shown(owner) {
    const words = owner ? ['broadcast', 'clrecv', 'ownrecv'] : ['broadcast', 'clrecv'];
    return this.fields.filter(({ parts, keywords: all }) =>
      !parts && all.includes('required') && words.some((word) => all.includes(word)));
  }
}

/** The DC files of a game. */
export class Schema {
  /** @param {Dc} dc what `donet dc show --format json` has printed */
  constructor(dc) {
    if (dc?.format !== 1) fail(`the DC files must be an export of format 1; this one has ${dc?.format}`);
    this.hash = dc.hash;
    this.entries = dc.classes;
    this.fields = dc.fields;
    /** @type {Map<string, Class>} */ this.classes = new Map();
    for (const entry of dc.classes) {
      if (!entry.struct) this.classes.set(entry.name, new Class(this, entry));
    }
  }

  /** @param {number} id @returns {Field} */
  field(id) { return this.fields[id] ?? fail(`there is no field ${id} in the DC export`); }

  /** @param {number} id @returns {Class} */
  classById(id) {
    return this.classes.get(this.entries[id]?.name ?? '') ?? fail(`there is no class ${id} in the DC export`);
  }

  /** @param {string} name @returns {Class} */
  class(name) {
    return this.classes.get(name) ?? fail(`there is no class ${name} in the DC export`);
  }

  /** The parts of a molecular field. @param {{parts?: number[]}} field */
  partsOf(field) { return (field.parts ?? []).map((id) => this.field(id)); }

  /** The parts of a struct's value. @param {Type} type @returns {Part[]} */
  parts(type) {
    if (type.fields) return type.fields;
    const ids = this.entries[type.struct ?? -1]?.fields ?? [];
    return ids.map((id) => this.field(id)).filter((field) => !field.parts);
  }

  /** Packs a field's value. @param {string} className for messages @param {Field} field @param {Value} value */
  pack(className, field, value) {
    const writer = new Writer();
    packField(this, writer, field, value, `${className}.${field.name}`);
    return writer.bytes();
  }

  /** Unpacks a value that fills `bytes`. @param {Field} field @param {Uint8Array} bytes @returns {Value} */
  unpack(field, bytes) {
    const reader = new Reader(bytes);
    const value = unpackField(this, reader, field);
    reader.end();
    return value;
  }
}

// --- Bytes ----------------------------------------------------------------------------------------

/** Appends little-endian values to a buffer that grows. */
class Writer {
  constructor() {
    this.buffer = new Uint8Array(64);
    this.view = new DataView(this.buffer.buffer);
    this.length = 0;
  }

  /** Makes room for so many bytes, in a new buffer if need be, and returns where they begin. @param {number} count */
  take(count) {
    const at = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.buffer.length));
      larger.set(this.buffer);
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    return at;
  }

  /** @param {number} value */
  u16(value) {
    const at = this.take(2);
    this.view.setUint16(at, value, true);
    return this;
  }

  /** @param {number} value */
  u32(value) {
    const at = this.take(4);
    this.view.setUint32(at, value, true);
    return this;
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    const at = this.take(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  bytes() { return this.buffer.slice(0, this.length); }
}

/** Reads little-endian values; one that is cut short is an error. */
class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.data = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  get left() { return this.data.length - this.at; }

  /** @param {number} count */
  skip(count) {
    if (count > this.left) throw new RangeError(`${count} bytes are expected, and ${this.left} are left`);
    this.at += count;
    return this.at - count;
  }

  u16() { return this.view.getUint16(this.skip(2), true); }
  u32() { return this.view.getUint32(this.skip(4), true); }

  /** @param {number} count */
  bytes(count) {
    const at = this.skip(count);
    return this.data.subarray(at, at + count);
  }

  end() { if (this.left > 0) throw new RangeError(`${this.left} bytes are left over`); }
}

const encoder = new TextEncoder();
// A byte order mark is a character like others.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

// --- Values ---------------------------------------------------------------------------------------

/** The numbers of each kind: what DataView calls them, and their bits. @type {Record<string, [string, number]>} */
const NUMBERS = {
  int8: ['Int8', 8], int16: ['Int16', 16], int32: ['Int32', 32], int64: ['BigInt64', 64], uint8: ['Uint8', 8],
  uint16: ['Uint16', 16], uint32: ['Uint32', 32], uint64: ['BigUint64', 64], char: ['Uint8', 8],
  float32: ['Float32', 32], float64: ['Float64', 64],
};

/** @param {Type} type */
const isFloat = (type) => type.kind.startsWith('float');

/**
 * A field's value: of a method the list of its arguments, of a molecular field that of its parts' values, else itself.
 * @param {Schema} schema @param {Writer} out @param {Part & {parts?: number[]}} field @param {Value} value @param {string} where
 */
function packField(schema, out, field, value, where) {
  if (field.type) return packValue(schema, out, field.type, value, where);
  const parts = field.params ?? schema.partsOf(field);
  if (!Array.isArray(value) || value.length !== parts.length) {
    throw new TypeError(`${where}: expected a list of ${parts.length} values, not ${shown(value)}`);
  }
  parts.forEach((part, index) => packField(schema, out, part, value[index], `${where}: ${part.name || index}`));
}

/** @param {Schema} schema @param {Reader} reader @param {Part & {parts?: number[]}} field @returns {Value} */
function unpackField(schema, reader, field) {
  if (field.type) return unpackValue(schema, reader, field.type);
  return (field.params ?? schema.partsOf(field)).map((part) => unpackField(schema, reader, part));
}

/** @param {Schema} schema @param {Writer} out @param {Type} type @param {Value} value @param {string} where */
function packValue(schema, out, type, value, where) {
  switch (type.kind) {
    case 'string': case 'blob': return packBytes(out, type, value, where);
    case 'array': return packArray(schema, out, type, value, where);
    case 'struct': return packParts(schema, out, schema.parts(type), 0, value, where);
    case 'switch': return packSwitch(schema, out, type, value, where);
    default: return packNumber(out, type, value, where);
  }
}

/** @param {Schema} schema @param {Reader} reader @param {Type} type @returns {Value} */
function unpackValue(schema, reader, type) {
  switch (type.kind) {
    case 'string': return decoder.decode(reader.bytes(lengthOf(reader, type)));
    case 'blob': return reader.bytes(lengthOf(reader, type)).slice();
    case 'array': return unpackArray(schema, reader, type);
    case 'struct': return unpackParts(schema, reader, schema.parts(type), 0, {});
    case 'switch': return unpackSwitch(schema, reader, type);
    default: return unpackNumber(reader, type);
  }
}

/** The length that stands here, or the only one there is: in bytes, or of an array in elements. @param {Reader} reader @param {Type} type */
const lengthOf = (reader, type) =>
  type.tag === 4 ? reader.u32() : type.tag === 2 ? reader.u16() : type.counts?.[0]?.[0] ?? 0;

/** @param {Writer} out @param {Type} type @param {Value} value @param {string} where */
function packNumber(out, type, value, where) {
  const [word, bits] = NUMBERS[type.kind] ?? unknownKind(type);
  if (type.kind === 'char') value = charCode(value, where);
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw new TypeError(`${where}: expected a number, not ${shown(value)}`);
  }
  /** @type {number | bigint} */ let packed;
  if (isFloat(type)) {
    packed = wrap(Number(value) * (type.divisor ?? 1), type);
  } else {
    packed = integer(type, value, where);
    const least = type.kind.startsWith('int') ? -(2n ** BigInt(bits - 1)) : 0n;
    const most = least + 2n ** BigInt(bits) - 1n;
    if (packed < least || packed > most) throw outside(type, value, [[least, most]], where);
  }
  checkLimits(type, packed, value, where);
  const at = out.take(bits / 8);
  /** @type {any} */ (out.view)[`set${word}`](at, bits === 64 && !isFloat(type) ? packed : Number(packed), true);
}

/**
 * The packed integer of a real value: times the divisor, within the modulus, rounded half up.
 * @param {Type} type @param {number | bigint} value @param {string} where
 */
function integer(type, value, where) {
  const divisor = type.divisor ?? 1;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${where}: ${value} is no finite number`);
    if (divisor === 1 && !Number.isInteger(value)) {
      throw new RangeError(`${where}: ${value} must be a whole number (${type.kind})`);
    }
    if (divisor === 1 && !Number.isSafeInteger(value)) {
      throw new RangeError(`${where}: ${value} is more than a number holds exactly; use a BigInt`);
    }
    return BigInt(Math.floor(wrap(value * divisor, type) + 0.5));
  }
  const modulus = BigInt(Math.floor((type.modulus ?? 0) * divisor + 0.5));
  const scaled = value * BigInt(divisor);
  return modulus > 0n ? ((scaled % modulus) + modulus) % modulus : scaled;
}

/** @param {number} scaled @param {Type} type */
function wrap(scaled, type) {
  const modulus = (type.modulus ?? 0) * (type.divisor ?? 1);
  return modulus > 0 ? ((scaled % modulus) + modulus) % modulus : scaled;
}

/** @param {Type} type @param {number | bigint} packed @param {Value} value @param {string} where */
function checkLimits(type, packed, value, where) {
  if (!type.limits) return;
  /** @param {number | string} limit */
  const exact = (limit) => (isFloat(type) ? Number(limit) : BigInt(limit));
  if (!type.limits.some(([min, max]) => exact(min) <= packed && packed <= exact(max))) {
    throw outside(type, value, type.limits, where);
  }
}

/** @param {Type} type @param {Value} value @param {[any, any][]} ranges packed @param {string} where */
function outside(type, value, ranges, where) {
  /** @param {any} limit */
  const real = (limit) => (type.divisor ? Number(limit) / type.divisor : limit);
  const texts = ranges.map(([min, max]) => `${real(min)} to ${real(max)}`);
  return new RangeError(`${where}: ${value} is out of range, allowed: ${texts.join(', ')}`);
}

/** @param {Type} type */
const unknownKind = (type) => fail(`the DC export has a type of the kind ${type.kind}, which this client does not know`);

/** @param {Value} value @param {string} where */
function charCode(value, where) {
  if (typeof value !== 'string' || value.length !== 1 || value.charCodeAt(0) > 255) {
    throw new TypeError(`${where}: expected one character below U+0100, not ${shown(value)}`);
  }
  return value.charCodeAt(0);
}

/** @param {Reader} reader @param {Type} type @returns {number | bigint | string} */
function unpackNumber(reader, type) {
  const [word, bits] = NUMBERS[type.kind] ?? unknownKind(type);
  const at = reader.skip(bits / 8);
  const packed = /** @type {any} */ (reader.view)[`get${word}`](at, true);
  if (type.kind === 'char') return String.fromCharCode(packed);
  return type.divisor ? Number(packed) / type.divisor : packed;
}

/** @param {Writer} out @param {Type} type @param {Value} value @param {string} where */
function packBytes(out, type, value, where) {
  const bytes = bytesOf(type, value, where);
  checkCount(type, bytes.length, 'bytes', where);
  if (type.limits) bytes.forEach((byte) => checkLimits(type, BigInt(byte), byte, where));
  writeTagged(out, type, bytes, where);
}

/** @param {Type} type @param {Value} value @param {string} where @returns {Uint8Array} */
function bytesOf(type, value, where) {
  if (type.kind === 'string') {
    if (typeof value === 'string') return encoder.encode(value);
    throw new TypeError(`${where}: expected a string, not ${shown(value)}`);
  }
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)) {
    return Uint8Array.from(value);
  }
  throw new TypeError(`${where}: expected a Uint8Array or a list of bytes, not ${shown(value)}`);
}

/** @param {Type} type @param {number} count @param {string} what @param {string} where */
function checkCount(type, count, what, where) {
  if (!type.counts || type.counts.some(([min, max]) => min <= count && count <= max)) return;
  const texts = type.counts.map(([min, max]) => (min === max ? `${min}` : `${min} to ${max}`));
  throw new RangeError(`${where}: ${count} ${what}, allowed: ${texts.join(', ')}`);
}

/** @param {Writer} out @param {Type} type @param {Uint8Array} bytes @param {string} where */
function writeTagged(out, type, bytes, where) {
  if (bytes.length > 0xffff) throw new RangeError(`${where}: ${bytes.length} bytes are more than a message holds`);
  if (type.tag === 2) out.u16(bytes.length);
  if (type.tag === 4) out.u32(bytes.length);
  out.append(bytes);
}

/** @param {Schema} schema @param {Writer} out @param {Type} type @param {Value} value @param {string} where */
function packArray(schema, out, type, value, where) {
  const element = type.element ?? unknownKind(type);
  if (!Array.isArray(value)) throw new TypeError(`${where}: expected a list, not ${shown(value)}`);
  const content = new Writer();
  value.forEach((item, index) => packValue(schema, content, element, item, `${where}[${index}]`));
  if (type.tag && value.length > 0 && content.length === 0) {
    throw new RangeError(`${where}: elements without bytes get lost; the list must be empty`);
  }
  checkCount(type, value.length, 'elements', where);
  writeTagged(out, type, content.bytes(), where);
}

/** @param {Schema} schema @param {Reader} reader @param {Type} type @returns {Value[]} */
function unpackArray(schema, reader, type) {
  const element = type.element ?? unknownKind(type);
  const length = lengthOf(reader, type);
  if (!type.tag) return Array.from({ length }, () => unpackValue(schema, reader, element));
  const inner = new Reader(reader.bytes(length));
  const values = [];
  while (inner.left > 0) {
    const before = inner.at;
    values.push(unpackValue(schema, inner, element));
    if (inner.at === before) throw new RangeError(`${inner.left} bytes for elements that have none`);
  }
  return values;
}

/**
 * The parts of a struct: an object, where a part without a name goes by its position, or a list.
 * @param {Schema} schema @param {Writer} out @param {Part[]} parts @param {number} first the position of the first
 * @param {Value} value @param {string} where
 */
function packParts(schema, out, parts, first, value, where) {
  if (value === null || typeof value !== 'object') {
    throw new TypeError(`${where}: expected an object with ${parts.map(nameOf).join(', ')}, not ${shown(value)}`);
  }
  const names = parts.map((part, index) => (Array.isArray(value) ? `${first + index}` : nameOf(part, first + index)));
  if (Object.keys(value).length > first + parts.length) {
    const extra = Object.keys(value).filter((key) => !names.includes(key));
    throw new TypeError(`${where}: only ${names.join(', ')} are part of it, not ${extra.slice(first).join(', ')}`);
  }
  parts.forEach((part, index) => {
    const item = value[names[index] ?? ''];
    if (item === undefined) throw new TypeError(`${where}: ${nameOf(part, first + index)} is missing`);
    packField(schema, out, part, item, `${where}.${nameOf(part, first + index)}`);
  });
}

/** @param {Part} part @param {number} position */
const nameOf = (part, position) => part.name || `${position}`;

/**
 * @param {Schema} schema @param {Reader} reader @param {Part[]} parts @param {number} first
 * @param {Record<string, Value>} value @returns {Record<string, Value>} the same value
 */
function unpackParts(schema, reader, parts, first, value) {
  parts.forEach((part, index) => (value[nameOf(part, first + index)] = unpackField(schema, reader, part)));
  return value;
}

/** A switch is like a struct that begins with its key. @param {Schema} schema @param {Writer} out @param {Type} type @param {Value} value @param {string} where */
function packSwitch(schema, out, type, value, where) {
  const key = type.key ?? unknownKind(type);
  const name = Array.isArray(value) ? '0' : nameOf(key, 0);
  const packed = new Writer();
  if (value?.[name] === undefined) throw new TypeError(`${where}: ${nameOf(key, 0)}, the key, is missing`);
  packField(schema, packed, key, value[name], `${where}.${nameOf(key, 0)}`);
  const parts = caseOf(type, packed.bytes());
  if (!parts) throw new RangeError(`${where}: there is no case for ${shown(value[name])}`);
  out.append(packed.bytes());
  packParts(schema, out, parts, 1, value, where);
}

/** @param {Schema} schema @param {Reader} reader @param {Type} type */
function unpackSwitch(schema, reader, type) {
  const key = type.key ?? unknownKind(type);
  const start = reader.at;
  const value = unpackParts(schema, reader, [key], 0, {});
  const parts = caseOf(type, reader.data.subarray(start, reader.at));
  if (!parts) throw new RangeError('a switch has no case for its key');
  return unpackParts(schema, reader, parts, 1, value);
}

/** @param {Type} type @param {Uint8Array} key @returns {Part[] | undefined} */
function caseOf(type, key) {
  const text = hex(key);
  const found = type.cases?.find(([value]) => value === text);
  const range = found ? [found[1], found[2]] : type.default;
  return range && (type.fields ?? []).slice(range[0], range[1]);
}

/** @param {Value} value */
function shown(value) {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

// --- Connection -----------------------------------------------------------------------------------

const HELLO = 1, HELLO_RESP = 2, DISCONNECT = 3, EJECT = 4, HEARTBEAT = 5;
const SET_FIELD = 120, SET_FIELDS = 121, LEAVING = 132, LOCATION = 140;
const ENTER = 142, ENTER_OTHER = 143, LEAVING_OWNER = 161, ENTER_OWNER = 172, ENTER_OTHER_OWNER = 173;
const ADD_INTEREST = 200, ADD_INTERESTS = 201, REMOVE_INTEREST = 203, DONE_INTEREST = 204;
const RESUME_ASK = 310, RESUME_TOKEN = 311, RESUME = 312, RESUME_RESP = 313, RESUME_DONE = 314;

/** The server stops or restarts: the one reason of an eject after which it is worth coming back. */
export const EJECT_RESTART = 160;
/** Among others, for want of room. */
const EJECT_GENERIC = 1;
/** The sub-protocol with which a message holds several datagrams, and how many bytes of them at most. */
const FRAMES = 'donet.frames', MESSAGE_MAX = 65537;

/**
 * @typedef {object} Options
 * @property {Dc} dc the DC files, as `donet dc show --format json` prints them
 * @property {string} version what the client agent's `version` has
 * @property {number} [heartbeat] how often to say that we live, in milliseconds; 10000, and 0 for never
 * @property {false | {first?: number, most?: number}} [reconnect] after how many milliseconds to try again when the
 *   connection is lost: 500 at first, then twice as many each time, up to 30000; `false`: not at all
 * @property {boolean} [resume] come back to the same session after a loss, where `client.resume_ms` lets us. Only a donet
 *   understands the question: others eject whoever asks
 * @property {boolean} [frames] several datagrams in a message, where the server can; true
 * @property {any} [WebSocket] the class to use where there is no global one
 */

/** An event with something to say. @template T */
export class DonetEvent extends Event {
  /** @param {string} type @param {T} detail */
  constructor(type, detail) {
    super(type);
    this.detail = detail;
  }
}

/** Why a session has ended. */
export class Ejected extends Error {
  /** @param {number} code @param {string} text */
  constructor(code, text) {
    super(`ejected (${code}): ${text}`);
    this.name = 'Ejected';
    this.code = code;
    this.text = text;
  }
}

/** An object as this client knows it. */
export class DistributedObject {
  /** @param {Connection} connection @param {number} doId @param {Class} dclass */
  constructor(connection, doId, dclass) {
    this.connection = connection;
    this.doId = doId;
    this.dclass = dclass;
    this.parent = this.zone = 0;
    /** Whether it is in one of the client's interests, and whether it is the client's own. */
    this.visible = this.owned = false;
    /** The latest value of each field that we were told, by name. @type {Record<string, Value>} */
    this.fields = {};
    /** @type {Map<string, Set<(...values: Value[]) => void>>} */ this.listeners = new Map();
  }

  get className() { return this.dclass.name; }
  /**
   * Calls back at each update of the field: for a method with its arguments, else with the value.
   * Returns what ends that.
   * @param {string} name @param {(...values: Value[]) => void} callback
   */
  on(name, callback) {
    this.dclass.field(name);
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(callback));
    return () => set.delete(callback);
  }

  /**
   * Sends an update: of a method the list of its arguments, of a parameter field its value. A client may do so for
   * fields that are `clsend`, its own objects' that are `ownsend`, and those that servers have let it; for others it is ejected.
   * @param {string} name @param {Value} value
   */
  send(name, value) {
    const field = this.dclass.field(name);
    const packed = this.connection.schema.pack(this.className, field, value);
    this.connection.transmit(new Writer().u16(SET_FIELD).u32(this.doId).u16(field.id).append(packed).bytes());
  }

  /**
   * Moves the object, if it is the client's own and `client.relocate` is on. What a client does itself it is not told.
   * @param {number} parent @param {number} zone
   */
  move(parent, zone) {
    this.connection.transmit(new Writer().u16(LOCATION).u32(this.doId).u32(parent).u32(zone).bytes());
    Object.assign(this, { parent, zone });
  }
}

/** Whether two values of a field are the same. @param {Value} one @param {Value} other @returns {boolean} */
function equal(one, other) {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && equal(one[key], other[key]));
}

/**
 * What waits for a DONE: a request that may have to be sent again.
 * @typedef {{done: () => void, lost: (error: Error) => void, interest: number, opens: boolean, datagram: Uint8Array}} Question
 *
 * What a client does not know that is back in its session, until it has been told all: what ties it to the objects that it had,
 * which interests it had and what it was waiting for, and which interests the server says that it has.
 * @typedef {{visible: Set<number>, owned: Set<number>, interests: Interest[], pending: Map<string, Question>, open: Set<number>}} Doubt
 */

/** Zones of a parent that the client sees. @typedef {{id: number, parent: number, zones: number[]}} Interest */

/**
 * A connection to a client agent, over as many WebSockets as it takes.
 *
 * Events, each with a `detail`: `ready` – the hello was answered, once for each new session; `enter` and `leave`
 * {object, owner}; `update` {object, field, value}; `location` {object, parent, zone}; `interest` {interest, open}: a server
 * has opened or closed one; `eject` {code, text}; `lost` {code, reason, retry, resume}: milliseconds until it is
 * tried again, and whether for the same session; `resumed` {connection}: that one goes on, and `resume-failed` {connection}: it is over;
 * `close` {code, reason}: it is not tried again; `unknown` {doId, field, value}: an update of an object that was
 * not declared; `error` {error}: what came could not be read.
 */
export class Connection extends EventTarget {
  /** @param {string} url @param {Options} options */
  constructor(url, options) {
    super();
    this.url = url;
    this.options = options;
    this.schema = new Schema(options.dc);
    /** `connecting`, `hello`, `ready`, `waiting` to try again, or `closed`. */
    this.state = 'connecting';
    /** What the client sees, owns or has declared, by doId. @type {Map<number, DistributedObject>} */
    this.objects = new Map();
    /** The open interests by number. @type {Map<number, Interest>} */
    this.interests = new Map();
    /** Who waits for a DONE, by context and interest. @type {Map<string, Question>} */
    this.pending = new Map();
    /** @type {Map<number, DistributedObject>} */ this.declared = new Map();
    /** @type {Uint8Array[]} */ this.unsent = [];
    this.attempts = 0;
    this.lastContext = 0;
    this.lastInterest = 0xffff;
    /** @type {Ejected | undefined} */ this.ejected = undefined;
    /** With what we come back to the session. A secret. @type {Uint8Array | undefined} */ this.token = undefined;
    /** @type {Doubt | undefined} */ this.doubt = undefined;
    /** @type {any} */ this.socket = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */ this.retry = undefined;
    /** @type {ReturnType<typeof setInterval> | undefined} */ this.heart = undefined;
    /** The first `ready`; fails if there will be none. @type {Promise<Connection>} */
    this.ready = new Promise((resolve, reject) => {
      this.addEventListener('ready', () => resolve(this), { once: true });
      this.addEventListener('close', () => reject(this.ejected ?? new Error('the connection was closed')), { once: true });
    });
    this.ready.catch(() => {});
    this.open();
  }

  /** An object whose class is known without its entry, such as an UberDOG. @param {number} doId @param {string} className */
  declare(doId, className) {
    const object = this.objects.get(doId) ?? new DistributedObject(this, doId, this.schema.class(className));
    this.declared.set(doId, object);
    this.objects.set(doId, object);
    return object;
  }

  /** Opens an interest; done when all objects in it have entered. @param {number} parent @param {number | number[]} zones */
  async addInterest(parent, zones) {
    // A number is used again as late as possible: a server may still speak of the one before.
    do this.lastInterest = (this.lastInterest + 1) & 0xffff;
    while (this.interests.has(this.lastInterest));
    const interest = { id: this.lastInterest, parent, zones: [zones].flat() };
    const done = this.ask(interest.id, true, (context) => {
      const head = new Writer().u16(ADD_INTERESTS).u32(context).u16(interest.id).u32(parent).u16(interest.zones.length);
      return interest.zones.reduce((datagram, zone) => datagram.u32(zone), head);
    });
    this.interests.set(interest.id, interest);
    await done;
    return interest;
  }

  /** Closes an interest; done when all objects that are in no other have left. @param {Interest} interest */
  async removeInterest(interest) {
    if (this.interests.get(interest.id) !== interest) throw new Error(`the interest ${interest.id} is not open`);
    const done = this.ask(interest.id, false, (context) => new Writer().u16(REMOVE_INTEREST).u32(context).u16(interest.id));
    this.interests.delete(interest.id);
    await done;
  }

  /** Says goodbye, and does not come back. */
  close() {
    if (this.state === 'closed') return;
    if (this.state === 'ready') {
      this.transmit(new Writer().u16(DISCONNECT).bytes());
      this.flush();
    }
    this.end(1000, '', 1000);
  }

  /** @param {number} interest @param {boolean} opens @param {(context: number) => Writer} write @returns {Promise<void>} */
  ask(interest, opens, write) {
    const context = (this.lastContext = (this.lastContext + 1) >>> 0);
    const datagram = write(context).bytes();
    this.transmit(datagram);
    return new Promise((done, lost) =>
      this.pending.set(`${context} ${interest}`, { done, lost, interest, opens, datagram }));
  }

  /** @param {string} type @param {any} detail */
  emit(type, detail) { this.dispatchEvent(new DonetEvent(type, detail)); }

  open() {
    this.state = 'connecting';
    this.ejected = undefined;
    const Socket = this.options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new Error('there is no WebSocket here: give one as the option `WebSocket`, such as that of npm\'s `ws`');
    const socket = new Socket(this.url, this.options.frames === false ? [] : [FRAMES]);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    // Only the socket in use is listened to: what an old one has to say is over.
    socket.onopen = () => socket === this.socket && (this.token ? this.comeBack(this.token) : this.hello());
    socket.onmessage = (/** @type {{data: any}} */ { data }) => socket === this.socket && this.receive(data);
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) =>
      socket === this.socket && this.lose(code, reason);
    // A close follows, and says as much.
    socket.onerror = () => {};
  }

  hello() {
    this.state = 'hello';
    const version = encoder.encode(this.options.version);
    this.transmit(new Writer().u16(HELLO).u32(this.schema.hash).u16(version.length).append(version).bytes());
  }

  /** Asks for the session that we had. @param {Uint8Array} token */
  comeBack(token) {
    this.state = 'hello';
    this.transmit(new Writer().u16(RESUME).u16(token.length).append(token).bytes());
  }

  /** Sends a datagram, together with what else is sent at this time. @param {Uint8Array} datagram */
  transmit(datagram) {
    if (this.state !== 'ready' && this.state !== 'hello') throw new Error(`the connection is not ready, but ${this.state}`);
    if (datagram.length > 0xffff) throw new RangeError(`${datagram.length} bytes are more than a message holds`);
    if (this.unsent.push(datagram) === 1) queueMicrotask(() => this.flush());
  }

  flush() {
    const datagrams = this.unsent.splice(0);
    if (this.socket?.readyState !== 1) return;
    if (this.socket.protocol !== FRAMES) return datagrams.forEach((datagram) => this.socket.send(datagram));
    let message = new Writer();
    for (const datagram of datagrams) {
      if (message.length + 2 + datagram.length > MESSAGE_MAX) {
        this.socket.send(message.bytes());
        message = new Writer();
      }
      message.u16(datagram.length).append(datagram);
    }
    if (message.length > 0) this.socket.send(message.bytes());
  }

  /** @param {ArrayBuffer} data */
  receive(data) {
    try {
      const message = new Reader(new Uint8Array(data));
      if (this.socket.protocol !== FRAMES) return this.handle(message);
      while (message.left > 0 && this.state !== 'closed') this.handle(new Reader(message.bytes(message.u16())));
    } catch (error) {
      // Nobody knows what else would be misunderstood: another try would end in the same way.
      this.emit('error', { error });
      this.end(3000, String(error), 3000);
    }
  }

  /** @param {Reader} datagram */
  handle(datagram) {
    const type = datagram.u16();
    switch (type) {
      case HELLO_RESP: this.welcome(); break;
      case EJECT: this.eject(datagram.u16(), decoder.decode(datagram.bytes(datagram.u16()))); break;
      case SET_FIELD: this.update(datagram.u32(), datagram, 1); break;
      case SET_FIELDS: this.update(datagram.u32(), datagram, datagram.u16()); break;
      case ENTER: case ENTER_OWNER: this.enter(datagram, false, type === ENTER_OWNER); break;
      case ENTER_OTHER: case ENTER_OTHER_OWNER: this.enter(datagram, true, type === ENTER_OTHER_OWNER); break;
      case LEAVING: case LEAVING_OWNER: this.leave(datagram.u32(), type === LEAVING_OWNER); break;
      case LOCATION: this.relocate(datagram.u32(), datagram.u32(), datagram.u32()); break;
      case ADD_INTEREST: case ADD_INTERESTS: this.opened(type, datagram); break;
      case REMOVE_INTEREST: this.closed(datagram); break;
      case DONE_INTEREST: this.done(`${datagram.u32()} ${datagram.u16()}`); break;
      case RESUME_TOKEN: this.offered(datagram); break;
      case RESUME_RESP: this.isBack(datagram.bytes(1)[0] === 1, datagram); break;
      case RESUME_DONE: this.allTold(); break;
      default: fail(`there is no message ${type}`);
    }
    datagram.end();
  }

  welcome() {
    this.isReady();
    if (this.options.resume) this.transmit(new Writer().u16(RESUME_ASK).bytes());
    this.emit('ready', { connection: this });
  }

  isReady() {
    this.state = 'ready';
    this.attempts = 0;
    const every = this.options.heartbeat ?? 10000;
    if (every > 0) this.heart = setInterval(() => this.transmit(new Writer().u16(HEARTBEAT).bytes()), every);
  }

  /** With what we can come back. For how long it is good the server knows: who is too late is told so. @param {Reader} datagram */
  offered(datagram) {
    const token = datagram.bytes(datagram.u16()).slice();
    datagram.u32();
    this.token = token.length > 0 ? token : undefined;
  }

  /** Whether we are in the session that we had. Then we hold all that we know for doubtful. @param {boolean} back @param {Reader} datagram */
  isBack(back, datagram) {
    this.offered(datagram);
    if (!back) {
      this.forget();
      this.emit('resume-failed', { connection: this });
      // A listener may have closed it.
      if (this.state === 'hello') this.hello();
      return;
    }
    /** @param {'visible' | 'owned'} tie */
    const tied = (tie) => new Set([...this.objects.values()].filter((object) => object[tie]).map(({ doId }) => doId));
    const [interests, pending] = [[...this.interests.values()], new Map(this.pending)];
    this.doubt = { visible: tied('visible'), owned: tied('owned'), interests, pending, open: new Set() };
    this.isReady();
    // From our next word on the token before is no good any more.
    this.transmit(new Writer().u16(HEARTBEAT).bytes());
  }

  /** What we have not been told again is gone; what we have asked for and the server does not know, we ask for again. */
  allTold() {
    const doubt = this.doubt;
    if (!doubt) return;
    this.doubt = undefined;
    for (const doId of doubt.visible) this.leave(doId, false);
    for (const doId of doubt.owned) this.leave(doId, true);
    const asked = [...doubt.pending].filter(([name, question]) => this.pending.get(name) === question);
    for (const interest of doubt.interests) {
      const isAsked = asked.some(([, question]) => question.interest === interest.id);
      if (isAsked || doubt.open.has(interest.id) || this.interests.get(interest.id) !== interest) continue;
      this.interests.delete(interest.id);
      this.emit('interest', { interest, open: false });
    }
    // A listener may have closed it.
    if (this.state !== 'ready') return;
    for (const [name, { interest, opens, datagram }] of asked) {
      if (doubt.open.has(interest) === opens) {
        this.done(name);
        continue;
      }
      if (opens) doubt.open.add(interest);
      else doubt.open.delete(interest);
      this.transmit(datagram);
    }
    this.emit('resumed', { connection: this });
  }

  /** @param {number} code @param {string} text */
  eject(code, text) {
    this.ejected = new Ejected(code, text);
    this.emit('eject', { code, text });
  }

  /** @param {Reader} datagram @param {boolean} hasOther @param {boolean} owner */
  enter(datagram, hasOther, owner) {
    const doId = datagram.u32();
    const [parent, zone] = [datagram.u32(), datagram.u32()];
    const dclass = this.schema.classById(datagram.u16());
    let known = this.objects.get(doId);
    const isAgain = this.doubt?.[owner ? 'owned' : 'visible'].delete(doId);
    if (isAgain && known) {
      if (known.dclass === dclass) return this.again(known, { parent, zone }, datagram, hasOther, owner);
      // Another object has its id.
      for (const owned of [false, true]) {
        this.doubt?.[owned ? 'owned' : 'visible'].delete(doId);
        if (owned ? known.owned : known.visible) this.leave(doId, owned);
      }
      known = undefined;
    }
    const object = known?.dclass === dclass ? known : new DistributedObject(this, doId, dclass);
    Object.assign(object, { parent, zone }, owner ? { owned: true } : { visible: true });
    for (const field of dclass.shown(owner)) this.store(object, field, this.value(object, field, datagram));
    for (let left = hasOther ? datagram.u16() : 0; left > 0; left--) {
      const field = this.schema.field(datagram.u16());
      this.store(object, field, this.value(object, field, datagram));
    }
    this.objects.set(doId, object);
    this.emit('enter', { object, owner });
  }

  /**
   * We are told again what we know: only what differs is news.
   * @param {DistributedObject} object @param {{parent: number, zone: number}} at @param {Reader} datagram
   * @param {boolean} hasOther @param {boolean} owner
   */
  again(object, at, datagram, hasOther, owner) {
    /** @type {[Field, Value][]} */
    const values = object.dclass.shown(owner).map((field) => [field, this.value(object, field, datagram)]);
    for (let left = hasOther ? datagram.u16() : 0; left > 0; left--) {
      const field = this.schema.field(datagram.u16());
      values.push([field, this.value(object, field, datagram)]);
    }
    if (object.parent !== at.parent || object.zone !== at.zone) this.relocate(object.doId, at.parent, at.zone);
    for (const [field, value] of values) {
      if (!equal(object.fields[field.name], value)) this.tell(object, field, value);
    }
  }

  /** @param {DistributedObject | undefined} object @param {Field} field @param {Reader} datagram @returns {Value} */
  value(object, field, datagram) {
    try {
      return unpackField(this.schema, datagram, field);
    } catch (error) {
      const className = object?.className ?? this.schema.entries[field.class]?.name;
      throw new Error(`${className}.${field.name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Notes a value; of a molecular field those of its parts. @param {DistributedObject} object @param {Field} field @param {Value} value */
  store(object, field, value) {
    this.schema.partsOf(field).forEach((part, index) => this.store(object, part, value[index]));
    if (!field.parts) object.fields[field.name] = value;
  }

  /** @param {number} doId @param {Reader} datagram @param {number} count */
  update(doId, datagram, count) {
    const object = this.objects.get(doId);
    for (; count > 0; count--) {
      const field = this.schema.field(datagram.u16());
      const value = this.value(object, field, datagram);
      if (object) this.tell(object, field, value);
      else this.emit('unknown', { doId, field: field.name, value });
    }
  }

  /** A molecular field's parts are told of one by one, then itself. @param {DistributedObject} object @param {Field} field @param {Value} value */
  tell(object, field, value) {
    this.schema.partsOf(field).forEach((part, index) => this.tell(object, part, value[index]));
    this.store(object, field, value);
    for (const callback of [...(object.listeners.get(field.name) ?? [])]) {
      // What a game's code does wrong is not the connection's end.
      try {
        if (field.type) callback(value);
        else callback(...value);
      } catch (error) {
        this.emit('error', { error });
      }
    }
    this.emit('update', { object, field: field.name, value });
  }

  /** @param {number} doId @param {boolean} owner */
  leave(doId, owner) {
    const object = this.objects.get(doId);
    if (!object) return;
    this.doubt?.[owner ? 'owned' : 'visible'].delete(doId);
    object[owner ? 'owned' : 'visible'] = false;
    if (!object.owned && !object.visible && !this.declared.has(doId)) this.objects.delete(doId);
    this.emit('leave', { object, owner });
  }

  /** @param {number} doId @param {number} parent @param {number} zone */
  relocate(doId, parent, zone) {
    const object = this.objects.get(doId);
    if (!object) return;
    Object.assign(object, { parent, zone });
    this.emit('location', { object, parent, zone });
  }

  /** A server has opened an interest. @param {number} type @param {Reader} datagram */
  opened(type, datagram) {
    const [, id, parent] = [datagram.u32(), datagram.u16(), datagram.u32()];
    const count = type === ADD_INTEREST ? 1 : datagram.u16();
    const interest = { id, parent, zones: Array.from({ length: count }, () => datagram.u32()) };
    if (this.doubt) {
      this.doubt.open.add(id);
      // What we have opened, or are closing, is no news.
      const known = this.interests.get(id);
      const isSame = known && known.parent === parent && equal([...new Set(known.zones)].sort(), [...interest.zones].sort());
      if (isSame || [...this.doubt.pending.values()].some((question) => question.interest === id)) return;
    }
    this.interests.set(id, interest);
    this.emit('interest', { interest, open: true });
  }

  /** A server has closed one. @param {Reader} datagram */
  closed(datagram) {
    const [, id] = [datagram.u32(), datagram.u16()];
    const interest = this.interests.get(id) ?? { id, parent: 0, zones: [] };
    this.interests.delete(id);
    this.emit('interest', { interest, open: false });
  }

  /** Servers' contexts are their own, and may be in use here: then not for the same interest. @param {string} question */
  done(question) {
    this.pending.get(question)?.done();
    this.pending.delete(question);
  }

  /** The socket has closed. @param {number} code @param {string} reason */
  lose(code, reason) {
    // A reason may be all that is left of an eject.
    if (code >= 4000 && !this.ejected) this.eject(code - 4000, reason);
    // A listener may have closed it, here and below.
    if (this.state === 'closed') return;
    // Before it has looked at our token a full server takes us for somebody else, who has to go.
    const isFull = this.state === 'hello' && this.token !== undefined && this.ejected?.code === EJECT_GENERIC;
    const isTried = !this.ejected || this.ejected.code === EJECT_RESTART || isFull;
    const back = this.options.reconnect !== false && isTried;
    // A server that closes without a word has nothing against us, but does not want us either.
    if (!back || code === 1000) return this.end(code, reason);
    // The session is still there; or not, but then we are told so.
    const resume = (!this.ejected || isFull) && this.token !== undefined;
    this.state = 'waiting';
    if (resume) this.suspend();
    else this.forget();
    if (this.state !== 'waiting') return;
    const { first = 500, most = 30000 } = this.options.reconnect || {};
    // Not all players come back at the same moment.
    const delay = Math.round(Math.min(most, first * 2 ** this.attempts++) * (0.5 + Math.random() / 2));
    this.retry = setTimeout(() => this.open(), delay);
    this.emit('lost', { code, reason, retry: delay, resume });
  }

  /** Nothing comes after this. @param {number} code @param {string} reason @param {number} [farewell] to an open socket */
  end(code, reason, farewell) {
    this.state = 'closed';
    clearTimeout(this.retry);
    if (farewell) this.socket?.close(farewell);
    this.socket = undefined;
    this.forget();
    this.emit('close', { code, reason });
  }

  /** What belongs to the connection goes with it. */
  suspend() {
    clearInterval(this.heart);
    this.unsent = [];
    this.doubt = undefined;
  }

  /** All that belonged to the session goes with it. */
  forget() {
    this.suspend();
    this.token = undefined;
    this.interests.clear();
    const error = this.ejected ?? new Error('the connection was lost');
    for (const { lost } of this.pending.values()) lost(error);
    this.pending.clear();
    for (const object of [...this.objects.values()]) {
      if (object.visible) this.leave(object.doId, false);
      if (object.owned) this.leave(object.doId, true);
    }
  }
}

/** Connects to a client agent's `websocket`. @param {string} url `wss://play.example.com:7196/` @param {Options} options */
export const connect = (url, options) => new Connection(url, options);
