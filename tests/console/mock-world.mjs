// An invented game as large as the console has to bear: 10,000 clients and 1,000,000 objects, each reckoned from its number.

const NOW = Date.now();
export const CLIENTS = 10_000;
export const OBJECTS = 1_000_000;
const FIRST_CHANNEL = 1_000_000_000n;
const FIRST_OBJECT = 100_000_000;
export const DISTRICTS = ['Amber Quay', 'Larkspur', 'Copperfield', 'Windmill Rise', 'Saltmarsh', 'Old Observatory'].map((name, at) => ({ name, id: 4600 + at * 100 }));

/** A number from a number, the same each time. */
export const mix = (number) => {
  let value = (number ^ 0x9e3779b9) >>> 0;
  value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
  return (value ^ (value >>> 15)) >>> 0;
};
const pick = (list, number) => list[mix(number) % list.length];
export const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

const FIELDS = {
  DistributedNode: [['setParentStr', '(string parent) broadcast ram', '("")'], ['setPosHpr', '(int16/10 x, int16/10 y, int16/10 z, int16/10 h, int16/10 p, int16/10 r) broadcast ram ownsend', '(0, 0, 0, 0, 0, 0)'], ['setXY', '(int16/10 x, int16/10 y) broadcast ownsend', '(0, 0)']],
  DistributedAvatar: [['setName', '(string name) required broadcast db ram', '("")'], ['setHealth', '(uint16 now, uint16 most) required broadcast ram db', '(100, 100)'], ['setMood', '(string mood) broadcast ram', '("calm")']],
  DistributedPlayer: [['setPurse', '(uint64 coins) required ownrecv db', '(0)'], ['setOutfit', '(Outfit worn) required broadcast ram db', '((0, 0, 0, ""))'], ['setFriends', '(uint32 friends[]) ownrecv db', '([])'], ['setChat', '(string(0-256) text, uint8 flags) broadcast ownsend', '("", 0)'], ['setLastSeen', '(uint32 time) db', '(0)']],
  DistributedMerchant: [['setStock', '(Goods stock[]) broadcast ram', '([])'], ['setGreeting', '(string text) broadcast ram', '("Welcome!")'], ['requestBuy', '(uint16 item, uint8 count) airecv clsend', '(0, 1)']],
  DistributedDistrict: [['setName', '(string name) required broadcast ram', '("")'], ['setAvailable', '(bool available) required broadcast ram', '(true)'], ['setPopulation', '(uint32 avatars) broadcast ram', '(0)'], ['setWeather', '(uint8 kind, uint16 seconds) broadcast ram', '(0, 600)']],
  DistributedHouse: [['setOwnerName', '(string name) required broadcast ram db', '("")'], ['setFurniture', '(Furniture items[]) broadcast ram db', '([])'], ['setDoor', '(bool open) broadcast ram airecv clsend', '(false)']],
  DistributedBoat: [['setRoute', '(uint16 stops[]) required broadcast ram', '([])'], ['setState', '(string state, int16 timestamp) broadcast ram', '("docked", 0)']],
  DistributedTreasure: [['setKind', '(uint8 kind) required broadcast ram', '(0)'], ['setTaken', '(bool taken) broadcast ram', '(false)'], ['take', '() airecv clsend', '()']],
  DistributedQuestBoard: [['setQuests', '(uint16 quests[]) broadcast ram', '([])']],
  DistributedGuild: [['setName', '(string name) required broadcast ram db', '("")'], ['setMembers', '(uint32 members[]) broadcast ram db', '([])']],
  Account: [['setUsername', '(string name) required db', '("")'], ['setAvatars', '(uint32 avatars[6]) required db', '([0 * 6])'], ['setCreated', '(string when) db', '("")'], ['setAccess', '(uint16 level) required db', '(100)']],
  LoginManager: [['login', '(string cookie, string version) clsend airecv', '("", "")']],
  NewsManager: [['announce', '(string text, uint16 seconds) broadcast', '("", 10)'], ['setHoliday', '(uint16 holiday) broadcast ram', '(0)']],
  DistributedRegatta: [['setLaps', '(uint8 laps) broadcast ram', '(3)']],
};
const PARENTS = { DistributedAvatar: ['DistributedNode'], DistributedPlayer: ['DistributedAvatar'], DistributedMerchant: ['DistributedAvatar'], DistributedHouse: ['DistributedNode'], DistributedBoat: ['DistributedNode'], DistributedTreasure: ['DistributedNode'] };
// So many of a thousand objects.
const SHARES = [['DistributedTreasure', 612], ['DistributedMerchant', 148], ['DistributedHouse', 121], ['DistributedBoat', 57], ['DistributedQuestBoard', 42], ['DistributedPlayer', 12], ['DistributedGuild', 7], ['DistributedNode', 1]];

