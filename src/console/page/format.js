// How values are written. 64-bit numbers stay strings or BigInts: a Number would lose digits.

const LOCALE = 'en';
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const NONE = '–';

/** A count: a number, or a string of digits. */
export function count(value) {
  if (value === null || value === undefined) return NONE;
  if (typeof value === 'string') return /^\d+$/.test(value) ? whole.format(BigInt(value)) : value;
  return whole.format(value);
}

/** A rate or a count where room is scarce: 5.4K. */
export function brief(value) {
  if (value === null || value === undefined) return NONE;
  if (Math.abs(value) < 10) return tenth.format(value);
  return Math.abs(value) < 10_000 ? whole.format(value) : short.format(value);
}

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${Number(number) === 1 ? one : many}`;

/** A noun in the plural as so many have it: `actions` are one `action`. */
export const noun = (number, many) => (Number(number) === 1 ? many.replace(/s(?=,|$)/, '') : many);

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** A size; with so many digits if they are to tell close ones apart. */
export function bytes(value, digits = 0) {
  if (value === null || value === undefined) return NONE;
  let number = Number(value);
  let unit = 0;
  while (number >= 1000 && unit < UNITS.length - 1) {
    number /= 1000;
    unit += 1;
  }
  if (unit > 0 && digits > 0) return `${number.toPrecision(Math.max(digits, Math.ceil(Math.log10(number))))} ${UNITS[unit]}`;
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${UNITS[unit]}`;
}

export function micros(value) {
  if (value === null || value === undefined) return NONE;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} s`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)} ms`;
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} µs`;
}

export const percent = (value) => (value === null || value === undefined ? NONE : `${(value * 100).toFixed(value < 0.1 ? 1 : 0)} %`);

/** A span of time: 3 d 4 h, 12 min 5 s. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${tenth.format(seconds)} s`;
  const total = Math.round(seconds);
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const first = parts.findIndex(([size]) => total >= size);
  let left = total;
  return parts.slice(first, first + 2).map(([size, name]) => {
    const number = Math.floor(left / size);
    left -= number * size;
    return number > 0 ? `${number} ${name}` : '';
  }).filter(Boolean).join(' ');
}

const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayTime = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const fullTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

const dateOf = (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
};

export const full = (text) => (dateOf(text) ? fullTime.format(dateOf(text)) : String(text));

/** The time of today, with the day for another one. */
export function moment(text) {
  const date = dateOf(text);
  if (!date) return text ?? NONE;
  return date.toDateString() === new Date().toDateString() ? clockTime.format(date) : dayTime.format(date);
}

export const clock = (seconds) => clockTime.format(new Date(seconds * 1000));
export const sinceSeconds = (text) => (dateOf(text) ? (Date.now() - dateOf(text).getTime()) / 1000 : null);

/**
 * A sentence of the daemon, which begins small and ends without a full stop, as one that stands alone. One that begins with a key, such as
 * `arguments.value: …`, stays as it is, and so does a name that it begins with.
 */
export const sentence = (text) => {
  const said = String(text ?? '');
  if (/^[\w.[\]-]+: /.test(said)) return said;
  const name = /^\S*[._/\d[\]-]/.test(said);
  return said ? (name ? said : said[0].toUpperCase() + said.slice(1)) + (/[.!?…:]$/.test(said) ? '' : '.') : '';
};

const U64_MOST = (1n << 64n) - 1n;

/** A channel as it is written, or null if it is none. */
export function channel(text) {
  const digits = String(text).trim();
  if (!/^\d{1,20}$/.test(digits)) return null;
  const value = BigInt(digits);
  return value <= U64_MOST ? value.toString() : null;
}

export function doId(text) {
  const digits = channel(text);
  return digits !== null && BigInt(digits) <= 0xffffffffn ? Number(digits) : null;
}

export const KINDS = {
  client_agent: 'Client agent', state_server: 'State server', db_state_server: 'Database-state server',
  database: 'Database', event_logger: 'Event logger', message_director: 'Message director',
};
