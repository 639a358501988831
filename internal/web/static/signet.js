// Logins in the browser for an application that uses Signet. signet.d.ts describes the API.
// The issuer decides what the page holds: its answers have a refresh token and an access token, only an access token,
// or no token. Locks and messages between tabs only save requests. The issuer alone decides whether a login is valid.

const EPOCH = "signet.epoch"; // changes with each login and logout
const KEY = "signet.key"; // names this browser: with the same key, a refresh can be sent again
const LOGOUT = "signet.logout"; // a logout that the issuer has not confirmed
const REFRESH = "signet.refresh_token";

export class SignetError extends Error {
  constructor(code, message = code, retryAfter) {
    super(message);
    Object.assign(this, { name: "SignetError", code, retryAfter });
  }
}

// safe wraps a Storage. It holds in memory what the browser refuses to store.
function safe(find) {
  const memory = new Map();
  return {
    get(name) {
      try {
        return memory.get(name) ?? find().getItem(name);
      } catch {
        return null;
      }
    },
    set(name, value) {
      memory.delete(name);
      try {
        value ? find().setItem(name, value) : find().removeItem(name);
      } catch {
        memory.set(name, value);
      }
      return value;
    },
  };
}

// A time is read from two clocks: one goes on while the computer sleeps, the other one is never set.
const now = () => [Date.now(), performance.now()];
const since = ([date, time]) => Math.max(Date.now() - date, performance.now() - time);