let fieldId = 0;
const own = Object.fromEntries(Object.entries(FIELDS).map(([name, fields]) => [name, fields.map(([field, rest, value]) => ({
  id: fieldId++, name: field, declaration: `${field}${rest}`, keywords: rest.slice(rest.lastIndexOf(')') + 1).trim().split(' '), atomic: true, default: value,
}))]));
const inherited = (name) => [...(PARENTS[name] ?? []).flatMap(inherited), ...own[name]];
export const classes = Object.keys(FIELDS).map((name, id) => ({
  id, name, parents: PARENTS[name] ?? [], fields: inherited(name),
  objects: name === 'DistributedDistrict' ? DISTRICTS.length : ((SHARES.find(([dclass]) => dclass === name)?.[1] ?? 0) * OBJECTS) / 1000,
}));

function classAt(index) {
  let left = mix(index) % 1000;
  for (const [name, share] of SHARES) {
    if (left < share) return name;
    left -= share;
  }
  return 'DistributedNode';
}

export function objectAt(index) {
  if (index < DISTRICTS.length) return { do_id: DISTRICTS[index].id, class: 'DistributedDistrict', parent: 4000, zone: 1, ai: String(200_000 + index), owner: null, role: 1 };
  const name = classAt(index);
  const district = DISTRICTS[mix(index * 3) % DISTRICTS.length].id;
  return {
    do_id: FIRST_OBJECT + index, class: name, parent: district, zone: 1000 + (mix(index * 7) % 40) * 100, ai: String(200_000 + (district - 4600) / 100),
    owner: name === 'DistributedPlayer' ? (FIRST_CHANNEL + BigInt(mix(index) % CLIENTS)).toString() : null, role: 1,
  };
}

export function findObject(doId) {
  const district = DISTRICTS.findIndex(({ id }) => id === doId);
  if (district >= 0) return objectAt(district);
  const index = doId - FIRST_OBJECT;
  return index >= DISTRICTS.length && index < OBJECTS ? objectAt(index) : null;
}

const NAMES = ['Juniper', 'Bramble', 'Otto', 'Marigold', 'Fennel', 'Tilda', 'Wren', 'Basil', 'Pip', 'Clover'];
const SURNAMES = ['Underhill', 'Quickwater', 'Thistledown', 'Barleymow', 'Lanternjack', 'Featherstone'];
export const nameOf = (number) => `${pick(NAMES, number)} ${pick(SURNAMES, number * 5)}`;

function valueOf(field, number) {
  const some = mix(number * 31 + field.id);
  switch (field.name) {
    case 'setName': return JSON.stringify(DISTRICTS.find(({ id }) => id === number)?.name ?? nameOf(number)).replace(/^(.*)$/, '($1)');
    case 'setOwnerName': return `("${nameOf(number)}")`;
    case 'setPurse': return `(${18446744073709551000n + BigInt(some % 600)})`;
    case 'setXY': return `(${some % 2000}, -${mix(some) % 2000})`;
    case 'setPosHpr': return `(${some % 900}, -${mix(some) % 900}, 5, ${some % 3600}, 0, 0)`;
    case 'setHealth': return `(${20 + (some % 80)}, 100)`;
    case 'setMood': return `("${['calm', 'merry', 'sleepy <b>bold</b>', 'curious'][some % 4]}")`;
    case 'setGreeting': return '("Welcome to the harbour! Nails, rope, lamp oil, and news from up the coast.")';
    case 'setFriends': case 'setMembers': return `([${Array.from({ length: some % 60 }, (_, at) => FIRST_OBJECT + (mix(some + at) % OBJECTS)).join(', ')}])`;
    case 'setStock': return `([${Array.from({ length: 3 + (some % 5) }, (_, at) => `(${100 + at}, ${mix(at) % 50}, "${['nails', 'rope', 'lamp oil', 'chart', 'biscuit'][at % 5]}")`).join(', ')}])`;
    case 'setOutfit': return `((${some % 12}, ${some % 9}, ${some % 30}, "oilskin"))`;
    case 'setPopulation': return `(${some % 2200})`;
    default: return field.default;
  }
}

export function fieldsOf(name, doId, keywords = ['ram', 'required', 'db']) {
  const dclass = classes.find((one) => one.name === name);
  return dclass.fields.filter((field) => field.keywords.some((keyword) => keywords.includes(keyword))).map((field) => {
    const value = valueOf(field, doId);
    return { id: field.id, name: field.name, declaration: field.declaration, keywords: field.keywords, value, bytes: Math.max(1, Math.round(value.length / 2)), cut: false };
  });
}

// Clients.

export const gone = new Set();

