// What this tab and the client agent say to each other, in words: donet.js is listened to where it sends and takes datagrams.

/** Numbers and names are those of docs/protocol/client-agent.md. */
const NAMES = {
  1: 'CLIENT_HELLO', 2: 'CLIENT_HELLO_RESP', 3: 'CLIENT_DISCONNECT', 4: 'CLIENT_EJECT', 5: 'CLIENT_HEARTBEAT',
  120: 'CLIENT_OBJECT_SET_FIELD', 121: 'CLIENT_OBJECT_SET_FIELDS', 132: 'CLIENT_OBJECT_LEAVING', 140: 'CLIENT_OBJECT_LOCATION',
  142: 'CLIENT_ENTER_OBJECT_REQUIRED', 143: 'CLIENT_ENTER_OBJECT_REQUIRED_OTHER', 161: 'CLIENT_OBJECT_LEAVING_OWNER',
  172: 'CLIENT_ENTER_OBJECT_REQUIRED_OWNER', 173: 'CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER',
  200: 'CLIENT_ADD_INTEREST', 201: 'CLIENT_ADD_INTEREST_MULTIPLE', 203: 'CLIENT_REMOVE_INTEREST', 204: 'CLIENT_DONE_INTEREST_RESP',
};
/** What is not for a screen. */
const SECRET = { register: [1], logIn: [1], comeBack: [0], welcome: [0] };

const text = new TextDecoder();

/** @param {any} value */
const shown = (value) => (typeof value === 'number' ? String(Math.round(value * 10) / 10) : JSON.stringify(value));

/** The arguments of a method, as DC text has them. @param {any} field @param {any[]} values */
const args = ({ name }, values) => `(${values.map((value, at) => (SECRET[name]?.includes(at) ? '…' : shown(value))).join(', ')})`;

/** Little-endian numbers, one after the other. */
class Numbers {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }
  u16() { return this.view.getUint16((this.at += 2) - 2, true); }
  u32() { return this.view.getUint32((this.at += 4) - 4, true); }
  text() {
    const length = this.u16();
    return text.decode(this.bytes.subarray(this.at, (this.at += length)));
  }
  rest() { return this.bytes.slice(this.at); }
}

/** Calls back with each message. @param {any} connection @param {(message: any) => void} callback */
export function overhear(connection, callback) {
  const { transmit, handle } = connection;
  connection.transmit = (bytes) => {
    transmit.call(connection, bytes);
    callback(decode(connection, bytes, true));
  };
  connection.handle = (reader) => {
    const message = decode(connection, reader.data, false);
    callback(message);
    handle.call(connection, reader);
    // The values of an object are known when it has entered.
    if (message.enters) Object.assign(message, entered(connection, message.detail));
  };
}

/** @param {any} connection @param {Uint8Array} bytes @param {boolean} isOurs */
function decode(connection, bytes, isOurs) {
  const read = new Numbers(bytes);
  const number = read.u16();
  const name = NAMES[number] ?? `message ${number}`;
  const { schema } = connection;
  const { brief = '', detail = {}, ...more } = content(number, read, schema, isOurs);
  const key = `${isOurs} ${number} ${more.field ?? ''}`;
  return { by: isOurs ? 'you' : 'client agent', to: isOurs ? 'client agent' : 'you', isOurs, message: name, brief, detail: { number, bytes: bytes.length, ...detail }, key, ...more };
}

function content(number, read, schema, isOurs) {
  switch (number) {
    case 1: {
      const hash = `0x${read.u32().toString(16).padStart(8, '0')}`;
      const version = read.text();
      return { brief: `version ${JSON.stringify(version)}`, detail: { dc_hash: hash, version } };
    }
    case 4: {
      const reason = read.u16();
      const why = read.text();
      return { brief: `${reason} ${JSON.stringify(why)}`, detail: { reason, text: why } };
    }
    case 120: {
      const doId = read.u32();
      const field = schema.field(read.u16());
      const name = `${schema.entries[field.class].name}.${field.name}`;
      const value = args(field, schema.unpack(field, read.rest()));
      return { brief: `${name}${value}`, field: name, doId, detail: { do_id: doId, field: name, value } };
    }
    case 132: case 161: {
      const doId = read.u32();
      return { brief: `${doId}`, doId, detail: { do_id: doId } };
    }
    case 140: {
      const [doId, parent, zone] = [read.u32(), read.u32(), read.u32()];
      return { brief: `${doId} → zone ${zone} of ${parent}`, doId, detail: { do_id: doId, parent, zone } };
    }
    case 142: case 143: case 172: case 173: {
      const [doId, parent, zone, id] = [read.u32(), read.u32(), read.u32(), read.u16()];
      const { name } = schema.classById(id);
      return { brief: `${name} ${doId}`, field: name, doId, enters: true, detail: { do_id: doId, parent, zone, class: name } };
    }
    case 200: case 201: {
      const [context, interest, parent] = [read.u32(), read.u16(), read.u32()];
      const zones = Array.from({ length: number === 200 ? 1 : read.u16() }, () => read.u32());
      return { brief: `zone ${zones.join(', ')} of ${parent}`, detail: { context, interest, parent, zones } };
    }
    case 203: case 204: {
      const [context, interest] = [read.u32(), read.u16()];
      return { brief: `interest ${interest}`, detail: { context, interest } };
    }
    default: return {};
  }
}

/** @param {any} connection @param {any} detail */
function entered(connection, detail) {
  const object = connection.objects.get(detail.do_id);
  if (!object) return {};
  const values = Object.entries(object.fields).map(([name, value]) => `${name}${args({ name }, value)}`);
  return { brief: `${detail.class} ${detail.do_id} ${values.join(' ')}`, detail: { ...detail, required: values } };
}
