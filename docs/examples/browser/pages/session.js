// Way 3 needs no script. This one looks for a token, and finds none.
import { open } from "/session/signet.js";
import { see } from "./seen.js";

const signet = open();
see(signet, await signet.token().catch(() => ""));
