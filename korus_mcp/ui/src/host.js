/**
 * The few `ui/*` messages of MCP Apps (2026-01-26) that our pages speak: JSON-RPC over postMessage.
 *
 *     const host = await connect({ name, version, onInput, onResult, onContext });
 *     const result = await host.callTool("check_availability", { offer_id });
 *
 * Only messages whose source is `window.parent` count. Every request has a time-out and fails with
 * a HostError, so a page never waits for ever for a host that does not answer.
 */

import { objectOf } from "./values.js";

export const PROTOCOL_VERSION = "2026-01-26";

const METHOD_NOT_FOUND = -32601;
/** How long a request may take, in milliseconds; where a person is asked first, longer. */
const TIMES = { connect: 8_000, short: 15_000, first: 20_000, tool: 90_000, person: 180_000 };

/**
 * A request to the host that came to nothing.
 *
 * `kind` is "silent" (no answer in time, or the page was closed), "refused" (the host answered with
 * an error) or "unsupported" (the host does not offer this).
 */
export class HostError extends Error {
  constructor(kind, message) {
    super(message);
    this.name = "HostError";
    this.kind = kind;
  }
}

/**
 * Introduce this page to its host.
 *
 * `onInput(args)`, `onResult(result)` (a CallToolResult, `_meta` included), `onCancelled()`,
 * `onContext(context)` (the whole merged context; also once at the start) and `onTeardown()` may
 * come at any time, before the promise is settled, too. `preferredWidth()` is how wide the page would
 * be where that is its to say, or null. The promise rejects with a HostError when the host refuses or
 * stays silent; the page goes on listening all the same, and a host that answers after that is handed
 * to `onLate(host)`.
 */
export function connect(page) {
  const wire = new Wire();
  const host = new Host(wire);
  serve(wire, host, page);
  const answer = wire.request("ui/initialize", {
    appInfo: { name: page.name, version: page.version },
    appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    protocolVersion: PROTOCOL_VERSION,
  });
  const connected = answer.then((result) => {
    host.capabilities = objectOf(result.hostCapabilities);
    wire.notify("ui/notifications/initialized", {});
    host.changeContext(objectOf(result.hostContext), page.onContext);
    host.observeSize(page.preferredWidth);
    return host;
  });
  return inTime(connected, page.timeout ?? TIMES.connect, (late) => page.onLate?.(late));
}

/** The host of this page. All its methods return promises that reject with a HostError. */
export class Host {
  #wire;
  #observer = null;
  #hasAnswered = false;

  /** What it offers (`hostCapabilities`). */
  capabilities = {};
  /** Theme, styles, locale, time zone, size: what it told so far (`hostContext`). */
  context = {};

  constructor(wire) {
    this.#wire = wire;
  }

  /** Whether it says that it offers a thing: "message", "downloadFile". */
  offers(capability) {
    return this.capabilities[capability] !== undefined;
  }

  /**
   * Whether it may be asked for a thing that needs no button: "serverTools", "serverResources",
   * "updateModelContext". A host that declares nothing at all may.
   */
  mayOffer(capability) {
    return this.#declaresNothing || this.offers(capability);
  }

  /** The tool's CallToolResult, also when that says `isError`. */
  callTool(name, args) {
    return this.#askServer("serverTools", "tools/call", { name, arguments: args });
  }

  /** The `contents` of a resource of the server. */
  async readResource(uri) {
    const result = await this.#askServer("serverResources", "resources/read", { uri });
    return Array.isArray(result.contents) ? result.contents : [];
  }

  /** Put words and data into the model's context, in place of what this page put there before. */
  tellModel({ text, data }) {
    const method = "ui/update-model-context";
    if (!this.mayOffer("updateModelContext")) return unsupported(method);
    const kinds = Object.keys(objectOf(this.capabilities.updateModelContext));
    const params = { content: [{ type: "text", text }] };
    if (data && (kinds.length === 0 || kinds.includes("structuredContent"))) {
      params.structuredContent = data;
    }
    return this.#ask(method, params, TIMES.short);
  }

  /** Write a message in the person's name; hosts may ask the person first. */
  say(text) {
    const params = { role: "user", content: [{ type: "text", text }] };
    return this.#askOffered("message", "ui/message", params);
  }

  /** Offer files to the person: embedded resources or resource links. */
  download(contents) {
    return this.#askOffered("downloadFile", "ui/download-file", { contents });
  }

  /** Stop listening and reporting; what is still asked for rejects. */
  async close() {
    this.#observer?.disconnect();
    this.#wire.close();
  }

