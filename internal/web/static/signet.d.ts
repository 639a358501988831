/** Logins in the browser for an application that uses Signet. */

/** The session of a logged-in user. */
export interface Session {
  /** The user: the claim "sub" of access tokens. */
  readonly subject: string;
  /** The session: the claim "sid" of access tokens. */
  readonly session_id: string;
  /** After how many seconds without use the session ends, as of the last answer of the issuer. */
  readonly session_expires_in: number;
  /** The scope of the access token. */
  readonly scope?: string;
}

export interface Options {
  /** The issuer, such as "https://login.example". By default it is the one that serves this file. */
  url?: string;
  /** Origins of APIs that get the access token. The origin of the page gets it too. */
  apis?: string[];
  /** Where the page holds the refresh token, if there is no cookie for it. By default it is sessionStorage. */
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

export interface Credentials {
  username: string;
  password: string;
  /** False: the cookie ends with the browser. By default it is true. */
  remember?: boolean;
  /** How a list of the user's sessions names this one. */
  device_label?: string;
  audience?: string | string[];
  scope?: string;
}

export interface Signet {
  /** Undefined until the issuer has answered, null if nobody is logged in. */
  readonly session: Session | null | undefined;
  /** Logs in. A wrong password is the code "invalid_grant". */
  login(credentials: Credentials): Promise<Session>;
  /** Logs out here, or on all devices. A logout that does not reach the issuer is sent as soon as possible. */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  /** An access token that is valid now, or undefined if the page holds none (--browser session). */
  token(): Promise<string | undefined>;
  /** Like the function of that name, with the access token. After a 401 it renews the token and repeats the request. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Calls the listener when the session is known, begins or ends. The result removes the listener. */
  onChange(listener: (session: Session | null | undefined) => void): () => void;
  /** Stops the timer and all listeners. */
  close(): void;
}

export function open(options?: Options): Signet;

/** All methods fail with this error, but fetch() also fails as the function of that name does. */
export class SignetError extends Error {
  /** "login_required" alone means that the login has ended. After "offline" and others it can go on. */
  readonly code:
    | "login_required" | "invalid_grant" | "invalid_request" | "access_denied"
    | "offline" | "slow_down" | "temporarily_unavailable" | (string & {});
  /** The number of seconds to wait, if the issuer has named it. */
  readonly retryAfter?: number;
}
