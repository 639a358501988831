// What a script can see: the panel of all three ways.

/** short shows the beginning of a long value, because secrets belong in no screenshot. */
const short = (text) => (text.length > 40 ? `${text.slice(0, 16)}… (${text.length} characters)` : text);

/** list shows what a storage holds, an entry a line. */
const list = (storage) => Object.entries(storage).map(([key, value]) => `${key}: ${short(value)}`).join("\n");

function put(id, text, secret) {
  const element = document.getElementById(id);
  element.textContent = text || "nothing";
  element.classList.toggle("nothing", !text);
  element.classList.toggle("secret", Boolean(text) && secret);
}

/** see fills the panel. token is what signet.token() returned. */
export function see(signet, token) {
  put("seen-local", list(localStorage), false);
  put("seen-session", list(sessionStorage), true);
  put("seen-cookie", document.cookie, true);
  put("seen-token", token && short(token), true);
  put("seen-login", signet.session && Object.entries(signet.session).map(([k, v]) => `${k}: ${v}`).join("\n"), false);
}

/** show updates the table of the last requests. */
export async function showRequests() {
  const rows = (await (await fetch("/requests")).json()).map((r) => {
    const row = document.createElement("tr");
    row.classList.toggle("lost", r.lost);
    row.append(...[r.time, r.request, `${r.status}${r.cookie ? ", cookie" : ""}${r.lost ? ", lost" : ""}`].map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return row;
  });
  document.getElementById("requests").replaceChildren(...rows);
}
