// The game's own server, as small as the tests need it: a link to the message director that lets players in,
// makes objects and does what the tests ask for.

import { once } from 'node:events';
import { connect } from 'node:net';

import { LOGIN_MANAGER, STATE_SERVER } from './daemon.mjs';

export const ROOM = 5000;
const CHANNEL = 200000;
const ADD_CHANNEL = 9000;
const SET_STATE = 1000, CA_EJECT = 1004, CA_DROP = 1005, CA_ADD_INTEREST = 1200, CA_REMOVE_INTEREST = 1203;
const CREATE = 2000, CREATE_OTHER = 2001, SET_FIELD = 2020, SET_FIELDS = 2021, DELETE = 2032;
const SET_LOCATION = 2040, GET_LOCATION = 2044, GOT_LOCATION = 2045, SET_AI = 2050, SET_OWNER = 2060;

const u8 = (value) => Buffer.from([value]);
const u16 = (value) => { const bytes = Buffer.alloc(2); bytes.writeUInt16LE(value); return bytes; };
const u32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(value); return bytes; };
const u64 = (value) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64LE(BigInt(value)); return bytes; };
const string = (text) => Buffer.concat([u16(Buffer.byteLength(text)), Buffer.from(text)]);

export class Ai {
  /** @param schema the DC files, for packing: the vectors say that this is right */
  constructor(schema) {
    this.schema = schema;
    /** Players' channels by the names that they have given. */
    this.players = new Map();
    /** Updates that came here, `NAME(VALUES)`. */
    this.received = [];
  }

  async connect(port) {
    this.buffer = Buffer.alloc(0);
    this.players.clear();
    this.socket = connect(port, '127.0.0.1');
    await once(this.socket, 'connect');
    this.socket.on('data', (data) => this.read(data));
    this.socket.on('error', () => {});
    for (const channel of [CHANNEL, LOGIN_MANAGER]) this.control(ADD_CHANNEL, u64(channel));
    this.send(STATE_SERVER, CREATE, u32(ROOM), u32(0), u32(0), u16(this.schema.class('Room').id));
    await this.settle(ROOM);
  }

  close() {
    this.socket.destroy();
  }

  write(...parts) {
    const datagram = Buffer.concat(parts);
    this.socket.write(Buffer.concat([u16(datagram.length), datagram]));
  }

  control(type, ...parts) {
    this.write(u8(1), u64(1), u16(type), ...parts);
  }

  send(channel, type, ...parts) {
    this.write(u8(1), u64(channel), u64(CHANNEL), u16(type), ...parts);
  }

  read(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    while (this.buffer.length >= 2 && this.buffer.length >= 2 + this.buffer.readUInt16LE()) {
      const end = 2 + this.buffer.readUInt16LE();
      this.handle(this.buffer.subarray(2, end));
      this.buffer = this.buffer.subarray(end);
    }
  }

  handle(datagram) {
    const at = 1 + 8 * datagram[0];
    const sender = datagram.readBigUInt64LE(at);
    const type = datagram.readUInt16LE(at + 8);
    if (type === GOT_LOCATION) return this.settled();
    if (type !== SET_FIELD) return;
    const doId = datagram.readUInt32LE(at + 10);
    const field = this.schema.field(datagram.readUInt16LE(at + 14));
    const value = this.schema.unpack(field, datagram.subarray(at + 16));
    if (doId === LOGIN_MANAGER) return this.logIn(sender, ...value);
    this.received.push(`${field.name}(${value})`);
  }

  /** Whoever has a name is let in. */
  logIn(channel, name) {
    if (name === '') return this.send(channel, CA_EJECT, u16(122), string('who are you?'));
    this.players.set(name, channel);
    this.send(channel, SET_STATE, u16(2));
  }

  value(name, value) {
    const field = this.schema.class('Avatar').field(name);
    return Buffer.concat([u16(field.id), this.schema.pack('Avatar', field, value)]);
  }

  /** An avatar with all its required values; with others, if it has a mood. */
  create(doId, zone, name, mood) {
    const required = { setName: [name], setPosition: [1.5, -2.5], setPurse: [12345678901234567890n] };
    const values = Object.entries(required).map(([field, value]) => this.value(field, value).subarray(2));
    const other = mood === undefined ? [] : [u16(1), this.value('setMood', [mood])];
    const type = mood === undefined ? CREATE : CREATE_OTHER;
    const head = [u32(doId), u32(ROOM), u32(zone), u16(this.schema.class('Avatar').id)];
    this.send(STATE_SERVER, type, ...head, ...values, ...other);
    this.send(doId, SET_AI, u64(CHANNEL));
    return this.settle(doId);
  }

  /** Done when the object has answered, and so has done all that it was told before. */
  settle(doId) {
    this.send(doId, GET_LOCATION, u32(0));
    return new Promise((resolve) => (this.settled = resolve));
  }

  set(doId, name, value) {
    this.send(doId, SET_FIELD, u32(doId), this.value(name, value));
  }

  /** Several fields in one message. */
  setAll(doId, values) {
    const packed = values.map(([name, value]) => this.value(name, value));
    this.send(doId, SET_FIELDS, u32(doId), u16(values.length), ...packed);
  }

  own(doId, player) {
    this.send(doId, SET_OWNER, u64(player === null ? 0 : this.players.get(player)));
  }

  move(doId, zone) {
    this.send(doId, SET_LOCATION, u32(ROOM), u32(zone));
  }

  delete(doId) {
    this.send(doId, DELETE, u32(doId));
  }

  eject(player, code, text) {
    this.send(this.players.get(player), CA_EJECT, u16(code), string(text));
  }

  drop(player) {
    this.send(this.players.get(player), CA_DROP);
  }

  openInterest(player, interest, zone) {
    this.send(this.players.get(player), CA_ADD_INTEREST, u16(interest), u32(ROOM), u32(zone));
  }

  closeInterest(player, interest) {
    this.send(this.players.get(player), CA_REMOVE_INTEREST, u16(interest));
  }
}