export function clientAt(index) {
  const some = mix(index + 77);
  const fresh = some % 40 === 0;
  const state = fresh ? (some % 80 === 0 ? 'new' : 'anonymous') : 'established';
  const seconds = fresh ? some % 30 : some % 14_000;
  const allocated = (FIRST_CHANNEL + BigInt(index)).toString();
  return {
    allocated, channel: state === 'established' && some % 3 === 0 ? (BigInt(FIRST_OBJECT + index * 83) * 4294967296n + BigInt(index)).toString() : allocated,
    role: 0, type: 'libastron',
    address: some % 17 === 0 ? `[2001:db8:${(some % 0xffff).toString(16)}::${(mix(some) % 0xffff).toString(16)}]:${1024 + (some % 60_000)}` : `203.0.${some % 256}.${mix(some) % 256}:${1024 + (some % 60_000)}`,
    transport: ['tls', 'tls', 'websocket', 'tcp'][some % 4], state, since: ago(seconds + 3),
    interests: state === 'established' ? 1 + (some % 5) : 0, objects: state === 'established' ? some % 420 : 0,
    queue_bytes: some % 400 === 0 ? 5_400_000 + (some % 900_000) : some % 90 === 0 ? 640_000 : some % 7 === 0 ? some % 4000 : 0,
    received_bytes: String(seconds * (40 + (some % 300))), sent_bytes: String(seconds * (900 + (some % 9000))),
  };
}

export function findClient(channel) {
  for (let index = 0; index < CLIENTS; index++) {
    const client = clientAt(index);
    if ((client.allocated === channel || client.channel === channel) && !gone.has(client.allocated)) return { client, index };
  }
  return null;
}

// The message table: a few of each family.
export const messages = [
  [1000, 'CLIENTAGENT_SET_STATE', 'client_agent', [['state', 'u16']]],
  [1002, 'CLIENTAGENT_SEND_DATAGRAM', 'client_agent', [['datagram', 'client_datagram']]],
  [1004, 'CLIENTAGENT_EJECT', 'client_agent', [['reason', 'u16'], ['text', 'string']]],
  [1005, 'CLIENTAGENT_DROP', 'client_agent', []],
  [1100, 'CLIENTAGENT_OPEN_CHANNEL', 'client_agent', [['channel', 'channel']]],
  [1200, 'CLIENTAGENT_ADD_INTEREST', 'client_agent', [['interest', 'interest'], ['parent', 'doid'], ['zone', 'zone']]],
  [2000, 'STATESERVER_CREATE_OBJECT_WITH_REQUIRED', 'state_server', [['object', 'object']]],
  [2011, 'STATESERVER_OBJECT_GET_FIELD_RESP', 'state_server', [['context', 'context'], ['value', 'option']]],
  [2020, 'STATESERVER_OBJECT_SET_FIELD', 'state_server', [['do_id', 'doid'], ['field', 'field'], ['value', 'value']]],
  [2032, 'STATESERVER_OBJECT_DELETE_RAM', 'state_server', [['do_id', 'doid']]],
  [2040, 'STATESERVER_OBJECT_SET_LOCATION', 'state_server', [['location', 'location']]],
  [2060, 'STATESERVER_OBJECT_SET_OWNER', 'state_server', [['owner', 'channel']]],
  [3000, 'DBSERVER_CREATE_OBJECT', 'database', [['context', 'context'], ['class', 'class'], ['fields', 'field_values']]],
  [9000, 'CONTROL_ADD_CHANNEL', 'control', [['channel', 'channel']]],
].map(([number, name, family, args]) => ({ number, name, family, arguments: args.map(([arg, type]) => ({ name: arg, type })) }));

export const links = [
  ['1', 'ai.amber-quay', '10.20.0.11:40312', 'in', 'participant', 88_200, 214, 2, 0], ['2', 'ai.larkspur', '10.20.0.12:40118', 'in', 'participant', 88_190, 198, 2, 0],
  ['3', 'ai.copperfield', '10.20.0.13:40770', 'in', 'participant', 88_188, 187, 2, 812_000], ['4', 'uberdog', '10.20.0.5:51002', 'in', 'participant', 88_230, 41, 1, 0],
  ['7', 'gateway-2', '10.20.1.2:7199', 'in', 'daemon', 80_100, 12_044, 3, 1800], ['8', 'gateway-3', '10.20.1.3:7199', 'in', 'daemon', 7_400, 8_331, 3, 0],
  ['9', '', '10.20.0.40:60022', 'in', 'participant', 32, 1, 0, 0], ['0', 'director.core', '10.20.2.1:7199', 'out', 'daemon', 88_240, 0, 0, 240],
].map(([id, name, address, direction, kind, age, channels, ranges, queue]) => ({
  id, name, address, direction, kind, tls: kind === 'daemon', since: ago(age), channels, ranges, queue_bytes: queue, received_bytes: String(age * 21_000), sent_bytes: String(age * 54_000),
  console: kind === 'daemon' && id !== '8' ? `http://${address.split(':')[0]}:7180/` : null,
}));

export const started = new Date(NOW - 88_260_000).toISOString();
