// A daemon for the page alone: it answers as API.md says, with an invented world, and is slow, away or cross when told to.
//
//     node mock.mjs [--port 8088] [--users]
//
// Users are alice (operate) and victor (view), both with the password `correct horse`.

import { createHash } from 'node:crypto';
import { readFileSync, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { CLIENTS, DISTRICTS, OBJECTS, ago, classes, clientAt, fieldsOf, findClient, findObject, gone, links, messages, mix, nameOf, objectAt, started } from './mock-world.mjs';

const PAGE = join(dirname(fileURLToPath(import.meta.url)), '../../src/console/page');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.md': 'text/plain; charset=utf-8' };
const HEADERS = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache',
};
const USERS = { alice: 'operate', victor: 'view' };
const PASSWORD = 'correct horse';
const compressed = new Map();
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const refuse = (status, code, message, more) => Object.assign(new Error(message), { status, code, more });
const missing = (what) => refuse(404, 'not_found', what);

/** The items of a record, newest first, and who listens to it. */
const record = (items) => ({ items, next: BigInt(items.length + 1) });

function logLine(number, seconds) {
  const some = mix(number);
  const client = String(1_000_000_000 + (some % 10_000));
  const lines = [
    ['info', 'message_director', 'link named', { peer: '10.20.0.13:40770', name: 'ai.copperfield' }],
    ['warning', 'client_agent', 'client ejected', { client, remote: `203.0.113.${some % 256}:51312`, reason: 124, text: 'Client version mismatch: client=1.3, server=1.4' }],
    ['security', 'client_agent', 'client ejected', { client, remote: `203.0.113.${some % 256}:40112`, reason: 118, text: 'the field setPurse may not be sent' }],
    ['warning', 'state_server', 'no such class', { doId: 100_012_000 + (some % 999), class: 77, sender: 200_002 }],
    ['error', 'database', 'the object could not be stored', { doId: 100_000_042, error: 'database is locked' }],
    ['info', 'client_agent', 'certificate read again', { file: '/etc/donet/tls/fullchain.pem' }],
    ['info', 'daemon', 'reload: nothing has changed <script>alert(1)</script>', {}],
    ['warning', 'message_director', 'a link takes what is sent to it slowly', { name: 'ai.copperfield', bytes: 812_000 }],
  ];
  const [level, part, message, fields] = lines[some % lines.length];
  return { seq: String(number), time: ago(seconds), level, part, message, fields };
}

function closed(number, seconds) {
  const some = mix(number * 3);
  const reasons = [['the client has closed the connection', null], ['no heartbeat for 60 s', 345], ['Client version mismatch: client=1.3, server=1.4', 124], ['the field setPurse may not be sent', 118], ['the connection was reset by the peer', null]];
  const [reason, code] = reasons[some % reasons.length];
  const link = some % 9 === 0;
  return { seq: String(number), time: ago(seconds), kind: link ? 'link' : 'client', address: `203.0.113.${some % 256}:${40_000 + (some % 9999)}`, name: link ? 'ai.saltmarsh' : '', channel: link ? null : String(1_000_000_000 + (some % 10_000)), reason: link ? 'the peer has closed the connection' : reason, code: link ? null : code, seconds: (some % 9000) + 0.4 };
}

function eventAt(number, seconds) {
  const some = mix(number * 5);
  const kinds = [['avatar-created', { avatar: 100_000_000 + (some % 99_999), name: nameOf(some), account: 100_400_012 }], ['purchase', { avatar: 100_023_411, item: 'lamp oil', count: 2, coins: '184467440737095' }], ['client-ejected', { reason: 345, channel: 1_000_000_412, text: 'no heartbeat' }], ['quest-done', { avatar: 100_077_120, quest: 5512, seconds: 340.5, party: [100_077_121, 100_077_122] }]];
  const [type, fields] = kinds[some % kinds.length];
  return { seq: String(number), time: ago(seconds), type, sender: `ai:${200_000 + (some % 6)}`, fields };
}

