// The page of ways 1 and 2. It is the same: the issuer decides what the page holds.
import { open } from "/session/signet.js";
import { see, showRequests } from "./seen.js";

const signet = open();
const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((next) => setTimeout(next, ms));
let shown; // the access token that the page shows

function say(text, error = false) {
  $("notice").textContent = text;
  $("notice").classList.toggle("error", error);
  $("notice").hidden = !text;
}

const sentences = {
  invalid_grant: "The user name or the password is wrong.",
  slow_down: "There were too many attempts. Try again in a moment.",
  login_required: "The login has ended.",
  offline: "Signet does not answer. Try again in a moment.",
};
const explain = (error) => say(sentences[error.code] ?? `Signet cannot answer now: ${error.message}`, true);

/** part decodes the head or the claims of a JWT, without verifying it. */
function part(token, index) {
  const text = atob(token.split(".")[index].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
}

/** show brings the page up to date. token() renews the access token if that is due. */
async function show() {
  const token = await signet.token().catch(() => undefined);
  $("login").hidden = signet.session !== null;
  $("account").hidden = !signet.session;
  if (token) {
    const { iat, exp } = part(token, 1);
    const left = Math.max(0, exp - Date.now() / 1000);
    $("left").textContent = `${Math.round(left)} s`;
    $("life").value = left / (exp - iat);
  }
  if (token !== shown) {
    shown = token;
    $("token").textContent = token
      ? `${JSON.stringify(part(token, 0))}\n${JSON.stringify(part(token, 1), null, 2)}`
      : "no access token";
    await showRequests();
  }
  see(signet, token);
}

/** call calls the API and shows its answer. */
async function call() {
  const response = await signet.fetch("/api/orders");
  $("saw").textContent = response.ok ? JSON.stringify(await response.json(), null, 2) : `status ${response.status}`;
  return response.ok;
}

/** act runs an action after the ones before it, and brings the page up to date. Then next gets the focus. */
let last = Promise.resolve();
function act(id, action, next) {
  $(id).addEventListener(id === "login-form" ? "submit" : "click", (event) => {
    event.preventDefault();
    last = last.then(action).catch(explain).then(() => Promise.all([show(), showRequests()])).catch(explain);
    if (next) last = last.then(() => $(next).focus());
  });
}

act("login-form", async () => {
  const { username, password } = Object.fromEntries(new FormData($("login-form")));
  await signet.login({ username, password });
  say("");
}, "call");

act("call", async () => {
  say("");
  if (!(await call())) say("The API refused the request.", true);
});

act("lose", async () => {
  say("The API refuses the access token, so the script renews it. The program loses the answer …");
  const old = shown;
  await fetch("/lose", { method: "POST" });
  await call();
  for (let i = 0; i < 50 && (await signet.token()) === old; i++) await pause(200);
  if (!(await call())) throw new Error("the API refused the request");
  say("The answer with the new tokens was lost. The script sent the same request again, and got the answer again: you are still logged in.");
});

act("logout", async () => {
  await signet.logout();
  say("Logged out here.");
}, "username");

act("everywhere", async () => {
  await signet.logout({ everywhere: true });
  say("Logged out everywhere: other tabs at once, other browsers at their next renewal, and the API refuses their access tokens within about a second.");
}, "username");

signet.onChange(async (session) => {
  if (session === null) $("saw").textContent = "not called yet";
  await Promise.all([show(), showRequests()]).catch(explain);
});
await Promise.all([show(), showRequests()]).catch(explain);
setInterval(() => show().catch(explain), 500);
