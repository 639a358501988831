import { open } from "/session/signet.js";

// What the tests read. The page has no other script.
window.changes = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
window.signet = open();
window.signet.onChange((session) => {
  window.changes.push(session);
  document.title = session ? session.subject : String(session);
});
