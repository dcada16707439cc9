/**
 * A host of MCP Apps for the tests: the reference app-bridge around one sandboxed frame.
 *
 * `window.host.start(plan)` opens a page; `plan` is `{page, capabilities, context, input, result,
 * manner}`. Whatever the page asks for is written down in `window.host.log`. A tool is answered by
 * `plan.answers[name]`, a list of CallToolResults (the last one stays), `{throw: words}` for an error,
 * or with `{hold: result}` only at `window.host.release(place)`; with `plan.live` by
 * `window.askServer(name, args)`, a function of the test.
 * Manners: "kind" (the reference), and by hand "silent" (answers nothing, sends the result all the
 * same) and "refusing" (answers every request with an error).
 */

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

const log = { tools: [], contexts: [], messages: [], downloads: [], links: [], reads: [], sizes: [], raw: [] };
const LEAST_HEIGHT = 700;
const held = [];
let bridge = null;
let plan = {};

function frameFor() {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = "app";
  document.body.replaceChildren(frame);
  return frame;
}

async function answerOf(name, args) {
  if (plan.live) return window.askServer(name, args);
  const answers = plan.answers?.[name] ?? [];
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (answer === undefined) throw new Error(`no answer for ${name}`);
  if (answer.throw) throw new Error(answer.throw);
  if (answer.hold === undefined) return answer;
  await new Promise((resolve) => held.push(resolve));
  return answer.hold;
}

async function kind(frame) {
  const capabilities = plan.capabilities ?? {
    serverTools: {},
    serverResources: {},
    updateModelContext: { text: {}, structuredContent: {} },
    message: { text: {} },
    downloadFile: {},
    openLinks: {},
  };
  bridge = new AppBridge(null, { name: "test-host", version: "1.0.0" }, capabilities, { hostContext: plan.context ?? {} });
  bridge.oncalltool = (params) => {
    log.tools.push(params);
    return answerOf(params.name, params.arguments);
  };
  bridge.onupdatemodelcontext = async (params) => (log.contexts.push(params), {});
  bridge.onmessage = async (params) => (log.messages.push(params), plan.refuseMessage ? { isError: true } : {});
  bridge.ondownloadfile = async (params) => (log.downloads.push(params), {});
  bridge.onopenlink = async (params) => (log.links.push(params), {});
  bridge.onreadresource = async (params) => {
    log.reads.push(params);
    return answerOf(params.uri);
  };
  bridge.addEventListener("sizechange", (size) => {
    log.sizes.push(size);
    // Never less than at the start: what a test is about to click does not move away from it.
    if (size.height) frame.style.height = `${Math.max(size.height, LEAST_HEIGHT)}px`;
  });
  bridge.addEventListener("initialized", async () => {
    log.app = bridge.getAppVersion();
    if (plan.input) await bridge.sendToolInput({ arguments: plan.input });
    if (plan.result) await bridge.sendToolResult(plan.result);
  });
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
}

function byHand(frame) {
  window.addEventListener("message", ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    log.raw.push(data);
    const send = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
    if (plan.manner === "refusing" && data.id !== undefined) {
      send({ id: data.id, error: { code: -32000, message: "<b>no</b>" } });
    }
    if (data.method === "ui/initialize" && plan.result) {
      send({ method: "ui/notifications/tool-result", params: plan.result });
    }
  });
}

window.host = {
  log,
  async start(wished) {
    plan = wished;
    const frame = frameFor();
    if (!plan.manner || plan.manner === "kind") await kind(frame);
    else byHand(frame);
    frame.src = `/app/${plan.page}.html`;
  },
  release: (place) => held[place](),
  held: () => held.length,
  sendResult: (result) => bridge.sendToolResult(result),
  setContext: (context) => bridge.setHostContext(context),
  cancel: () => bridge.sendToolCancelled({}),
  teardown: () => bridge.teardownResource({}),
  /** From a window that is not the page's host. */
  forge(message) {
    const stranger = document.createElement("iframe");
    document.body.append(stranger);
    const script = "addEventListener('message', (e) => parent.frames[0].postMessage(e.data, '*'))";
    stranger.contentWindow.eval(script);
    stranger.contentWindow.postMessage(message, "*");
  },
};
