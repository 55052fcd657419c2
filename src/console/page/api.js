// The daemon's HTTP API: questions, actions, who is logged in, and whether anybody answers at all.
// What is known of the connection and the session stands in stores, which the page watches.

import { store } from './store.js';

const BASE = new URL('api/v1/', document.baseURI);
const LIMIT_MS = 30_000;
const PAUSES_S = [1, 2, 3, 5];

/** `status` is 'loading', 'out' (a log-in is needed) or 'in'. */
export const session = store({ status: 'loading', name: null, role: 'view', login: false, plain: false, ended: false });
/** Whether the daemon answers; if not, when it is asked again. `revived` counts the times it has come back. */
export const reach = store({ online: true, failed: 0, retryAt: 0, revived: 0 });

let csrf = null;

export class ApiError extends Error {
  constructor(status, code, message, retryAfter = null) {
    super(message);
    Object.assign(this, { status, code, retryAfter });
  }
}

/** `path` with the values that there are; those that are empty are left out. */
export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, value);
  }
  return url;
}

const part = encodeURIComponent;
/** A path of the API whose values are quoted: path`clients/${channel}`. */
export const path = (texts, ...values) => String.raw({ raw: texts }, ...values.map((value) => part(value)));

async function failure(response) {
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Not the daemon's own words: a proxy's, say.
  }
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return new ApiError(
    response.status,
    error.code ?? 'unknown',
    error.message ?? `the daemon answered with ${response.status} ${response.statusText}`,
    Number.isFinite(seconds) ? seconds : null,
  );
}

/** Whoever looks is still the same. */
let stay = new AbortController();

async function ask(method, url, body, signal) {
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (csrf && method !== 'GET') headers['x-csrf-token'] = csrf;
  const limit = AbortSignal.timeout(LIMIT_MS);
  const left = method === 'GET' ? [signal, stay.signal].filter(Boolean) : [signal].filter(Boolean);
  try {
    return await fetch(url, {
      method, headers, signal: AbortSignal.any([limit, ...left]),
      body: body === undefined ? undefined : JSON.stringify(body), credentials: 'same-origin', cache: 'no-store',
    });
  } catch (error) {
    if (left.some((one) => one.aborted)) throw error;
    if (limit.aborted) throw new ApiError(0, 'slow', 'the daemon has not answered within 30 seconds');
    throw new ApiError(0, 'unreachable', 'the daemon cannot be reached');
  }
}

/** The answer's JSON, or null if there is none. */
export async function call(method, where, { query, body, signal } = {}) {
  let response;
  try {
    response = await ask(method, address(where, query), body, signal);
  } catch (error) {
    if (error.code === 'unreachable') lost();
    throw error;
  }
  found();
  if (response.ok) {
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  }
  const error = await failure(response);
  if (response.status === 401 && session.get().status === 'in') out(true);
  throw error;
}

export const get = (where, query, signal) => call('GET', where, { query, signal });

// The session.

function out(ended) {
  csrf = null;
  session.set({ ...session.get(), status: 'out', ended, login: true });
}

/** Asks who this is. */
export async function load() {
  try {
    const found = await get('session');
    // Nobody yet: that may be said as an answer, too, since browsers note refusals as mistakes.
    if (!found.role) {
      out(session.get().status === 'in');
      return;
    }
    csrf = found.csrf;
    session.set({ ended: false, ...found, status: 'in' });
  } catch (error) {
    if (error.status === 401) out(session.get().status === 'in');
    else if (error.code !== 'unreachable') lost();
  }
}

export async function logIn(name, password) {
  const found = await call('POST', 'session', { body: { name, password } });
  csrf = found.csrf;
  session.set({ ended: false, plain: false, ...found, login: true, status: 'in' });
  // What the log-in does not answer: whether passwords go unencrypted here.
  load();
}

export async function logOut() {
  // What pages have asked for would be refused when it comes too late, and browsers note that as a mistake.
  stay.abort();
  stay = new AbortController();
  session.set({ ...session.get(), status: 'loading' });
  try {
    await call('DELETE', 'session');
  } catch (error) {
    if (error.status !== 401) {
      load();
      throw error;
    }
  }
  out(false);
}

// Whether somebody answers.

let timer = null;

function found() {
  clearTimeout(timer);
  const { online, revived } = reach.get();
  if (!online) reach.set({ online: true, failed: 0, retryAt: 0, revived: revived + 1 });
}

function lost() {
  const before = reach.get();
  // Pages ask by themselves, too: that they have failed does not put off the next try.
  if (!before.online && before.retryAt > Date.now()) return;
  clearTimeout(timer);
  const failed = before.failed + 1;
  const pause = PAUSES_S[Math.min(failed, PAUSES_S.length) - 1] * 1000;
  reach.update({ online: false, failed, retryAt: Date.now() + pause });
  timer = setTimeout(load, pause);
}

export function tryNow() {
  clearTimeout(timer);
  reach.update({ retryAt: 0 });
  load();
}