const newestFirst = (number, make, spread) => record(Array.from({ length: number }, (_, at) => make(number - at, at * spread + 2)));

export class Mock {
  constructor({ users = false } = {}) {
    this.users = users;
    this.role = 'operate';
    /** What it does wrong: `delay` in ms, `fail` a path and the error, `short` pages, `warnings`, `empty`. */
    this.trouble = { delay: 0, fail: {}, short: false, empty: false };
    this.sessions = new Map();
    this.level = 'info';
    this.stage = 'ready';
    this.wrong = 0;
    this.streams = new Set();
    this.sockets = new Set();
    this.sent = [];
    this.log = newestFirst(900, logLine, 17);
    this.closed = newestFirst(60, closed, 41);
    this.eventlog = newestFirst(300, eventAt, 23);
    this.audit = record([]);
    this.bans = [{ subject: '198.51.100.23', until: ago(-86_400 * 5), reason: 'an aimbot' }, { subject: '192.0.2.0/24', until: ago(-3600), reason: 'a flood' }, { subject: 'account 100400877', until: null, reason: 'sold an account' }];
    this.samples = Array.from({ length: 600 }, (_, at) => this.sample(Date.now() - (600 - at) * 1000));
    for (const [user, action, object, detail, ok] of [['alice', 'login', '', '', true], ['alice', 'eject', 'client 1000000412', '155 ejected by an operator', true], ['victor', 'reload', '', 'needs operate', false], ['alice', 'ban', '192.0.2.0/24', '1 h: a flood', true]]) this.note(user, action, object, detail, ok);
  }

  sample(time) {
    const t = time / 1000;
    const wave = (period, by = 1) => Math.sin((t * 2 * Math.PI) / period) * by;
    const noise = (by) => (mix(Math.floor(t) * 13 + by) % 1000) / 1000;
    const peak = Math.floor(t) % 173 < 4 ? 2.6 : 1;
    const routed = (21_000 + wave(420, 2400) + wave(47, 900) + noise(1) * 1500) * (peak > 1 ? 1.4 : 1);
    return {
      time: new Date(time).toISOString(), routed, delivered: routed * (4.1 + noise(2) * 0.4), clients: Math.round(9_400 + wave(900, 240) + noise(3) * 6), objects: Math.round(OBJECTS - 900 + wave(600, 700)), links: links.length,
      hold_p50_us: 9 + noise(4) * 3, hold_p99_us: (140 + noise(5) * 90) * peak, hold_max_us: 900 * peak, cpu: 0.62 + wave(420, 0.08) + noise(6) * 0.06, memory_bytes: 1_420_000_000 + wave(700, 24_000_000), queued_bytes: Math.round(noise(7) * 90_000),
    };
  }

  note(user, action, object, detail, ok) {
    this.add('audit', { seq: String(this.audit.next), time: ago(0), user, address: '127.0.0.1', action, object, detail, ok });
  }

  add(topic, item) {
    this[topic].next += 1n;
    this[topic].items.unshift(item);
    this.tell(topic, item);
  }

  tell(topic, item) {
    for (const stream of this.streams) if (stream.topics.includes(topic)) stream.response.write(`event: ${topic}\ndata: ${JSON.stringify(item)}\n\n`);
  }

