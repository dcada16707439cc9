// A terminal for a host that wants one: util-linux's `script` holds it, and what it shows is kept as
// words. It draws no screen: whatever moves the cursor counts as a space.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { CUSTOMER, note } from "./steps.mjs";

export const ENTER = "\r";
export const DOWN = "\x1b[B";

// Whether a question says what is bought and for which day, what it costs and who buys it.
export const tellsTheMatter = (question) =>
  [/\b2 x /, /\d{4}-\d\d-\d\d|\b\d{1,2} \p{L}{3,}/u, /\d EUR/, new RegExp(CUSTOMER.lastname)].every((p) => p.test(question));

const QUOTED = (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
const READING = 2000; // milliseconds: who answers sooner has read nothing
const SECONDS = 120;
const DRAWN = 500; // milliseconds, in which a host finishes what it began to draw

export function terminal(command, env) {
  const HOME = process.cwd();
  const path = [dirname(process.execPath), join(HOME, "node_modules", ".bin"), process.env.PATH].join(":");
  const line = `stty cols 100 rows 60; exec ${command.map(QUOTED).join(" ")}`;
  const child = spawn("script", ["-qfec", line, "/dev/null"], {
    env: { PATH: path, HOME, LANG: "C.UTF-8", TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", 2],
  });
  let raw = "";
  let read = 0; // how much of it was matched: each pattern looks behind the one before
  child.stdout.on("data", (data) => (raw += data));
  const words = () => raw.slice(read)
    .replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)/g, "")
    .replace(/\x1b\[[\d;?]*[ABCDEFGHJKfST]/g, " ")
    .replace(/\x1b[[(][\d;?<>=]*[A-Za-z]/g, "").replace(/\x1b./g, "");
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  return {
    async shows(pattern, seconds = SECONDS) {
      for (let n = 0; n < seconds * 4; n++) {
        const [found] = words().match(pattern) ?? [];
        if (found !== undefined) {
          await sleep(DRAWN);
          const all = words().match(pattern)[0];
          read = raw.length;
          return all;
        }
        await sleep(250);
      }
      note("the screen", words().slice(-6000));
      throw new Error(`the terminal never showed ${pattern}`);
    },
    reads: () => sleep(READING),
    async keys(...keys) {
      for (const key of keys) { child.stdin.write(key); await sleep(300); }
    },
    end: () => child.kill("SIGKILL"),
  };
}
