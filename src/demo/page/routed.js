// What the cluster routes for this player, as `donet trace --json` has it: server-sent events, a line each.

/** Who has routed it, by what trace calls him. A link is one of the game's own servers: the gate is the UberDOG's, the rest the AI's. */
function speaker({ origin, sender, message }, gate) {
  if (origin.startsWith('StateServer')) return 'state server';
  if (origin.startsWith('ClientAgent')) return 'client agent';
  if (/^D(ata)?[bB]/.test(origin)) return 'database';
  return sender === String(gate) || message.startsWith('DBSERVER') ? 'UberDOG' : 'AI';
}

/** Trace shows numbers as they are sent: 123 is 12.3 where the DC file says `int16/10`. @param {Map<string, number[]>} divisors */
function real(value, field, divisors) {
  const all = divisors.get(field) ?? [];
  if (!all.some((divisor) => divisor > 1) || !/^\([-\d, ]*\)$/.test(value)) return value;
  return `(${value.slice(1, -1).split(', ').map((number, at) => Number(number) / (all[at] ?? 1)).join(', ')})`;
}

/** @param {any} message */
function brief({ field, arguments: args = {} }, divisors) {
  const { do_id, object, value, parent, zone, class: name } = args;
  if (field && value?.secret !== undefined) return `${field}(…)`;
  if (field && typeof value === 'string') return `${field}${real(value, field, divisors)}`;
  const what = object ?? args.location ?? args;
  const parts = [what.class ?? name, what.do_id ?? do_id];
  if (what.zone !== undefined || zone !== undefined) parts.push(`zone ${what.zone ?? zone} of ${what.parent ?? parent}`);
  const rest = parts.filter((part) => part !== undefined);
  return rest.length > 0 ? rest.join(' ') : short(args);
}

function short(args) {
  const text = Object.entries(args).map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`).join(' ');
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

export class Routed {
  /** @param {(message: any) => void} callback @param {any} facts what /world.json says */
  constructor(callback, { gate, dc }) {
    Object.assign(this, { callback, gate });
    this.divisors = new Map(dc.fields.map((field) => [`${dc.classes[field.class].name}.${field.name}`, (field.params ?? []).map(({ type }) => type?.divisor ?? 1)]));
    /** @type {EventSource | null} */ this.source = null;
  }

  /** @param {string} ticket */
  open(ticket) {
    this.close();
    const source = new EventSource(`/messages?ticket=${encodeURIComponent(ticket)}`);
    this.source = source;
    source.onmessage = ({ data }) => this.line(JSON.parse(data));
    source.onerror = () => {
      // Refused: there is no avatar yet, too many look, or the demo has been started anew. It is asked again later.
      if (source.readyState === EventSource.CLOSED) this.retry = setTimeout(() => this.source === source && this.open(ticket), 1000);
    };
  }

  close() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  line(line) {
    if (line.lost) return this.callback({ by: 'nobody', to: '', message: 'MISSING', brief: `${line.lost} datagrams are missing here`, detail: line, key: 'lost' });
    const by = speaker(line, this.gate);
    const to = (line.recipients ?? []).join(', ');
    this.callback({ by, to, message: line.message, field: line.field, brief: brief(line, this.divisors), detail: line, key: `${by} ${line.message} ${line.field ?? ''}` });
  }
}
