// What is tested, in Node and in a page alike. A scenario gets the client's module, a setting and `command`, by
// which it has the game's server do something.

/** Values as text, so that they can be compared and shown. */
const text = (value) =>
  JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item));

function same(found, expected, what = '') {
  if (text(found) !== text(expected)) throw new Error(`${what}: found ${text(found)}, expected ${text(expected)}`);
}

/** The next event of this type for which the condition holds. */
const next = (target, type, condition = () => true) =>
  new Promise((resolve) => {
    const listener = (event) => {
      if (!condition(event.detail)) return;
      target.removeEventListener(type, listener);
      resolve(event.detail);
    };
    target.addEventListener(type, listener);
  });

/** Settings of the client for tests: it comes back fast. */
const options = ({ dc, version, WebSocket }, others = {}) => ({
  dc, version, WebSocket, heartbeat: 1000, reconnect: { first: 20, most: 100 }, ...others,
});

let players = 0;

/** A player who has been let in. */
async function join(donet, setting, command, others) {
  const connection = donet.connect(setting.url, options(setting, others));
  connection.addEventListener('error', ({ detail }) => console.error(detail.error));
  const logIn = connection.declare(setting.loginManager, 'LoginManager');
  await connection.ready;
  const name = `player ${++players}`;
  logIn.send('login', [name]);
  await command('player', name);
  return { connection, name };
}

/** A player who comes back to the session after a loss, and all that happens to it. */
async function resumable(donet, setting, command) {
  const joined = await join(donet, { ...setting, url: setting.proxied }, command, { resume: true });
  const { connection } = joined;
  while (!connection.token) await new Promise((resolve) => setTimeout(resolve, 5));
  const events = [];
  for (const type of ['ready', 'enter', 'leave', 'update', 'location', 'interest', 'lost', 'resumed', 'resume-failed', 'close', 'unknown', 'error']) {
    connection.addEventListener(type, ({ detail }) => events.push([type, detail.object?.doId ?? detail.interest?.id, detail.field]));
  }
  return { ...joined, events };
}

