/**
 * The independent host of the tests: `AppRenderer` of @mcp-ui/client, as a React application uses it.
 *
 * `window.host.start(plan)` opens a page (see plan.js) that was read from `/app/`; `plan.sandbox` is the
 * address of sandbox.html at another origin.
 */

import { AppRenderer } from "@mcp-ui/client";
import { createElement, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { answerOf, CAPABILITIES, log, paint, release } from "./plan.js";

function Host({ plan, html }) {
  const [context, setContext] = useState(plan.context ?? {});
  const [result, setResult] = useState(plan.result);
  const sandbox = useMemo(() => ({ url: new URL(plan.sandbox) }), [plan]);
  useEffect(() => {
    window.host.sendResult = setResult;
    window.host.setContext = (next, color) => {
      paint({ paint: color ?? plan.paint, context: next });
      setContext(next);
    };
  }, [plan]);
  return createElement(AppRenderer, {
    toolName: plan.page,
    sandbox,
    html,
    toolInput: plan.input ?? {},
    toolResult: result,
    hostContext: context,
    hostCapabilities: plan.capabilities ?? CAPABILITIES,
    onCallTool: async (params) => (log.tools.push(params), answerOf(plan, params.name, params.arguments)),
    onReadResource: async (params) => (log.reads.push(params), answerOf(plan, params.uri)),
    onMessage: async (params) => (log.messages.push(params), {}),
    onOpenLink: async (params) => (log.links.push(params), {}),
    onUpdateModelContext: async (params) => (log.contexts.push(params), {}),
    onDownloadFile: async (params) => (log.downloads.push(params), {}),
    onSizeChanged: (size) => log.sizes.push(size),
    onError: (error) => log.raw.push(String(error)),
    onFallbackRequest: async ({ method, params }) => (log.raw.push({ method, params }), {}),
  });
}

window.host = {
  log,
  async start(plan) {
    paint(plan);
    const html = await (await fetch(`/app/${plan.page}.html`)).text();
    const root = document.createElement("div");
    document.body.replaceChildren(root);
    createRoot(root).render(createElement(Host, { plan, html }));
  },
  release,
};