  async start(port = 0) {
    this.server = createServer((request, response) => this.answer(request, response).catch((error) => this.fail(response, error)));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}/`;
    let turn = 0;
    this.timer = setInterval(() => {
      const sample = this.sample(Date.now());
      this.samples = [...this.samples.slice(1), sample];
      this.tell('overview', sample);
      turn += 1;
      if (turn % 3 === 0) this.add('log', logLine(Number(this.log.next) + turn, 0));
      if (turn % 11 === 0) this.add('closed', closed(Number(this.closed.next) + turn, 0));
      if (turn % 7 === 0) this.add('eventlog', eventAt(Number(this.eventlog.next) + turn, 0));
    }, 1000);
    return this;
  }

  async stop() {
    clearInterval(this.timer);
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  fail(response, error) {
    // Whoever asked has gone, as one does who changes a filter.
    if (error.code === 'ECONNRESET') return;
    if (!error.status) console.error(error);
    response.writeHead(error.status ?? 500, { ...HEADERS, 'content-type': 'application/json', ...error.more });
    response.end(JSON.stringify({ error: { code: error.code ?? 'bug', message: error.message } }));
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    if (!url.pathname.startsWith('/api/v1/')) return this.file(url.pathname, request, response);
    const where = url.pathname.slice('/api/v1/'.length);
    const failing = this.trouble.fail[where] ?? this.trouble.fail['*'];
    if (this.trouble.delay) await wait(this.trouble.delay);
    if (failing) throw refuse(...failing);
    let text = '';
    for await (const part of request) text += part;
    const body = text ? JSON.parse(text) : {};
    const viewer = this.viewer(request);
    if (where === 'session') return this.session(request, response, body, viewer);
    if (!viewer) throw refuse(401, 'unauthorized', 'log in first');
    if (where === 'events') return this.stream(url, request, response);
    if (request.method !== 'GET' && viewer.role !== 'operate') throw refuse(403, 'forbidden', 'this needs the role operate');
    if (request.method !== 'GET' && this.users && request.headers['x-csrf-token'] !== viewer.csrf) throw refuse(403, 'forbidden', 'the CSRF token is missing');
    const query = Object.fromEntries(url.searchParams);
    const parts = where.split('/').map(decodeURIComponent);
    const found = request.method === 'GET' ? this.read(parts, query) : this.act(request.method, parts, body, viewer);
    const [status, json] = Array.isArray(found) ? found : [200, found];
    response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' });
    response.end(json === undefined ? undefined : JSON.stringify(json));
  }

  file(pathname, request, response) {
    const name = pathname === '/' ? 'index.html' : normalize(pathname).replace(/^\/page\//, '');
    const path = join(PAGE, name);
    if (!existsSync(path) || !statSync(path).isFile()) throw missing('there is no such file');
    const content = readFileSync(path);
    const etag = `"${createHash('sha1').update(content).digest('hex')}"`;
    const headers = { ...HEADERS, etag, 'content-type': TYPES[extname(name)] ?? 'text/plain; charset=utf-8' };
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, headers).end();
    if (!compressed.has(etag)) compressed.set(etag, gzipSync(content));
    response.writeHead(200, { ...headers, 'content-encoding': 'gzip' });
    return response.end(compressed.get(etag));
  }

  viewer(request) {
    if (!this.users) return { name: null, role: this.role, csrf: null };
    const token = /(?:^|; )donet=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    return this.sessions.get(token) ?? null;
  }

  session(request, response, { name, password }, viewer) {
    const json = (status, value, more = {}) => response.writeHead(status, { ...HEADERS, 'content-type': 'application/json', ...more }).end(value === undefined ? undefined : JSON.stringify(value));
    if (request.method === 'POST') {
      if (this.wrong >= 10) throw refuse(429, 'too_many', 'too many wrong tries', { 'retry-after': '42' });
      if (!Object.hasOwn(USERS, name) || password !== PASSWORD) {
        this.wrong += 1;
        throw refuse(401, 'unauthorized', 'no such name and password');
      }
      const token = `t${Math.random().toString(36).slice(2)}`;
      this.sessions.set(token, { name, role: USERS[name], csrf: `c${token}` });
      return json(200, { name, role: USERS[name], csrf: `c${token}` }, { 'set-cookie': `donet=${token}; HttpOnly; SameSite=Strict; Path=/` });
    }
    if (!viewer) throw refuse(401, 'unauthorized', 'log in first');
    if (request.method === 'DELETE') {
      for (const [token, session] of this.sessions) if (session === viewer) this.sessions.delete(token);
      return json(204);
    }
    return json(200, { ...viewer, login: this.users, plain: this.plain ?? false });
  }

  stream(url, request, response) {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    const stream = { response, topics: (url.searchParams.get('topics') ?? '').split(',') };
    this.streams.add(stream);
    request.on('close', () => this.streams.delete(stream));
  }

  /** A page of what is reckoned by numbers: at most so many are looked at for one page. */
  scan(total, make, fits, { limit = 100, after }, look = 4096) {
    let at = Number(after ?? 0);
    const end = Math.min(total, at + (this.trouble.short ? 7 : look));
    const items = [];
    while (at < end && items.length < Number(limit)) {
      const item = make(at);
      at += 1;
      if (item && fits(item)) items.push(item);
    }
    return { items, next: at < total ? String(at) : null };
  }

  page(items, { limit = 100, after }) {
    const at = after === undefined ? 0 : items.findIndex(({ seq }) => BigInt(seq) < BigInt(after));
    if (at < 0) return { items: [], next: null };
    const some = items.slice(at, at + Number(limit));
    return { items: some, next: at + some.length < items.length ? some.at(-1).seq : null };
  }

  read([what, id, more], query) {
    const nothing = { items: [], next: null };
    switch (what) {
      case 'overview': return this.overview();
      case 'history': return { step_seconds: 1, samples: this.samples };
      case 'links': return this.trouble.empty ? nothing : { items: links, next: null };
      case 'clients': return id ? this.client(id) : this.trouble.empty ? nothing : this.scan(CLIENTS, (at) => (gone.has(clientAt(at).allocated) ? null : clientAt(at)), (client) => (!query.state || client.state === query.state) && (!query.address || client.address.includes(query.address)) && (!query.q || client.channel.includes(query.q) || client.address.includes(query.q)), query);
      case 'objects': return id ? this.object(Number(id)) : this.trouble.empty ? nothing : this.scan(OBJECTS, objectAt, (object) => (!query.class || object.class === query.class) && (!query.parent || object.parent === Number(query.parent)) && (!query.zone || object.zone === Number(query.zone)), query);
      case 'places': return this.trouble.empty ? nothing : this.places(query);
      case 'classes': return { classes: this.trouble.empty ? classes.map((one) => ({ ...one, objects: 0 })) : classes };
      case 'messages': return { messages };
      case 'channels': return this.channel(id);
      case 'database': return this.stored(Number(id));
      case 'log': return id === 'level' ? { level: this.level } : this.page(this.log.items.filter((line) => this.fits(line, query)), query);
      case 'eventlog': case 'closed': case 'audit':
        if (what === 'eventlog' && this.trouble.empty) throw refuse(404, 'no_event_logger', 'this daemon has no event logger');
        return this.trouble.empty ? nothing : this.page(this[what].items, query);
      case 'queues': return { items: this.trouble.empty ? [] : this.queues() };
      case 'bans': return this.trouble.empty ? { items: [], configured: false } : { items: this.bans, configured: true };
      default: throw missing(`there is no ${what} ${more ?? ''}`);
    }
  }

  fits(line, { level, q }) {
    const levels = ['fatal', 'error', 'security', 'warning', 'info', 'debug', 'trace'];
    return (!level || levels.indexOf(line.level) <= levels.indexOf(level)) && (!q || JSON.stringify(line).toLowerCase().includes(q.toLowerCase()));
  }

  overview() {
    const now = this.samples.at(-1);
    const quiet = this.trouble.empty;
    return {
      daemon: { name: 'shard-1', version: '0.1.0', pid: 31_337, started, uptime_seconds: (Date.now() - Date.parse(started)) / 1000, stage: this.stage, threads: 8, config: '/etc/donet/cluster.yml', log_level: this.level },
      dc: { files: ['game.dc', 'uberdog.dc'], hash: '0x0a1b2c3d', astron_hash: '0x7e57ab1e', classes: classes.length, fields: 140 },
      roles: quiet ? [] : [
        { id: 0, kind: 'client_agent', name: 'client agent', address: '0.0.0.0:7198', channel: null, type: 'libastron', clients: now.clients, objects: 0 },
        { id: 1, kind: 'state_server', name: 'state server', address: null, channel: '4001', type: null, clients: 0, objects: now.objects },
        { id: 2, kind: 'database', name: 'database', address: null, channel: '4003', type: null, clients: 0, objects: 412_004 },
        { id: 3, kind: 'db_state_server', name: 'database-state server', address: null, channel: null, type: null, clients: 0, objects: 9_214 },
        { id: 4, kind: 'event_logger', name: 'event logger', address: '127.0.0.1:7197', channel: null, type: null, clients: 0, objects: 0 }],
      counts: { clients: now.clients - gone.size, objects: now.objects, links: links.length }, totals: { routed: '1893448120044', delivered: '8123448120044123' }, now,
      warnings: quiet ? [] : [
        { id: 'slow-link', severity: 'warning', title: 'The link ai.copperfield takes what is sent to it slowly', detail: '812 kB have been waiting for it for 40 s', action: 'look whether the AI keeps up; from 64 MB on the link is closed', href: '#/queues' },
        { id: 'certificate-expiry', severity: 'critical', title: 'The certificate of 0.0.0.0:7196 ends in 2 days', detail: '/etc/donet/tls/fullchain.pem is good until 30 November', action: 'renew it: it is read again by itself', href: null }],
      daemons: quiet ? [] : [{ name: 'gateway-2', console: 'http://10.20.1.2:7180/', link: '7' }, { name: 'gateway-3', console: null, link: '8' }, { name: 'director.core', console: 'http://10.20.2.1:7180/', link: '0' }],
    };
  }

  client(channel) {
    const found = findClient(channel);
    if (!found) throw missing(`there is no client ${channel}`);
    const { client, index } = found;
    const sees = Array.from({ length: Math.min(40, client.objects) }, (_, at) => ({ ...objectAt(6 + ((index * 97 + at * 13) % (OBJECTS - 6))), owned: at === 0 }));
    return { ...client, open_interests: Array.from({ length: client.interests }, (_, at) => ({ id: at === 2 ? null : at, parent: DISTRICTS[(index + at) % 6].id, zones: Array.from({ length: 1 + ((index + at) % 30) }, (_, zone) => 1000 + zone * 100) })), sees, sees_more: client.objects - sees.length, channels: [client.allocated, '10', String(100_000_000 + index)], channels_more: index % 4, post_removes: index % 3 };
  }

  object(doId) {
    const object = findObject(doId);
    if (!object) throw missing(`no object ${doId} is here`);
    const district = object.class === 'DistributedDistrict';
    return { ...object, class_id: classes.find(({ name }) => name === object.class).id, where: 'here', fields: fieldsOf(object.class, doId, ['ram', 'required']), children: district ? 166_000 : null, location_channel: (BigInt(object.parent) * 4294967296n + BigInt(object.zone)).toString(), watchers: [{ kind: 'link', name: 'ai.larkspur', channel: null, link: '2' }, ...Array.from({ length: mix(doId) % 5 }, (_, at) => ({ kind: 'client', name: '', channel: String(1_000_000_000 + (mix(doId + at) % 9999)), link: null }))], watchers_more: mix(doId) % 9 };
  }

  places({ parent, limit, after }) {
    if (parent === undefined) return { items: [{ parent: 4000, objects: DISTRICTS.length }, ...DISTRICTS.map(({ id }, at) => ({ parent: id, objects: 166_000 - at * 21_000 }))], next: null };
    if (Number(parent) === 4000) return { items: [{ parent: 4000, zone: 1, objects: DISTRICTS.length }], next: null };
    return this.scan(40, (at) => ({ parent: Number(parent), zone: 1000 + at * 100, objects: 900 + (mix(at + Number(parent)) % 6000) }), () => true, { limit, after });
  }

  channel(channel) {
    const number = BigInt(channel);
    const means = number === 10n ? 'all clients' : number === 4001n ? 'state server' : number >> 32n ? `zone ${number & 0xffffffffn} of ${number >> 32n}` : findClient(channel) ? 'a client' : findObject(Number(number)) ? `DistributedObject ${number}` : 'nothing that is known';
    const listeners = number === 999n ? [] : [{ kind: 'role', name: 'state server', by: 'range', channel: null, link: null }, { kind: 'link', name: 'ai.larkspur', by: 'channel', channel: null, link: '2' }, { kind: 'client', name: '', by: 'channel', channel: '1000000017', link: null }];
    return { channel: number.toString(), means, listeners, listeners_more: number === 10n ? 9_397 : 0, post_removes: 2 };
  }

  stored(doId) {
    if (doId % 10 === 9) throw missing(`no database has an object ${doId}`);
    const name = doId >= 100_400_000 && doId < 100_500_000 ? 'Account' : 'DistributedPlayer';
    return { do_id: doId, class: name, class_id: 3, database: '4003', fields: fieldsOf(name, doId, ['db']) };
  }

  queues() {
    const items = [{ kind: 'link', id: '3', name: 'ai.copperfield', address: '10.20.0.13:40770', queue_bytes: 812_000 }];
    for (let at = 0; at < CLIENTS && items.length < 50; at++) {
      const client = clientAt(at);
      if (client.queue_bytes > 1000) items.push({ kind: 'client', channel: client.channel, name: '', address: client.address, queue_bytes: client.queue_bytes });
    }
    return items.sort((a, b) => b.queue_bytes - a.queue_bytes);
  }

  act(method, [what, id, deed, name], body, viewer) {
    const key = `${method} ${[what, deed].filter(Boolean).join(' ')}`;
    const done = (action, object, detail, answer) => {
      this.note(viewer.name, action, object, detail, true);
      return answer;
    };
    switch (key) {
      case 'POST clients eject': {
        const found = findClient(id);
        if (!found) throw missing(`there is no client ${id}`);
        gone.add(found.client.allocated);
        return done('eject', `client ${id}`, `${body.code} ${body.reason}`, [204]);
      }
      case 'POST links close': return done('close', `link ${id}`, body.reason, [204]);
      case 'PUT objects fields':
        if (!/^\(.*\)$/s.test(body.value)) throw refuse(400, 'bad_request', 'value: 1:1: expected `(`');
        return done('set field', `object ${id}`, `${name} ${body.value}`, [202]);
      case 'PUT log': {
        const before = this.level;
        this.level = body.level;
        return done('log level', '', body.level, { level: body.level, before });
      }
      case 'POST bans':
        if (body.subject === '0.0.0.0/0' && !body.force) throw refuse(409, 'conflict', '0.0.0.0/0 is not banned: that is everybody; `--force` bans it all the same');
        this.bans = [...this.bans, { subject: body.subject, until: body.seconds ? ago(-body.seconds) : null, reason: body.reason }];
        return done('ban', body.subject, body.reason, { said: [`${body.subject} is banned`] });
      case 'DELETE bans':
        this.bans = this.bans.filter(({ subject }) => subject !== id);
        return done('unban', id, '', { said: [`${id} is not banned any more`] });
      case 'POST drain':
        this.stage = 'draining';
        return done('drain', '', `${body.grace_seconds} s`, [202, { said: [`draining: 9403 clients may stay for ${body.grace_seconds} s at most`] }]);
      case 'POST reload': return done('reload', '', '', { said: ['read again: the log level, 2 certificates'], complained: [] });
      case 'POST datagrams':
        this.sent.push(body);
        return done('datagram', body.channels.join(' '), body.message, [202, { bytes: 24 + JSON.stringify(body.arguments).length }]);
      default: throw refuse(405, 'method', `${key} is not there`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = process.argv.indexOf('--port');
  const mock = await new Mock({ users: process.argv.includes('--users') }).start(port > 0 ? Number(process.argv[port + 1]) : 8088);
  console.log(mock.url);
}
