// What a real server does not do on demand: the client with a socket that the test plays.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connect, DonetEvent } from '../../docs/client/donet.js';
import { exportDc } from './daemon.mjs';

const dc = exportDc('world.dc');

class Socket {
  static all = [];
  sent = [];
  protocol = 'donet.frames';
  readyState = 0;
  constructor() {
    Socket.all.push(this);
  }
  send(bytes) {
    this.sent.push(Buffer.from(bytes).toString('hex'));
  }
  close(code) {
    this.closed = code;
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  receive(hex) {
    this.onmessage({ data: Uint8Array.from(Buffer.from(hex, 'hex')).buffer });
  }
  end(code, reason = '') {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}

/** A connection, and what it says happens. */
function play(t, others = {}) {
  Socket.all = [];
  const connection = connect('ws://test/', { dc, version: '1', WebSocket: Socket, ...others });
  t.after(() => connection.close());
  const events = [];
  for (const type of ['ready', 'eject', 'lost', 'close', 'error', 'unknown', 'update', 'enter', 'leave', 'location', 'interest', 'resumed', 'resume-failed']) {
    connection.addEventListener(type, ({ detail }) => events.push([type, detail]));
  }
  return { connection, events, types: () => events.map(([type]) => type) };
}

const WELCOME = '02000200';

test('who has said goodbye does not come back, however the socket ends', (t) => {
  const { connection, types } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  connection.close();
  assert.equal(Socket.all[0].closed, 1000);
  Socket.all[0].end(1006);
  assert.equal(connection.state, 'closed');
  assert.deepEqual(types(), ['ready', 'close']);
});

test('a client waits longer each time, up to the most', (t) => {
  const { connection, events } = play(t, { reconnect: { first: 100, most: 1000 } });
  for (const delay of [100, 200, 400, 800, 1000, 1000]) {
    Socket.all.at(-1).end(1006);
    const { retry } = events.at(-1)[1];
    assert.ok(retry >= delay / 2 && retry <= delay, `${retry} of ${delay}`);
    clearTimeout(connection.retry);
    connection.open();
  }
  Socket.all.at(-1).open();
  Socket.all.at(-1).receive(WELCOME);
  Socket.all.at(-1).end(1006);
  assert.ok(events.at(-1)[1].retry <= 100, 'after a welcome it begins anew');
});

test('without reconnect a loss is the end', async (t) => {
  const { connection, types } = play(t, { reconnect: false });
  Socket.all[0].end(1006);
  assert.deepEqual(types(), ['close']);
  await assert.rejects(connection.ready, { message: 'the connection was closed' });
});

test('an eject is known by the code of the close alone', (t) => {
  const { events } = play(t);
  Socket.all[0].end(4124, 'old');
  assert.deepEqual(events, [['eject', { code: 124, text: 'old' }], ['close', { code: 4124, reason: 'old' }]]);
});

test('what cannot be read is an error, and the end', (t) => {
  for (const [hex, message] of [
    ['02000f27', 'there is no message 9999'],
    ['0500', '5 bytes are expected, and 0 are left'],
    ['08008400010000000000', '2 bytes are left over'],
    ['0b0078000100000002000500' + '61', 'LoginManager.login: 5 bytes are expected, and 1 are left'],
  ]) {
    const { events, types } = play(t);
    Socket.all[0].open();
    Socket.all[0].receive(WELCOME);
    Socket.all[0].receive(hex);
    assert.deepEqual(types(), ['ready', 'error', 'close'], message);
    assert.equal(events[1][1].error.message, message);
    assert.equal(Socket.all[0].closed, 3000);
  }
});

test('an update of an object that was not declared is told all the same', (t) => {
  const { events } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  Socket.all[0].receive('0b0078000700000002000100' + '61');
  assert.deepEqual(events.at(-1), ['unknown', { doId: 7, field: 'login', value: ['a'] }]);
});

test('what is said at one time is one message, and a server\'s DONE is not an answer', async (t) => {
  const { connection } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  await null;
  const first = connection.addInterest(1, 2);
  const second = connection.addInterest(1, [3, 4]);
  await null;
  const [, message] = Socket.all[0].sent;
  assert.equal(message, '1200c900010000000000010000000100' + '02000000' + '1600c900020000000100010000000200' + '0300000004000000');
  let done = 0;
  first.then(() => done++);
  second.then(() => done++);
  Socket.all[0].receive('0800cc00010000004d00');
  await new Promise(setImmediate);
  assert.equal(done, 0, 'it was for interest 77');
  Socket.all[0].receive('0800cc0001000000' + '0000' + '0800cc0002000000' + '0100');
  assert.deepEqual([(await first).zones, (await second).zones], [[2], [3, 4]]);
});

test('an object that is declared twice is the same, and stays when the session ends', (t) => {
  const { connection, types } = play(t);
  const object = connection.declare(7, 'LoginManager');
  object.on('login', () => {});
  assert.equal(connection.declare(7, 'LoginManager'), object);
  assert.throws(() => object.on('logout', () => {}), { message: 'LoginManager.logout: the class has no such field' });
  assert.throws(() => object.send('login', ['a']), { message: 'the connection is not ready, but connecting' });
  Socket.all[0].end(1006);
  assert.equal(connection.objects.get(7), object);
  assert.deepEqual(types(), ['lost']);
});

test('no message is longer than a server takes', async (t) => {
  const { connection } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  await null;
  const object = connection.declare(7, 'LoginManager');
  for (const length of [40000, 25513, 1]) object.send('login', ['x'.repeat(length)]);
  await null;
  // The first two are 65,537 bytes, tags and all.
  assert.deepEqual(Socket.all[0].sent.slice(1).map((text) => text.length / 2), [65537, 13]);
});

test('an interest takes no number that is in use', (t) => {
  const { connection } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  // A server opens interest 1, and the next two are 0 and 2.
  Socket.all[0].receive('1000c800' + '63000000' + '0100' + '05000000' + '06000000');
  connection.addInterest(1, 1).catch(() => {});
  connection.addInterest(1, 1).catch(() => {});
  assert.deepEqual([...connection.interests.keys()], [1, 0, 2]);
});

test('a callback that fails ends nothing', (t) => {
  const { connection, types } = play(t);
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  connection.declare(7, 'LoginManager').on('login', () => {
    throw new Error('of the game');
  });
  Socket.all[0].receive('0b0078000700000002000100' + '61');
  assert.deepEqual(types(), ['ready', 'error', 'update']);
  assert.equal(connection.state, 'ready');
  assert.ok(new DonetEvent('x', 1) instanceof Event);
});

/** A datagram in a message that holds tags: numbers of 1, 2 or 4 bytes, and texts. */
const framed = (...parts) => {
  const number = (value, bytes) => Array.from({ length: bytes }, (_, at) => ((value >>> (8 * at)) & 0xff).toString(16).padStart(2, '0')).join('');
  const datagram = parts.map((part) => (typeof part === 'string' ? part : number(...part))).join('');
  return number(datagram.length / 2, 2) + datagram;
};
const u16 = (value) => [value, 2];
const u32 = (value) => [value, 4];
const offer = (token) => framed(u16(311), u16(token.length / 2), token, u32(60000));
const back = (token) => framed(u16(313), token ? '01' : '00', u16(token.length / 2), token, u32(token ? 60000 : 0));
const allTold = framed(u16(314));
const enters = (doId, zone, name, x) =>
  framed(u16(142), u32(doId), u32(5), u32(zone), u16(3), u16(name.length), Buffer.from(name).toString('hex'), u16(x), u16(0));

/** The connection with which it comes back. */
function again(connection) {
  clearTimeout(connection.retry);
  connection.open();
  Socket.all.at(-1).open();
  return Socket.all.at(-1);
}

/** One that has a token, an interest and two objects, and has lost its socket. */
async function away(t) {
  const played = play(t, { resume: true });
  const { connection } = played;
  Socket.all[0].open();
  Socket.all[0].receive(WELCOME);
  await null;
  assert.ok(Socket.all[0].sent.at(-1).endsWith(framed(u16(310))), 'it asks');
  Socket.all[0].receive(offer('aabb'));
  connection.addInterest(5, 1);
  Socket.all[0].receive(enters(11, 1, 'Ann', 10) + enters(12, 1, 'Bob', 10) + framed(u16(204), u32(1), u16(0)));
  await null;
  Socket.all[0].end(1006);
  played.events.length = 0;
  return played;
}

test('who is back keeps what is told again, hears of what differs, and parts with the rest', async (t) => {
  const { connection, types } = await away(t);
  const ann = connection.objects.get(11);
  assert.deepEqual([connection.objects.size, connection.interests.size, connection.state], [2, 1, 'waiting']);
  assert.throws(() => ann.send('say', ['hello']), /not ready, but waiting/);
  const socket = again(connection);
  await null;
  assert.deepEqual(socket.sent, [framed(u16(312), u16(2), 'aabb')], 'the token, and no hello');
  socket.receive(back('ccdd') + framed(u16(200), u32(9), u16(0), u32(5), u32(1)));
  socket.receive(enters(11, 2, 'Ann', 20) + enters(13, 1, 'Cid', 10));
  assert.deepEqual(types(), ['location', 'update', 'enter']);
  socket.receive(allTold);
  assert.deepEqual(types().slice(3), ['leave', 'resumed']);
  assert.equal(connection.objects.get(11), ann);
  assert.deepEqual([ann.zone, ann.fields.setPosition, [...connection.objects.keys()]], [2, [2, 0], [11, 13]]);
  // The token that it has now is the new one.
  socket.end(1006);
  await null;
  const next = again(connection);
  await null;
  assert.deepEqual(next.sent, [framed(u16(312), u16(2), 'ccdd')]);
});

test('who is back shows at once that it has the new token, and a lost answer leaves the old one', async (t) => {
  const { connection } = await away(t);
  const lost = again(connection);
  await null;
  lost.end(1006);
  const socket = again(connection);
  await null;
  assert.deepEqual(socket.sent, [framed(u16(312), u16(2), 'aabb')], 'once more');
  socket.receive(back('ccdd'));
  await null;
  assert.equal(socket.sent.at(-1), framed(u16(5)), 'a heartbeat');
});

test('a full server that has not looked at the token is tried again', async (t) => {
  const { connection, types, events } = await away(t);
  const full = again(connection);
  await null;
  full.receive(framed(u16(4), u16(1), u16(0)));
  full.end(4001);
  assert.deepEqual(types(), ['eject', 'lost']);
  assert.deepEqual([events.at(-1)[1].resume, connection.objects.size], [true, 2]);
  const socket = again(connection);
  await null;
  assert.deepEqual(socket.sent, [framed(u16(312), u16(2), 'aabb')]);
  // One that has looked at it has not.
  socket.receive(back(''));
  socket.receive(framed(u16(4), u16(1), u16(0)));
  socket.end(4001);
  assert.equal(types().at(-1), 'close');
});

test('another object under the same id is another object', async (t) => {
  const { connection, types } = await away(t);
  const ann = connection.objects.get(11);
  const socket = again(connection);
  socket.receive(back('ccdd'));
  // It is a room now.
  socket.receive(framed(u16(142), u32(11), u32(5), u32(1), u16(2)) + enters(12, 1, 'Bob', 10) + allTold);
  assert.deepEqual(types(), ['leave', 'enter', 'interest', 'resumed']);
  assert.notEqual(connection.objects.get(11), ann);
  assert.deepEqual([ann.visible, connection.interests.size], [false, 0], 'nobody said that the interest is open');
});

test('who is refused has lost all, and says hello on the same connection', async (t) => {
  const { connection, types } = await away(t);
  const socket = again(connection);
  await null;
  socket.receive(back(''));
  assert.deepEqual(types(), ['leave', 'leave', 'resume-failed']);
  await null;
  assert.equal(socket.sent.length, 2);
  assert.equal(socket.sent[1].slice(4, 8), '0100', 'a hello');
  socket.receive(WELCOME);
  assert.deepEqual(types().slice(3), ['ready']);
  await null;
  assert.ok(socket.sent.at(-1).endsWith(framed(u16(310))), 'it asks anew');
});

test('whoever closes when it is told of the end does not come back', (t) => {
  for (const [type, others] of [['eject', {}], ['leave', {}], ['leave', { resume: true }]]) {
    const { connection, types } = play(t, others);
    Socket.all[0].open();
    Socket.all[0].receive(WELCOME + enters(11, 1, 'Ann', 10));
    connection.addEventListener(type, () => connection.close());
    Socket.all[0].end(4160);
    assert.deepEqual(types(), ['ready', 'enter', 'eject', 'leave', 'close'], type);
    assert.equal(connection.state, 'closed');
  }
});

test('whoever closes while it is told what is gone hears nothing more', async (t) => {
  const { connection, types } = await away(t);
  const socket = again(connection);
  connection.addEventListener('interest', () => connection.close());
  socket.receive(back('ccdd') + enters(11, 1, 'Ann', 10) + enters(12, 1, 'Bob', 10) + allTold);
  assert.deepEqual(types(), ['interest', 'leave', 'leave', 'close']);
});

test('after a restart of the server there is nothing to come back to', async (t) => {
  const { connection, types } = await away(t);
  const socket = again(connection);
  socket.receive(back('ccdd') + allTold);
  socket.end(4160, 'The server restarts.');
  assert.equal(types().at(-1), 'lost');
  assert.equal(connection.token, undefined);
});

test('where there is no WebSocket that is said', () => {
  const had = globalThis.WebSocket;
  globalThis.WebSocket = undefined;
  assert.throws(() => connect('ws://test/', { dc, version: '1' }), /there is no WebSocket here/);
  globalThis.WebSocket = had;
});
