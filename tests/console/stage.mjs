// What the pages are tested with: a daemon with users, the game's server on a link, a client that has been let in and sees an object, and
// a stored object.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join, dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Schema } from '../../docs/client/donet.js';
import { Ai, ROOM } from '../client/ai.mjs';
import { BINARY, Daemon, LOGIN_MANAGER, VERSION, exportDc } from '../client/daemon.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const DATABASE = 4003, OBJECT = 6001, ZONE = 7, LINK = 'ai.console', PASSWORD = 'correct horse battery staple', PLAYER = 'Ann';
const HELLO = 1, HELLO_RESP = 2, EJECT = 4, UPDATE = 120, ADD_INTEREST = 200, DONE_INTEREST = 204;
const DB_CREATE = 3000, DB_CREATED = 3001, SET_CON_NAME = 9012;

const u16 = (value) => { const bytes = Buffer.alloc(2); bytes.writeUInt16LE(value); return bytes; };
const u32 = (value) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(value); return bytes; };
const string = (text) => Buffer.concat([u16(Buffer.byteLength(text)), Buffer.from(text)]);

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** As the configuration wants it, by the daemon itself. */
function hashOf(password) {
  const { stdout, stderr, status } = spawnSync(BINARY, ['console', 'password'], { input: `${password}\n`, encoding: 'utf8' });
  if (status !== 0) throw new Error(`there is no hash of a password: ${stderr}`);
  return stdout.trim();
}

class ConsoleDaemon extends Daemon {
  async start() {
    this.web ??= await freePort();
    this.clients ??= await freePort();
    this.events ??= await freePort();
    this.hash ??= hashOf(PASSWORD);
    await super.start();
    while ((await fetch(`${this.page}readyz`).catch(() => null))?.status !== 200) {
      if (this.process.exitCode !== null) throw new Error(`the daemon has ended:\n${this.process.log}`);
      await wait(20);
    }
  }

  get page() {
    return `http://127.0.0.1:${this.web}/`;
  }

  configuration() {
    const plain = super.configuration();
    const [stateServer, agent] = plain.roles;
    return {
      ...plain,
      web: { bind: `127.0.0.1:${this.web}`, users: { alice: { password: this.hash, role: 'operate' }, victor: { password: this.hash, role: 'view' } } },
      general: { dc_files: [join(HERE, 'world.dc')], eventlogger: `127.0.0.1:${this.events}` },
      roles: [
        stateServer,
        { ...agent, bind: `127.0.0.1:${this.clients}`, client: { ...agent.client, heartbeat_timeout: 0 }, banlist: 'bans.txt' },
        { type: 'database', control: DATABASE, generate: { min: 100000000, max: 199999999 }, backend: { type: 'sqlite', file: 'world.sqlite' } },
        { type: 'eventlogger', bind: `127.0.0.1:${this.events}`, output: 'events.log' },
      ],
    };
  }
}

class ConsoleAi extends Ai {
  async connect(port) {
    await super.connect(port);
    this.control(SET_CON_NAME, string(LINK));
  }

  handle(datagram) {
    const at = 1 + 8 * datagram[0] + 8;
    if (datagram.readUInt16LE(at) === DB_CREATED) return this.stored(datagram.readUInt32LE(at + 6));
    return super.handle(datagram);
  }

  /** The doId of a new stored object. */
  store(name, values) {
    const dclass = this.schema.class(name);
    const packed = Object.entries(values).map(([field, value]) => Buffer.concat([u16(dclass.field(field).id), this.schema.pack(name, dclass.field(field), value)]));
    this.send(DATABASE, DB_CREATE, u32(1), u16(dclass.id), u16(packed.length), ...packed);
    return new Promise((resolve) => (this.stored = resolve));
  }
}

/** A player's client, by Astron's protocol over TCP. */
class Client {
  constructor(schema, dc) {
    Object.assign(this, { schema, dc, buffer: Buffer.alloc(0), waiting: new Map(), heard: [] });
  }

  async connect(port) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    await once(this.socket, 'connect');
    this.socket.on('data', (data) => this.read(data));
    this.closed = once(this.socket, 'close');
    this.send(HELLO, u32(this.dc.hash), string(VERSION));
    await this.next(HELLO_RESP);
    const manager = this.schema.class('LoginManager');
    const login = manager.field('login');
    this.send(UPDATE, u32(LOGIN_MANAGER), u16(login.id), this.schema.pack('LoginManager', login, [PLAYER]));
  }

  send(type, ...parts) {
    const datagram = Buffer.concat([u16(type), ...parts]);
    this.socket.write(Buffer.concat([u16(datagram.length), datagram]));
  }

  read(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    while (this.buffer.length >= 2 && this.buffer.length >= 2 + this.buffer.readUInt16LE()) {
      const end = 2 + this.buffer.readUInt16LE();
      const datagram = this.buffer.subarray(2, end);
      this.buffer = this.buffer.subarray(end);
      this.heard.push(datagram);
      this.waiting.get(datagram.readUInt16LE())?.(datagram);
    }
  }

  /** The first message of this kind, also if it has come already. */
  next(type) {
    const come = this.heard.find((datagram) => datagram.readUInt16LE() === type);
    return come ? Promise.resolve(come) : new Promise((resolve) => this.waiting.set(type, resolve));
  }
}

export class Stage {
  async open() {
    const dc = exportDc('../console/world.dc');
    const schema = new Schema(dc);
    this.daemon = new ConsoleDaemon();
    await this.daemon.start();
    this.ai = new ConsoleAi(schema);
    await this.ai.connect(this.daemon.messages);
    await this.ai.create(OBJECT, ZONE, 'Zed', 'glad');
    const stored = await this.ai.store('Account', { setUsername: ['ann'], setCoins: [12345678901234567890n] });
    this.client = new Client(schema, dc);
    await this.client.connect(this.daemon.clients);
    while (!this.ai.players.has(PLAYER)) await wait(10);
    this.client.send(ADD_INTEREST, u32(1), u16(1), u32(ROOM), u32(ZONE));
    await this.client.next(DONE_INTEREST);
    return {
      url: this.daemon.page, operator: 'alice', viewer: 'victor', password: PASSWORD,
      version: /\d+\.\d+\.\d+\S*/.exec(spawnSync(BINARY, ['--version'], { encoding: 'utf8' }).stdout)[0],
      client: String(this.ai.players.get(PLAYER)), object: { id: OBJECT, class: 'Avatar', parent: ROOM, field: 'setName', value: '("Zoe")' },
      stored: { id: stored, field: 'setUsername' }, channel: { number: '200000', listener: LINK }, link: LINK, log: 'message director listening', event: 'client-connected',
      changed: async () => {
        const update = await this.client.next(UPDATE);
        if (!update.includes('Zoe')) throw new Error(`the client has heard another update: ${update.toString('hex')}`);
      },
      ejected: async () => {
        const told = await this.client.next(EJECT);
        if (told.readUInt16LE(2) !== 155 || !told.includes('a test of the console')) throw new Error(`the client was told ${told.toString('hex')}`);
        await this.client.closed;
      },
    };
  }

  async close() {
    this.client?.socket?.destroy();
    this.ai?.close();
    await this.daemon.remove();
  }
}
