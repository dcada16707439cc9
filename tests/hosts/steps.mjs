// What every Node row shares: the booking as a script that reads only what its host shows a model, a
// wire that is listened to, and the line of JSON at the end. Node's own library only.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const CUSTOMER = { firstname: "Ada", lastname: "Lovelace", email: "ada@example.org", country: "FR" };
export const WISH = "Two museum tickets for tomorrow, please: book them, I agree to the price.";
const MOST_REPEATS = 20; // of a call that says "not yet": more is a fault
const MOST_SECONDS = 300;
const HOME = process.cwd();
const WIRE = join(HOME, "wire");

// A booking, call by call. Each `yield` takes what the model was shown for the call, and `facts` tells
// how far it went. Words and JSON, escaped or not, are read alike: an id stands behind its name in both.
export function* booking(facts) {
  const fail = (what, shown) => { facts.why = `${what}: ${brief(shown)}`; };
  let shown = yield call("search_products", { query: "museum" });
  const [base] = ids(shown, "product_base_id");
  if (!base) return fail("search_products showed no product_base_id", shown);
  shown = yield call("get_offers", { product_base_id: base });
  const [offer] = ids(shown, "offer_id");
  if (!offer) return fail("get_offers showed no offer_id", shown);
  const item = { offer_id: offer, quantity: 2 };
  if (/session_required|choose a session/.test(shown)) {
    shown = yield call("check_availability", { offer_id: offer, quantity: 2 });
    const session = roomy(shown);
    if (!session) return fail("check_availability showed no session_id", shown);
    item.session_ids = [session];
  }
  shown = yield call("reserve", { items: [item] });
  const reservations = [...new Set(ids(shown, "reservation_id"))];
  if (reservations.length === 0) return fail("reserve showed no reservation_id", shown);
  const wish = { reservation_ids: reservations, customer: CUSTOMER };
  shown = yield call("place_order", wish);
  const confirmation = confirmationIn(shown);
  if (confirmation) shown = yield call("place_order", { ...wish, confirmation });
  for (let n = 0; n < MOST_REPEATS && /\bin_doubt\b/.test(shown); n++)
    shown = yield call("get_reservation", { reservation_ids: reservations });
  const [order] = ids(shown, "order_id");
  if (!order) return fail("place_order showed no order_id", shown);
  facts.order_id = order;
  shown = yield call("get_tickets", { order_id: order });
  for (let n = 0; n < MOST_REPEATS && ids(shown, "ticket_id").length > 0 && /not_ready|not ready/i.test(shown); n++)
    shown = yield call("get_tickets", { order_id: order });
  facts.booked = ids(shown, "ticket_id").length > 0;
  if (!facts.booked) return fail("get_tickets showed no ticket_id", shown);
  shown = yield call("reserve", { items: [{ offer_id: offer.slice(0, -12) + "0123456789ab", quantity: 2 }] });
  // Which refusal, and what to do next: with either missing a model cannot go on.
  facts.refusal_read = /UNKNOWN_ID|NOT_FOUND|INVALID_ARGUMENTS/.test(shown) && /search_products|get_offers/.test(shown);
  if (!facts.refusal_read) fail("the refusal was not read", shown);
}

const call = (tool, args) => ({ tool, arguments: args });

function ids(shown, name) {
  const found = shown.matchAll(new RegExp(String.raw`\b${name}\b[\\"'\s:=]*([\w-][\w.-]{15,})`, "g"));
  return Array.from(found, (each) => each[1]);
}

