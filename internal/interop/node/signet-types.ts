// An application that uses all of signet.js. types_test.go compiles it with tsc --strict.
import { open, SignetError, type Options, type Session, type Signet } from "./signet.js";

const options: Options = { url: "https://login.example", apis: ["https://api.example"], storage: localStorage };
const signet: Signet = open(options);
const off: () => void = signet.onChange((session) => {
  if (session === undefined) return;
  document.title = session === null ? "logged out" : session.subject;
});

try {
  const session: Session = await signet.login({
    username: "ada", password: "secret", remember: false, device_label: "laptop", audience: ["https://api.example"], scope: "read",
  });
  const seconds: number = session.session_expires_in;
  console.log(session.session_id, session.scope?.split(" "), seconds);
  const token: string | undefined = await signet.token();
  const response: Response = await signet.fetch(new URL("https://api.example/orders"), { method: "POST", body: token });
  console.log(response.status, signet.session?.subject);
} catch (error) {
  if (!(error instanceof SignetError)) throw error;
  if (error.code === "slow_down") setTimeout(() => location.reload(), 1000 * (error.retryAfter ?? 1));
}
await signet.logout({ everywhere: true });
await signet.logout();
off();
signet.close();

// @ts-expect-error There may be no token.
(await signet.token()).length;
// @ts-expect-error There may be no session.
signet.session.subject;
// @ts-expect-error A password is needed.
await signet.login({ username: "ada" });
// @ts-expect-error The session cannot be set.
signet.session = null;
