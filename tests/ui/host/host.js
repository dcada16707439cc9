/**
 * A host of MCP Apps for the tests: the reference app-bridge around one sandboxed frame.
 *
 * `window.host.start(plan)` opens a page; see plan.js. With `plan.obeys` its frame is as large as the page
 * says. Manners: "kind" (the reference), and by hand "silent" (answers nothing, sends the result all the
 * same) and "refusing" (answers every request with an error).
 */

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";
import { answerOf, CAPABILITIES, heldNow, log, paint, release } from "./plan.js";

const LEAST_HEIGHT = 700;
let bridge = null;
let plan = {};

function frameFor() {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = "app";
  document.body.replaceChildren(frame);
  return frame;
}

async function kind(frame) {
  bridge = new AppBridge(null, { name: "test-host", version: "1.0.0" }, plan.capabilities ?? CAPABILITIES, { hostContext: plan.context ?? {} });
  bridge.oncalltool = (params) => {
    log.tools.push(params);
    return answerOf(plan, params.name, params.arguments);
  };
  bridge.onupdatemodelcontext = async (params) => (log.contexts.push(params), {});
  bridge.onmessage = async (params) => (log.messages.push(params), plan.refuseMessage ? { isError: true } : {});
  bridge.ondownloadfile = async (params) => (log.downloads.push(params), {});
  bridge.onopenlink = async (params) => (log.links.push(params), {});
  bridge.onreadresource = async (params) => {
    log.reads.push(params);
    return answerOf(plan, params.uri);
  };
  bridge.addEventListener("sizechange", (size) => {
    log.sizes.push(size);
    if (plan.obeys && size.width) frame.style.width = `${size.width}px`;
    // Else never less than at the start: what a test is about to click does not move away from it.
    if (size.height) frame.style.height = `${plan.obeys ? size.height : Math.max(size.height, LEAST_HEIGHT)}px`;
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
    paint(plan);
    const frame = frameFor();
    if (!plan.manner || plan.manner === "kind") await kind(frame);
    else byHand(frame);
    frame.src = `/app/${plan.page}.html`;
  },
  release,
  held: heldNow,
  sendResult: (result) => bridge.sendToolResult(result),
  setContext(context, color) {
    paint({ paint: color ?? plan.paint, context });
    return bridge.setHostContext(context);
  },
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
