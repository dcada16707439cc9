// A scripted model on loopback: it speaks Anthropic Messages, OpenAI Responses, OpenAI Chat and Gemini
// generateContent, and books with whatever tools its host offers. It decides on nothing but the last
// tool result as the host passed it on. It has one conversation, told by how many results are in it,
// so a repeated request gets the same answer again. Node's own library only.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { booking, brief, note, plain, row, unplayed } from "./steps.mjs";

const NAME = "scripted";
const USAGE = 100; // tokens, of everything: no host may come to its limit

// A row whose booking the scripted model makes: `go(url, facts)` lets the host talk to it.
export async function modelRow(options, go) {
  const { model, url } = await serve();
  await row(options, async () => { await go(url, model.facts); return model.facts; }, model.facts);
}

export async function serve() {
  const model = new Model();
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (data) => (text += data));
    request.on("end", () => respond(model, request, text, response));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  server.unref(); // a row ends when its host has
  return { model, url: `http://127.0.0.1:${server.address().port}` };
}

class Model {
  facts = { ...unplayed(), why: "the host never offered a tool of ours" };
  #script = booking(this.facts);
  #answers = [];
  #step;
  #asked; // the tool of ours whose result comes next
  #names = new Map(); // what the host calls the tools that its own search found

  // What the model does next, with these tools offered and these results read.
  next(tools, results) {
    const offered = (name) => tools.find((t) => t.name === name || new RegExp(`(^|[_.:/])${name}$`).test(t.name));
    const search = tools.find((t) => /^tool_?search$/i.test(t.name));
    // Hosts also ask for a title, or whether it is a new topic: without our tools, before or beside the booking.
    if (tools.length === 0 || (!offered("search_products") && !search && this.#answers.length === 0))
      return { say: "A museum visit" };
    const n = results.length;
    this.#answers[n] ??= this.#decide(offered, search, results.at(-1) ?? "");
    return this.#answers[n];
  }

  #decide(offered, search, shown) {
    const { facts } = this;
    if (!this.#step) this.#step = this.#script.next();
    else if (this.#asked) {
      note(this.#asked, shown);
      facts.why = "";
      this.#step = this.#script.next(plain(shown));
    } else this.#names.set(this.#step.value.tool, shown.match(new RegExp(`\\w*${this.#step.value.tool}\\b`))?.[0]);
    this.#asked = undefined;
    if (this.#step.done) return { say: facts.booked ? `Booked: order ${facts.order_id}.` : `Not booked: ${facts.why}` };
    const { tool, arguments: args } = this.#step.value;
    const own = offered(tool);
    if (!own && search && !this.#names.has(tool))
      return { call: { name: search.name, arguments: { query: tool.replaceAll("_", " ") } } };
    const byName = own ?? offered("tool_call");
    if (!byName) {
      facts.why = `the host offers no ${tool}: ${brief(shown)}`;
      return { say: facts.why };
    }
    this.#asked = tool;
    facts.calls += 1;
    facts.why = `the host went no further than ${tool}`;
    const more = "wait_for_previous" in (own?.schema?.properties ?? {}) ? { wait_for_previous: true } : {}; // Gemini CLI's own
    return { call: own ? { ...own, arguments: { ...args, ...more } } : { name: byName.name, arguments: { name: this.#names.get(tool) ?? tool, arguments: args } } };
  }
}

function respond(model, request, text, response) {
  const path = new URL(request.url, "http://loopback").pathname;
  if (process.env.MODEL_LOG) appendFileSync(process.env.MODEL_LOG, `${request.method} ${request.url} ${text}\n`);
  const json = (value, status = 200) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  if (request.method === "GET" && /\/models$/.test(path))
    return json({ object: "list", data: [{ id: NAME, object: "model" }], models: [] });
  if (/count_?tokens$/i.test(path)) return json({ input_tokens: USAGE, totalTokens: USAGE });
  const protocol = PROTOCOLS.find((p) => p.path.test(path));
  if (!protocol || request.method !== "POST") return json({ error: { message: `no such address: ${path}` } }, 404);
  const body = JSON.parse(text);
  const answer = model.next(protocol.tools(body), protocol.results(body));
  const id = `call_${Math.random().toString(36).slice(2, 12)}`;
  const streamed = protocol.streamed(body, path);
  if (!streamed) return json(protocol.whole(answer, id, body));
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of protocol.events(answer, id, body))
    response.write(`${event.type && protocol.named ? `event: ${event.type}\n` : ""}data: ${JSON.stringify(event)}\n\n`);
  response.end(protocol.ends ?? "");
}

// A result's content as the model reads it: words as they are, anything else as JSON.
const shown = (content) =>
  typeof content === "string" ? content
  : Array.isArray(content) ? content.map((part) => part.text ?? JSON.stringify(part)).join("\n")
  : JSON.stringify(content ?? "");

const anthropic = {
  path: /\/messages$/, named: true,
  streamed: (body) => body.stream === true,
  tools: (body) => (body.tools ?? []).map((t) => ({ name: t.name, schema: t.input_schema })),
  results: (body) => body.messages.flatMap((m) =>
    Array.isArray(m.content) ? m.content.filter((c) => c.type === "tool_result").map((c) => shown(c.content)) : []),
  block: (answer, id) => answer.call
    ? { type: "tool_use", id: `toolu_${id}`, name: answer.call.name, input: answer.call.arguments }
    : { type: "text", text: answer.say },
  message: (id, content, stop) => ({ id: `msg_${id}`, type: "message", role: "assistant", model: NAME, content,
    stop_reason: stop, stop_sequence: null, usage: { input_tokens: USAGE, output_tokens: USAGE } }),
  whole: (answer, id) => anthropic.message(id, [anthropic.block(answer, id)], answer.call ? "tool_use" : "end_turn"),
  * events(answer, id) {
    const block = anthropic.block(answer, id);
    yield { type: "message_start", message: anthropic.message(id, [], null) };
    yield { type: "content_block_start", index: 0, content_block: answer.call ? { ...block, input: {} } : { type: "text", text: "" } };
    yield { type: "content_block_delta", index: 0, delta: answer.call
      ? { type: "input_json_delta", partial_json: JSON.stringify(block.input) } : { type: "text_delta", text: block.text } };
    yield { type: "content_block_stop", index: 0 };
    yield { type: "message_delta", delta: { stop_reason: answer.call ? "tool_use" : "end_turn", stop_sequence: null }, usage: { output_tokens: USAGE } };
    yield { type: "message_stop" };
  },
};

const usage = { input_tokens: USAGE, output_tokens: USAGE, total_tokens: 2 * USAGE,
  input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } };

const responses = {
  path: /\/responses$/, named: true,
  streamed: (body) => body.stream === true,
  tools: (body) => (body.tools ?? []).flatMap((t) => t.type === "namespace"
    ? t.tools.map((each) => ({ name: each.name, namespace: t.name, schema: each.parameters }))
    : [{ name: t.name ?? t.type, schema: t.parameters }]),
  results: (body) => (Array.isArray(body.input) ? body.input : [])
    .filter((i) => /_output$/.test(i.type)).map((i) => shown(i.output ?? i.tools)),
  item: (answer, id) => answer.call
    ? { type: "function_call", id: `fc_${id}`, call_id: id, status: "completed", name: answer.call.name,
        ...(answer.call.namespace ? { namespace: answer.call.namespace } : {}),
        arguments: JSON.stringify(answer.call.arguments) }
    : { type: "message", id: `msg_${id}`, role: "assistant", status: "completed",
        content: [{ type: "output_text", text: answer.say, annotations: [] }] },
  whole: (answer, id, body, output = [responses.item(answer, id)]) => ({ id: `resp_${id}`, object: "response",
    created_at: 0, status: output.length ? "completed" : "in_progress", model: body.model, output, usage,
    parallel_tool_calls: false, tool_choice: "auto", tools: [], error: null, incomplete_details: null,
    instructions: null, metadata: {}, temperature: null, top_p: null }),
  * events(answer, id, body) {
    const item = responses.item(answer, id);
    let sequence_number = 0;
    const event = (type, more) => ({ type, sequence_number: sequence_number++, ...more });
    const place = { item_id: item.id, output_index: 0 };
    yield event("response.created", { response: responses.whole(answer, id, body, []) });
    yield event("response.output_item.added", { output_index: 0, item: answer.call ? { ...item, arguments: "", status: "in_progress" } : { ...item, content: [], status: "in_progress" } });
    if (answer.call) {
      yield event("response.function_call_arguments.delta", { ...place, delta: item.arguments });
      yield event("response.function_call_arguments.done", { ...place, arguments: item.arguments });
    } else {
      yield event("response.content_part.added", { ...place, content_index: 0, part: { type: "output_text", text: "", annotations: [] } });
      yield event("response.output_text.delta", { ...place, content_index: 0, delta: answer.say });
      yield event("response.output_text.done", { ...place, content_index: 0, text: answer.say });
      yield event("response.content_part.done", { ...place, content_index: 0, part: item.content[0] });
    }
    yield event("response.output_item.done", { output_index: 0, item });
    yield event("response.completed", { response: responses.whole(answer, id, body) });
  },
};

const chat = {
  path: /\/chat\/completions$/, ends: "data: [DONE]\n\n",
  streamed: (body) => body.stream === true,
  tools: (body) => (body.tools ?? []).map((t) => ({ name: t.function.name, schema: t.function.parameters })),
  results: (body) => body.messages.filter((m) => m.role === "tool").map((m) => shown(m.content)),
  message: (answer, id) => answer.call
    ? { role: "assistant", content: null, tool_calls: [{ index: 0, id, type: "function",
        function: { name: answer.call.name, arguments: JSON.stringify(answer.call.arguments) } }] }
    : { role: "assistant", content: answer.say },
  frame: (id, body, object, choice) => ({ id: `chatcmpl-${id}`, object, created: 0, model: body.model, choices: [{ index: 0, ...choice }] }),
  usage: { prompt_tokens: USAGE, completion_tokens: USAGE, total_tokens: 2 * USAGE },
  whole: (answer, id, body) => ({ ...chat.frame(id, body, "chat.completion", { message: chat.message(answer, id),
    finish_reason: answer.call ? "tool_calls" : "stop" }), usage: chat.usage }),
  * events(answer, id, body) {
    const frame = (choice) => chat.frame(id, body, "chat.completion.chunk", choice);
    yield frame({ delta: chat.message(answer, id), finish_reason: null });
    yield { ...frame({ delta: {}, finish_reason: answer.call ? "tool_calls" : "stop" }), usage: chat.usage };
  },
};

const gemini = {
  path: /:(streamG|g)enerateContent$/,
  streamed: (body, path) => path.endsWith(":streamGenerateContent"),
  tools: (body) => (body.tools ?? []).flatMap((t) => t.functionDeclarations ?? [])
    .map((f) => ({ name: f.name, schema: f.parametersJsonSchema ?? f.parameters })),
  results: (body) => (body.contents ?? []).flatMap((c) => c.parts ?? [])
    .filter((p) => p.functionResponse).map((p) => shown(p.functionResponse.response)),
  whole: (answer) => ({
    candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts: [answer.call
      ? { functionCall: { name: answer.call.name, args: answer.call.arguments } } : { text: answer.say }] } }],
    usageMetadata: { promptTokenCount: USAGE, candidatesTokenCount: USAGE, totalTokenCount: 2 * USAGE },
    modelVersion: NAME,
  }),
  * events(answer) { yield gemini.whole(answer); },
};

const PROTOCOLS = [anthropic, responses, chat, gemini];