  /**
   * Report the height of the page whenever it changes; its width only where the host leaves that to the
   * page (`preferredWidth()`): told back, a width of the host would hold its frame at that for ever.
   */
  observeSize(preferredWidth) {
    let told = "";
    const report = () => {
      const width = preferredWidth?.() ?? null;
      const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
      const size = width === null ? { height } : { width, height };
      if (told === JSON.stringify(size)) return;
      told = JSON.stringify(size);
      this.#wire.notify("ui/notifications/size-changed", size);
    };
    this.#observer = new ResizeObserver(() => requestAnimationFrame(report));
    this.#observer.observe(document.documentElement);
  }

  /** Take in what changed and tell the page. */
  changeContext(changes, tell) {
    this.context = { ...this.context, ...changes };
    tell?.(this.context);
  }

  get #declaresNothing() {
    return Object.keys(this.capabilities).length === 0;
  }

  /** What has a button is asked for only where the host says that it offers it. */
  #askOffered(capability, method, params) {
    if (this.offers(capability)) return this.#ask(method, params, TIMES.person);
    return unsupported(method);
  }

  /** Of a host that declares nothing, the first answer shows that it passes questions on. */
  async #askServer(capability, method, params) {
    if (!this.mayOffer(capability)) return unsupported(method);
    const isUnproved = this.#declaresNothing && !this.#hasAnswered;
    const result = await this.#ask(method, params, isUnproved ? TIMES.first : TIMES.tool);
    this.#hasAnswered = true;
    return result;
  }

  async #ask(method, params, time) {
    const result = await inTime(this.#wire.request(method, params), time);
    if (method.startsWith("ui/") && result.isError) {
      throw new HostError("refused", `The host refused ${method}.`);
    }
    return result;
  }
}

/** JSON-RPC with the parent window. */
class Wire {
  #waiting = new Map();
  #next = 1;
  #handlers = {};
  #isClosed = false;
  #listener = (event) => this.#receive(event);

  constructor() {
    window.addEventListener("message", this.#listener);
  }

  /** Call `handlers[method](params)`; what it returns answers a request. */
  serve(handlers) {
    this.#handlers = handlers;
  }

  request(method, params) {
    if (this.#isClosed) return Promise.reject(new HostError("silent", "The page was closed."));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  close() {
    this.#isClosed = true;
    window.removeEventListener("message", this.#listener);
    for (const { reject } of this.#waiting.values()) {
      reject(new HostError("silent", "The page was closed."));
    }
    this.#waiting.clear();
  }

  // The host's origin is unknown to a sandboxed page, so "*", as in the specification.
  #send(message) {
    window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }

  #receive(event) {
    const message = event.data;
    const isOurs = event.source === window.parent && window.parent !== window;
    if (!isOurs || message?.jsonrpc !== "2.0") return;
    if (typeof message.method === "string") this.#handle(message);
    else this.#settle(message);
  }

  #settle({ id, result, error }) {
    const asked = this.#waiting.get(id);
    if (!asked) return;
    this.#waiting.delete(id);
    if (!error) return asked.resolve(objectOf(result));
    const kind = error.code === METHOD_NOT_FOUND ? "unsupported" : "refused";
    asked.reject(new HostError(kind, String(error.message ?? "The host answered with an error.")));
  }

  #handle({ id, method, params }) {
    const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : null;
    if (id === undefined) return handler?.(objectOf(params));
    if (!handler) {
      const error = { code: METHOD_NOT_FOUND, message: "Method not found" };
      return this.#send({ id, error });
    }
    try {
      handler(objectOf(params));
    } finally {
      this.#send({ id, result: {} });
    }
  }
}

/** What a host may send by itself. */
function serve(wire, host, page) {
  wire.serve({
    ping: () => {},
    "ui/notifications/tool-input": ({ arguments: args }) => page.onInput?.(objectOf(args)),
    // Half an argument is of no use to our pages; it is a known message all the same.
    "ui/notifications/tool-input-partial": () => {},
    "ui/notifications/tool-result": (result) => page.onResult?.(result),
    "ui/notifications/tool-cancelled": () => page.onCancelled?.(),
    "ui/notifications/host-context-changed": (changes) =>
      host.changeContext(changes, page.onContext),
    "ui/resource-teardown": () => page.onTeardown?.(),
  });
}

/** The promise, or a HostError after `time`; what comes later is handed to `late`. */
function inTime(promise, time, late) {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      reject(new HostError("silent", "The host did not answer in time."));
    }, time);
    promise.then(
      (value) => {
        clearTimeout(timer);
        if (isOver) late?.(value);
        else resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

function unsupported(method) {
  return Promise.reject(new HostError("unsupported", `The host does not offer ${method}.`));
}