export function open({ url, apis = [], storage } = {}) {
  const base = new URL(url ? `${url}/session/` : ".", import.meta.url);
  const origins = [location.origin, ...apis.map((api) => new URL(api).origin)];
  const shared = safe(() => localStorage), own = safe(() => storage ?? sessionStorage);
  const listeners = new Set(), closed = new AbortController();

  let session; // undefined until it is known, null if there is none
  let last; // the session when it was last known
  let access; // the access token: { token, from, life, due }
  let seen; // the epoch of session and access
  let force; // a renewal is due whatever the clocks say
  let cancel = () => {}; // cancels a refresh that was sent before the last login or logout
  let flight, timer, channel, failure, failures = 0, failed = now(), pause = 0;

  const visible = () => document.visibilityState != "hidden";
  const epoch = () => shared.get(EPOCH);
  const pending = () => shared.get(LOGOUT) ?? own.get(LOGOUT);
  const refreshToken = () => own.get(REFRESH) ?? undefined;
  const due = () => force || session === undefined || seen !== epoch() || (access && since(access.from) >= access.due);
  const left = () => (access && seen === epoch() ? access.life - since(access.from) : 0);

  function update(value, token, at = epoch()) {
    const id = (s) => s && s.session_id, changed = id(value) !== id(session);
    [session, access, seen, force, failures] = [value, token, at, false, 0];
    if (value !== undefined) last = value;
    if (changed) for (const listener of listeners) queueMicrotask(() => listener(session));
  }

  function forget(at) {
    own.set(REFRESH, null);
    update(null, undefined, at);
  }

  // accept takes an answer to a request that was sent at the time from, in the epoch at.
  function accept({ access_token: token, refresh_token, expires_in, token_type, ...value }, from, at) {
    const life = expires_in * 1000;
    if (refresh_token) own.set(REFRESH, refresh_token);
    update(value, token && { token, from, life, due: Math.max(life - 60_000, life / 2) }, at);
  }

  function share(answer, from, at) {
    accept(answer, from, at);
    channel?.postMessage({ answer, at, date: from[0], age: since(from) });
  }

  try {
    channel = new BroadcastChannel("signet");
    channel.onmessage = ({ data: { answer, at, date, age, out, subject } }) => {
      if (!answer) {
        if (last && (last.session_id === out || last.subject === subject)) forget(at);
      } else if (at === epoch() && (!answer.refresh_token || answer.session_id === session?.session_id)) {
        age = Math.max(age, Date.now() - date);
        if (due() || (access && age < since(access.from))) accept(answer, now().map((clock) => clock - age), at);
      }
      schedule();
    };
  } catch {}

  // post sends a request and reads the whole answer, both within a limit of time.
  async function post(path, body, limit = 10_000) {
    let response, answer;
    const control = new AbortController(), at = epoch();
    setTimeout(() => control.abort(), limit);
    if (path == "refresh") cancel = () => at !== epoch() && control.abort();
    try {
      response = await fetch(new URL(path, base), {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": shared.get(KEY) ?? shared.set(KEY, crypto.randomUUID()),
        },
        body: JSON.stringify(body),
        credentials: "include",
        keepalive: path == "logout",
        signal: control.signal,
      });
      answer = await response.text();
    } catch {
      throw new SignetError("offline", "the issuer does not answer");
    }
    try {
      answer = Object(JSON.parse(answer));
    } catch {
      answer = {};
    }
    if (path == "logout" ? response.status == 204 : response.ok && answer.session_id) return answer;
    const { error = "temporarily_unavailable", error_description = `status ${response.status}` } = answer;
    throw new SignetError(error, error_description, Number(response.headers.get("Retry-After")) || undefined);
  }

  // locked runs work when no other tab does, or after 2 s, because a tab with the lock may be frozen. It releases the
  // lock after a moment, when the other tabs have the new token.
  function locked(work) {
    return new Promise((resolve, reject) => {
      const run = () => work().then(resolve, reject).then(() => new Promise((next) => setTimeout(next, 50)));
      try {
        navigator.locks.request("signet", { signal: AbortSignal.timeout(2000) }, run).catch(run);
      } catch {
        run();
      }
    });
  }

  async function sendLogout() {
    for (const store of [shared, own]) {
      const body = store.get(LOGOUT);
      if (body) await post("logout", JSON.parse(body));
      if (body) store.set(LOGOUT, null);
    }
  }

  // refresh ignores an answer if there was a login or a logout since its request.
  async function refresh() {
    await sendLogout();
    for (let attempt = 0; due() && attempt < 3; attempt++) {
      const at = epoch(), from = now();
      try {
        const answer = await post("refresh", { refresh_token: refreshToken() });
        if (at === epoch()) share(answer, from, at);
      } catch (error) {
        if (at !== epoch()) continue;
        if (error.code != "login_required") throw error;
        forget();
      }
    }
  }

  function renew() {
    if (since(failed) < pause) return Promise.reject(failure);
    flight ??= locked(refresh).catch(fail).finally(() => {
      flight = undefined;
      schedule();
    });
    return flight;
  }

  function fail(error) {
    const wait = Math.min(500 * 2 ** failures++, 60_000) * (0.5 + Math.random() / 2);
    [failure, failed, pause] = [error, now(), error.retryAfter * 1000 || wait];
    throw error;
  }

  // schedule sets the timer. A hidden tab sets it only for a pending logout: it must not keep a login alive.
  function schedule() {
    clearTimeout(timer);
    if (closed.signal.aborted || flight || !(pending() || (visible() && (access || due())))) return;
    const rest = pending() || due() ? pause - since(failed) : access.due - since(access.from);
    timer = setTimeout(wake, Math.min(Math.max(rest, 0), 2e9));
  }

  function wake() {
    cancel();
    if (session && seen !== epoch()) update(undefined, undefined, seen);
    if (pending() || (visible() && due())) renew().catch(() => {});
    schedule();
  }

  const on = (target, event, listener) => target.addEventListener(event, listener, { signal: closed.signal });
  on(document, "visibilitychange", wake);
  on(window, "storage", (event) => event.key == EPOCH && wake());
  on(window, "online", () => {
    pause = 0;
    wake();
  });
  on(window, "pageshow", (event) => {
    force ||= event.persisted; // from the back/forward cache
    wake();
  });
  if (pending()) forget();
  renew().catch(() => {});

  return {
    get session() {
      return session;
    },

    async login(credentials) {
      await locked(async () => {
        await sendLogout();
        const from = now(), answer = await post("login", credentials, 30_000);
        const at = shared.set(EPOCH, crypto.randomUUID());
        cancel(); // a late answer would replace or delete the cookie of this login
        share(answer, from, at);
      });
      schedule();
      return session;
    },

    async logout({ everywhere = false } = {}) {
      const refresh_token = refreshToken();
      (refresh_token ? own : shared).set(LOGOUT, JSON.stringify({ everywhere, refresh_token }));
      const at = shared.set(EPOCH, crypto.randomUUID());
      channel?.postMessage({ at, out: last?.session_id, subject: everywhere && last?.subject });
      forget();
      await locked(sendLogout).catch(fail).catch(() => {});
      schedule();
    },

    async token() {
      if (due()) {
        const renewal = renew();
        // A token that is valid for a while can be used in the meantime.
        if (left() > Math.min(10_000, access?.life / 4)) renewal.catch(() => {});
        else await renewal.catch((error) => left() > 0 || Promise.reject(error));
      }
      if (!session) throw new SignetError("login_required", "nobody is logged in");
      return access?.token;
    },

    async fetch(input, init) {
      const request = new Request(input, init);
      if (!origins.includes(new URL(request.url).origin)) return fetch(request);
      const again = init?.body instanceof ReadableStream ? null : request.clone();
      let token;
      const send = async (request) => {
        token = await this.token().catch((error) => {
          if (error.code != "login_required") throw error;
        });
        if (token) request.headers.set("Authorization", `Bearer ${token}`);
        return fetch(request);
      };
      const response = await send(request);
      if (response.status != 401 || !session || !again) return response;
      try {
        if (token === access?.token) force = true;
        if (force) await renew();
      } catch {}
      return session && !force ? send(again) : response;
    },

    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    close() {
      closed.abort();
      clearTimeout(timer);
      channel = channel?.close();
    },
  };
}