export const scenarios = {
  async 'a hello is answered, and a goodbye ends it'(donet, setting) {
    const connection = donet.connect(setting.url, options(setting, { resume: true }));
    same(connection.state, 'connecting');
    same((await connection.ready).state, 'ready');
    const closed = next(connection, 'close');
    connection.close();
    same((await closed).code, 1000);
  },

  async 'another version is the reason of the end'(donet, setting) {
    const connection = donet.connect(setting.url, options(setting, { version: 'other' }));
    const ejected = next(connection, 'eject');
    const closed = next(connection, 'close');
    same((await ejected).code, 124);
    same((await closed).code, 4124);
    const error = await connection.ready.catch((error) => error);
    same([error instanceof donet.Ejected, error.code], [true, 124]);
  },

  async 'other DC files are the reason of the end'(donet, setting) {
    const dc = { ...setting.dc, hash: 1 };
    const connection = donet.connect(setting.url, options({ ...setting, dc }));
    same((await next(connection, 'eject')).code, 125);
    await next(connection, 'close');
  },

  async 'an interest shows what is in it until it is closed'(donet, setting, command) {
    const { connection } = await join(donet, setting, command);
    await command('create', 6001, 1, 'Ann');
    await command('create', 6002, 2, 'Bob', 'glad');
    const entered = [];
    connection.addEventListener('enter', ({ detail }) => entered.push(detail.object.doId));
    const interest = await connection.addInterest(setting.room, [1, 2]);
    same(entered.sort(), [6001, 6002]);
    const [ann, bob] = [connection.objects.get(6001), connection.objects.get(6002)];
    same(ann.className, 'Avatar');
    same([ann.parent, ann.zone, ann.visible, ann.owned], [setting.room, 1, true, false]);
    same(ann.fields, { setName: ['Ann'], setPosition: [1.5, -2.5] });
    same(bob.fields, { setName: ['Bob'], setPosition: [1.5, -2.5], setMood: ['glad'] });
    const left = [];
    connection.addEventListener('leave', ({ detail }) => left.push(detail.object.doId));
    await connection.removeInterest(interest);
    same(left.sort(), [6001, 6002]);
    same([connection.objects.has(6001), ann.visible], [false, false]);
    same(await connection.removeInterest(interest).catch((error) => error.message), 'the interest 0 is not open');
    connection.close();
    await command('delete', 6001);
    await command('delete', 6002);
  },

  async 'an object moves, and is deleted'(donet, setting, command) {
    const { connection } = await join(donet, setting, command);
    await connection.addInterest(setting.room, 3);
    await connection.addInterest(setting.room, 4);
    const entered = next(connection, 'enter');
    await command('create', 6003, 3, 'Cid');
    const { object } = await entered;
    const moved = next(connection, 'location');
    await command('move', 6003, 4);
    await moved;
    same([object.parent, object.zone], [setting.room, 4]);
    const left = next(connection, 'leave');
    await command('delete', 6003);
    same((await left).object === object, true);
    connection.close();
  },

  async 'updates of all kinds come by name'(donet, setting, command) {
    const { connection } = await join(donet, setting, command);
    await command('create', 6004, 5, 'Dan');
    await connection.addInterest(setting.room, 5);
    const dan = connection.objects.get(6004);
    const heard = [];
    const stop = dan.on('setPosition', (x, y) => heard.push([x, y]));
    const seen = next(connection, 'update', ({ field }) => field === 'setMood');
    await command('set', 6004, 'setPosition', [-3276.8, 3276.7]);
    await command('setAll', 6004, [['setPosition', [0, 1]], ['setMood', ['sad']]]);
    same((await seen).value, ['sad']);
    same(heard, [[-3276.8, 3276.7], [0, 1]]);
    same(dan.fields.setPosition, [0, 1]);
    stop();
    const looks = next(connection, 'update', ({ field }) => field === 'setLook');
    const hats = [{ name: 'bowler', size: 7 }, { name: 'é', size: 0 }];
    await command('set', 6004, 'setLook', [['proud'], [hats]]);
    await looks;
    same(dan.fields.setMood, ['proud']);
    same(dan.fields.setHats, [hats]);
    await command('delete', 6004);
    connection.close();
  },

  async 'an owner sees more, and may say more'(donet, setting, command) {
    const { connection, name } = await join(donet, setting, command);
    await command('create', 6005, 6, 'Eve');
    const entered = next(connection, 'enter', ({ owner }) => owner);
    await command('own', 6005, name);
    const { object } = await entered;
    same([object.owned, object.visible], [true, false]);
    same(object.fields, { setName: ['Eve'], setPosition: [1.5, -2.5], setPurse: [12345678901234567890n] });
    object.send('walk', [0.5, -0.5]);
    await command('received', 'walk(0.5,-0.5)');
    // The owner of what it sees hears itself.
    await connection.addInterest(setting.room, 6);
    same(object.visible, true);
    const moved = next(connection, 'update', ({ field }) => field === 'setPosition');
    await command('set', 6005, 'setPosition', [7, 8]);
    await moved;
    const left = next(connection, 'leave', ({ owner }) => !owner);
    await command('move', 6005, 7);
    await left;
    same([object.owned, object.visible], [true, false]);
    const other = await join(donet, setting, command);
    await other.connection.addInterest(setting.room, 12);
    const seen = next(other.connection, 'enter');
    object.move(setting.room, 12);
    same((await seen).object.zone, 12);
    same(object.zone, 12);
    other.connection.close();
    const lost = next(connection, 'leave', ({ owner }) => owner);
    await command('own', 6005, null);
    await lost;
    same(connection.objects.has(6005), false);
    await command('delete', 6005);
    connection.close();
  },

  async 'many messages at once come in their order, also one by one'(donet, setting, command) {
    for (const frames of [true, false]) {
      const { connection, name } = await join(donet, setting, command, { frames });
      const other = await join(donet, setting, command, { frames: !frames });
      await command('create', 6006, 8, 'Fay');
      await command('own', 6006, name);
      await other.connection.addInterest(setting.room, 8);
      await connection.addInterest(setting.room, 8);
      const heard = [];
      other.connection.objects.get(6006).on('say', (words) => heard.push(words));
      const last = next(other.connection, 'update', ({ value }) => value[0] === 'end');
      const long = 'x'.repeat(30000);
      const said = [...Array.from({ length: 300 }, (_, index) => `${index}`), long, long, long, 'end'];
      for (const words of said) connection.objects.get(6006).send('say', [words]);
      await last;
      same(heard, said);
      await command('delete', 6006);
      connection.close();
      other.connection.close();
    }
  },

  async 'what cannot be sent is an error that names it'(donet, setting, command) {
    const { connection, name } = await join(donet, setting, command);
    await command('create', 6007, 9, 'Gil');
    const entered = next(connection, 'enter');
    await command('own', 6007, name);
    const { object } = await entered;
    const fails = (field, value) => {
      try {
        object.send(field, value);
      } catch (error) {
        return error.message;
      }
      return 'sent';
    };
    same(fails('walk', [4000, 0]), 'Avatar.walk: dx: 4000 is out of range, allowed: -3276.8 to 3276.7');
    same(fails('walk', [1]), 'Avatar.walk: expected a list of 2 values, not 1');
    same(fails('say', [5]), 'Avatar.say: text: expected a string, not 5');
    same(fails('sing', []), 'Avatar.sing: the class has no such field');
    // None of it has reached the server, which would not have kept us.
    object.send('walk', [9, 9]);
    await command('received', 'walk(9,9)');
    await command('delete', 6007);
    connection.close();
  },

  async 'servers open interests, eject and drop'(donet, setting, command) {
    const { connection, name } = await join(donet, setting, command);
    const opened = next(connection, 'interest');
    await command('openInterest', name, 77, 10);
    same((await opened).interest, { id: 77, parent: setting.room, zones: [10] });
    const closed = next(connection, 'interest', ({ open }) => !open);
    await command('closeInterest', name, 77);
    same((await closed).interest.zones, [10]);
    const ejected = next(connection, 'eject');
    const end = next(connection, 'close');
    await command('eject', name, 131, 'go home');
    same(await ejected, { code: 131, text: 'go home' });
    same(await end, { code: 4131, reason: 'go home' });
    const second = await join(donet, setting, command);
    const dropped = next(second.connection, 'close');
    await command('drop', second.name);
    same((await dropped).code, 1000);
  },

  async 'a client with nothing to say stays by its heartbeats'(donet, setting, command) {
    const { connection } = await join(donet, setting, command, { heartbeat: 300 });
    const silent = await join(donet, setting, command, { heartbeat: 0 });
    // Once the silent one is out, the other has outlived what it may go without a word.
    same((await next(silent.connection, 'eject')).code, 345);
    same(connection.state, 'ready');
    connection.close();
  },

  async 'a client comes back to a server that was away'(donet, setting, command) {
    for (const [ending, code] of [['kill', undefined], ['stop', 160]]) {
      const { connection, name } = await join(donet, setting, command);
      await command('create', 6008, 11, 'Hal');
      await command('own', 6008, name);
      await connection.addInterest(setting.room, 11);
      const codes = [];
      connection.addEventListener('eject', ({ detail }) => codes.push(detail.code));
      const left = next(connection, 'leave', ({ owner }) => owner);
      const lost = next(connection, 'lost');
      await command(ending);
      await lost;
      await left;
      same(codes, code === undefined ? [] : [code]);
      same([connection.objects.size, connection.interests.size], [1, 0], 'only what was declared is left');
      same(await connection.addInterest(1, 1).catch((error) => error instanceof Error), true);
      const ready = next(connection, 'ready');
      await command('start');
      await ready;
      connection.objects.get(setting.loginManager).send('login', [name]);
      await command('player', name);
      await connection.addInterest(setting.room, 11);
      connection.close();
    }
  },

  async 'after a loss the session goes on, and only what differs is said'(donet, setting, command) {
    const { connection, name, events } = await resumable(donet, setting, command);
    for (const [doId, owner] of [[6101, 'Ida'], [6102, 'Jon'], [6103, 'Kim'], [6104, 'Leo']]) await command('create', doId, 21, owner);
    await command('own', 6104, name);
    const interest = await connection.addInterest(setting.room, [21, 22]);
    const witness = await join(donet, setting, command);
    await witness.connection.addInterest(setting.room, [21, 22]);
    const heard = [];
    for (const type of ['enter', 'leave', 'location']) witness.connection.addEventListener(type, ({ detail }) => heard.push([type, detail.object.doId]));
    const [ida, leo] = [connection.objects.get(6101), connection.objects.get(6104)];
    const moods = [];
    ida.on('setMood', (mood) => moods.push(mood));
    events.length = 0;
    const lost = next(connection, 'lost');
    const resumed = next(connection, 'resumed');
    await command('cut');
    same((await lost).resume, true);
    await command('set', 6101, 'setMood', ['glad']);
    await command('delete', 6102);
    await command('move', 6103, 22);
    await command('create', 6105, 21, 'Mia');
    await resumed;
    // It may have been back before all of that had happened.
    while (!connection.objects.has(6105) || moods.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const said = events.map((event) => text(event)).sort();
    same(said, [
      ['enter', 6105, null], ['leave', 6102, null], ['location', 6103, null], ['lost', null, null], ['resumed', null, null],
      ['update', 6101, 'setMood'],
    ].map((event) => text(event)).sort());
    same(moods, ['glad']);
    same([connection.objects.get(6101) === ida, connection.objects.get(6104) === leo], [true, true], 'the same objects');
    same([leo.owned, leo.visible, connection.interests.get(interest.id) === interest], [true, true, true]);
    // The session is the same one: its rights and interests hold, and nobody else has noticed.
    leo.send('walk', [0.5, 0.2]);
    await command('received', 'walk(0.5,0.2)');
    same(heard, [['leave', 6102], ['location', 6103], ['enter', 6105]]);
    await connection.removeInterest(interest);
    same(connection.objects.has(6101), false);
    for (const doId of [6101, 6103, 6104, 6105]) await command('delete', doId);
    connection.close();
    witness.connection.close();
  },

  async 'what was asked for when the link broke is asked for again'(donet, setting, command) {
    const { connection, name } = await resumable(donet, setting, command);
    await command('create', 6111, 23, 'Ned');
    await command('create', 6112, 24, 'Oda');
    const old = await connection.addInterest(setting.room, 24);
    // Both are under way, or have not even left, when it breaks.
    const added = connection.addInterest(setting.room, 23);
    const removed = connection.removeInterest(old);
    const resumed = next(connection, 'resumed');
    await command('cut');
    await resumed;
    const interest = await added;
    await removed;
    same([connection.objects.has(6111), connection.objects.has(6112)], [true, false]);
    same([...connection.interests.keys()], [interest.id]);
    const left = next(connection, 'interest', ({ open }) => open);
    await command('openInterest', name, 78, 24);
    await left;
    connection.close();
    await command('delete', 6111);
    await command('delete', 6112);
  },

  async 'it is lost many times in a row, also in the middle of being told'(donet, setting, command) {
    const { connection, events } = await resumable(donet, setting, command);
    for (let doId = 6121; doId < 6141; doId++) await command('create', doId, 25, 'Pia');
    await connection.addInterest(setting.room, 25);
    events.length = 0;
    for (let loss = 0; loss < 5; loss++) {
      const lost = next(connection, 'lost');
      const resumed = next(connection, 'resumed');
      await command('cut');
      await lost;
      await resumed;
    }
    same(events.filter(([type]) => type !== 'lost' && type !== 'resumed'), []);
    same([...connection.objects.values()].filter(({ visible }) => visible).length, 20);
    connection.close();
    for (let doId = 6121; doId < 6141; doId++) await command('delete', doId);
  },

  async 'a token that was used is no good, and its thief begins anew'(donet, setting, command) {
    const { connection } = await resumable(donet, setting, command);
    const { token } = connection;
    const resumed = next(connection, 'resumed');
    await command('cut');
    await resumed;
    same(text([...connection.token]) === text([...token]), false);
    const thief = donet.connect(setting.url, options(setting, { resume: true }));
    thief.token = token;
    const failed = next(thief, 'resume-failed');
    await failed;
    await thief.ready;
    same([thief.objects.size, connection.state], [0, 'ready']);
    thief.close();
    connection.close();
  },

  async 'there is nothing to come back to in a daemon that was killed'(donet, setting, command) {
    const { connection, events } = await resumable(donet, setting, command);
    await command('create', 6151, 26, 'Quin');
    await connection.addInterest(setting.room, 26);
    events.length = 0;
    const lost = next(connection, 'lost');
    await command('kill');
    same((await lost).resume, true);
    same(connection.objects.has(6151), true, 'it may still be there');
    const failed = next(connection, 'resume-failed');
    const ready = next(connection, 'ready');
    await command('start');
    await failed;
    await ready;
    same([connection.objects.size, connection.interests.size], [1, 0], 'only what was declared is left');
    same(events.filter(([type]) => type === 'leave'), [['leave', 6151, undefined]]);
    connection.close();
  },
};