// The confirmation, from its first word to its code: it stands in quotes, escaped or not; some hosts take
// quotes away and leave what escaped them. Who shows JSON of
// a text may write letters as escapes, which a model reads as letters.
function confirmationIn(shown) {
  const found = shown.match(/(?:\b|(?<=\\n))confirmation\b\\*["']?[\s:=]*\\*["']?([^"\n]{1,200}? - c[A-Za-z0-9]{22})\b/);
  return found?.[1].replace(/\\+u([0-9a-f]{4})/g, (_, code) => String.fromCharCode(parseInt(code, 16)));
}

// The first session with enough places: a text says "(not enough)" before the id, JSON after it.
function roomy(shown) {
  const parts = shown.split(/(?=\bsession_id\b[\\"'\s:=]*\w[\w-]{15,})/);
  const good = parts.findIndex(
    (part, n) => n > 0 && !/enough[\\"\s:]+false/.test(part) && !/\([^)]*enough\)[;,]?\s*$/.test(parts[n - 1]),
  );
  return good > 0 ? ids(parts[good], "session_id")[0] : undefined;
}

// What was shown, as lines: hosts that show JSON of a text escape its ends of line, once or more.
export const plain = (shown) => (typeof shown === "string" ? shown : JSON.stringify(shown)).replace(/\\+n/g, "\n");

export const brief = (shown) => String(shown).replace(/\s+/g, " ").slice(0, 400);

// The whole booking through one function: `ask(tool, arguments)` answers what a model would be shown,
// and what it throws is what its caller would read.
export async function play(ask) {
  const facts = unplayed();
  const script = booking(facts);
  let step = script.next();
  while (!step.done) {
    facts.calls += 1;
    const { tool, arguments: args } = step.value;
    const shown = await ask(tool, args).catch((error) => `${error}`);
    note(tool, shown);
    step = script.next(plain(shown));
  }
  return facts;
}

export const unplayed = () => ({ booked: false, order_id: null, calls: 0, refusal_read: false, why: "" });

export const note = (what, shown) => process.stderr.write(`## ${what}\n${String(shown).slice(0, 6000)}\n`);

// A command that is korus-mcp for every host, and keeps what went over its pipes in files.
export function korus() {
  mkdirSync(WIRE, { recursive: true });
  const path = join(WIRE, "korus-mcp");
  const real = process.env.KORUS_MCP;
  if (!real) throw new Error("KORUS_MCP has to name the korus-mcp under test");
  writeFileSync(path, `#!/bin/sh\ntee -a '${WIRE}'/$$.in | '${real}' "$@" 2>>'${WIRE}'/$$.err | tee -a '${WIRE}'/$$.out\n`);
  chmodSync(path, 0o755);
  return path;
}

// What the pipes saw: how many processes, which protocol, whether a question was announced and asked.
export function wire() {
  const files = existsSync(WIRE) ? readdirSync(WIRE) : [];
  const read = (end) => files.filter((f) => f.endsWith(end)).map((f) => readFileSync(join(WIRE, f), "utf8"));
  const [sent, answered] = [read(".in"), read(".out")];
  const all = (texts, pattern) => texts.flatMap((text) => Array.from(text.matchAll(pattern), (m) => m[1]));
  const modern = all(sent, /"io\.modelcontextprotocol\/protocolVersion":\s*"([\d-]+)"/g);
  const agreed = all(answered, /"protocolVersion":\s*"([\d-]+)"/g);
  return {
    protocol: [...new Set([...modern, ...agreed])].sort().at(-1),
    processes: files.filter((f) => f.endsWith(".in")).length,
    tool_processes: sent.filter((text) => text.includes('"tools/call"')).length,
    listed: answered.some((text) => text.includes('"inputSchema"')),
    announced: sent.some((text) => /"elicitation":\s*\{/.test(text)),
    asked: answered.some((text) => /"elicitation\/create"/.test(text)),
    answers: all(sent, /"action":\s*"(accept|decline|cancel)"/g),
  };
}

// Until the host has read the list of tools: whoever types sooner is ahead of it.
export async function listed() {
  for (let n = 0; n < MOST_SECONDS && !wire().listed; n++) await new Promise((done) => setTimeout(done, 1000));
}

// The versions that are installed, as their own package.json says.
export function versions(...names) {
  const found = { node: process.versions.node };
  for (const name of names) {
    const file = join(HOME, "node_modules", name, "package.json");
    if (existsSync(file)) found[name] = JSON.parse(readFileSync(file, "utf8")).version;
  }
  return found;
}

// The last line, which the driver reads. A question is seen where a person's yes came back, unless the
// row looked at what stands on the screen and says so itself.
export function finish(facts, { names = [], setting = "" } = {}) {
  const { protocol, processes, tool_processes, announced, asked, answers } = wire();
  const question = !announced ? "not announced" : asked && answers.includes("accept") ? "yes" : "no";
  const line = {
    version: { ...versions(...names), ...(protocol ? { protocol } : {}) },
    question, ...facts, setting, processes, tool_processes,
  };
  process.stdout.write(`\n${JSON.stringify(line)}\n`, () => process.exit(line.booked ? 0 : 1));
}

// Runs a row to its line, a crash and a wait without end too. `facts` is what a scripted model came to know.
export async function row(options, go, facts = unplayed()) {
  const late = new Promise((_, failed) => setTimeout(failed, MOST_SECONDS * 1000, new Error("it never ended")).unref());
  try {
    facts = (await Promise.race([go(), late])) ?? facts;
  } catch (error) {
    note("crashed", error?.stack ?? error);
    facts.why = `${facts.why ? `${facts.why}; ` : ""}crashed: ${brief(error?.message ?? error)}`;
  }
  finish(facts, options);
}

// A terminal assistant, run to its end with its own home. Answers its exit code and all it printed.
export function run(command, args, { env = {}, seconds = 240, input } = {}) {
  const bin = join(HOME, "node_modules", ".bin");
  const path = [dirname(process.execPath), bin, process.env.PATH].join(":");
  const child = spawn(command, args, {
    cwd: HOME,
    env: { PATH: path, HOME, LANG: "C.UTF-8", TERM: "dumb", NO_COLOR: "1", CI: "1", ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    detached: true,
  });
  if (input !== undefined) child.stdin.end(input);
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => { printed += data; process.stderr.write(data); });
  const timer = setTimeout(() => process.kill(-child.pid, "SIGTERM"), seconds * 1000);
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => { clearTimeout(timer); done({ code: code ?? signal, printed }); });
  });
}

export function write(file, value) {
  const path = resolve(HOME, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value, null, 2));
  return path;
}
