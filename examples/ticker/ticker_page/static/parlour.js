// @ts-check
/**
 * A client in a browser: login, a fresh ticket for each connection, one connection that is kept up, and one
 * answer for each request. The session's token is in this object and nowhere else, so a reload asks for the
 * password again. Show what you receive with `textContent`: it is text that others wrote.
 * @typedef {{ type: string, [field: string]: any }} Frame
 * @typedef {"logged out" | "connecting" | "connected" | "waiting"} Status
 */

const [FIRST_WAIT, LONGEST_WAIT, STEADY_AFTER, PATIENCE] = [250, 30_000, 10_000, 30_000]; // milliseconds
const UNREACHABLE = "The server can't be reached. Whether it did what you asked for is not known.";
const FINAL = new Set([4001, 4002, 4006, 4007, "unauthenticated", "enrolment_required"]); // log in again

/** Why something was not done: a stable `code`, and a sentence for people. */
export class Refused extends Error {
  constructor(/** @type {string} */ code, /** @type {string} */ text, milliseconds = 0) {
    super(text);
    this.code = code;
    this.retryAfter = milliseconds;
  }
}

/** One account's connection to its server. */
export class Link {
  #session = "";
  #last = 0;
  #failures = 0;
  #timer = 0;
  #socket = /** @type {WebSocket | undefined} */ (undefined);
  /** @type {Map<string, { resolve: (result: any) => void, reject: (why: Refused) => void }>} */
  #asked = new Map();

  /**
   * `server` is its Origin, if it isn't the page's own. `onConnected` catches up after `last`, the highest number
   * that `isNew` was given; pushes wait until what it returns is settled.
   * @param {{ protocol: string, server?: string, path?: string, onPush?: (push: Frame) => void,
   *   onConnected?: (greeting: Frame, last: number) => unknown,
   *   onStatus?: (status: Status, why?: Refused) => void }} options
   */
  constructor({ protocol, server = location.origin, path = `/v1/${protocol.split(".")[0]}`, ...calls }) {
    this.protocol = protocol;
    this.server = server;
    this.url = server.replace(/^http/, "ws") + path;
    this.calls = { onConnected: () => {}, onPush: () => {}, onStatus: () => {}, ...calls };
  }

  /** Log in and connect. Throws Refused. @param {string} username @param {string} password */
  async logIn(username, password, device = "browser") {
    const { session } = await this.call("POST", "/v1/sessions", { username, password, device });
    if (!session) throw new Refused("proof_needed", "This account needs more than its password.");
    this.#stop(session);
    this.#last = this.#failures = 0;
    void this.#connect();
  }

  /** End the session, here and at the server. Throws Refused if the server was not told. */
  async logOut() {
    const told = this.call("DELETE", "/v1/sessions/current");
    this.#stop("", "logged out");
    await told;
  }

  /** Call an operation of the HTTPS API. Throws Refused. @param {object} [body] @returns {Promise<any>} */
  async call(/** @type {string} */ method, /** @type {string} */ path, body) {
    const headers = new Headers(body && { "Content-Type": "application/json" });
    if (this.#session) headers.set("Authorization", `Bearer ${this.#session}`); // a login ends it
    const found = await fetch(this.server + path, {
      ...{ method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) },
      ...{ credentials: "omit", redirect: "error", cache: "no-store" },
    }).then(async (answer) => ({ ...JSON.parse((await answer.text()) || "{}"), isDone: answer.ok }))
      .catch(() => ({ error: "unreachable", message: UNREACHABLE }));
    if (!found.isDone) throw new Refused(found.error, found.message, 1000 * (found.retry_after ?? 0));
    return found;
  }

  /** Send a request; returns its result, or throws Refused. @param {Frame} request @returns {Promise<any>} */
  ask(request) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== 1) throw new Refused("unreachable", "Not connected.");
      const id = crypto.randomUUID();
      this.#asked.set(id, { resolve, reject });
      setTimeout(() => this.#answered(id)?.reject(new Refused("unreachable", UNREACHABLE)), PATIENCE);
      this.#socket.send(JSON.stringify({ ...request, id }));
    });
  }

  /** Return whether an entry of a log is a new one, and remember its number. @param {number} seq */
  isNew(seq) {
    return seq > this.#last && (this.#last = seq) > 0;
  }

  async #connect() {
    const session = this.#session;
    this.calls.onStatus("connecting");
    const found = await this.call("POST", "/v1/tickets").catch((/** @type {Refused} */ why) => why);
    if (session !== this.#session) return; // logged out, or in again, in the meantime
    found instanceof Refused ? this.#again(found) : this.#open(found.ticket);
  }

  /** A page can set no header of a handshake but this list, and a URL ends up in logs. */
  #open(/** @type {string} */ ticket) {
    const socket = (this.#socket = new WebSocket(this.url, [this.protocol, `ticket.${ticket}`]));
    const late = setTimeout(() => socket.close(), PATIENCE);
    let [since, held] = [Infinity, /** @type {Frame[] | null} */ (null)]; // held back until it has caught up
    socket.onmessage = async ({ data }) => {
      if (this.#socket !== socket) return;
      const frame = JSON.parse(data);
      if (since === Infinity) {
        clearTimeout(late);
        [since, held] = [Date.now(), []];
        this.calls.onStatus("connected");
        await (async () => this.calls.onConnected(frame, this.#last))().catch(() => socket.close());
        if (this.#socket === socket) held.forEach((push) => this.calls.onPush(push));
        held = null;
      } else if (frame.type === "ok") this.#answered(frame.re)?.resolve(frame.result);
      else if (frame.type === "error")
        this.#answered(frame.re)?.reject(new Refused(frame.code, frame.hint ?? frame.code, frame.retry_after));
      else held ? held.push(frame) : this.calls.onPush(frame);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.#socket !== socket) return;
      if (Date.now() - since > STEADY_AFTER) this.#failures = 0;
      this.#again(new Refused(FINAL.has(code) ? "unauthenticated" : "unreachable", reason || UNREACHABLE));
    };
  }

  /** Connect again after a while that grows, and is random: a thousand pages must not come at once. */
  #again(/** @type {Refused} */ why) {
    if (FINAL.has(why.code)) return this.#stop("", "logged out", why);
    this.#stop(this.#session, "waiting", why);
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#connect(), Math.max(why.retryAfter, Math.random() * longest));
  }

  /** @param {string} session that is left @param {Status} [status] @param {Refused} [why] */
  #stop(session, status, why) {
    const socket = this.#socket;
    [this.#socket, this.#session] = [undefined, session];
    clearTimeout(this.#timer);
    socket?.close();
    for (const id of this.#asked.keys()) this.#answered(id)?.reject(new Refused("unreachable", UNREACHABLE));
    if (status) this.calls.onStatus(status, why);
  }

  /** Return who waits for the answer to a request, once. @param {string} id */
  #answered(id) {
    const asked = this.#asked.get(id);
    return this.#asked.delete(id) ? asked : undefined;
  }
}
