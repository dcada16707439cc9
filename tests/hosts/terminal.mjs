// A terminal for a host that wants one: util-linux's `script` holds it, and what it shows is kept as
// words. It draws no screen: whatever moves the cursor counts as a space.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { note } from "./steps.mjs";

const QUOTED = (word) => `'${word.replaceAll("'", String.raw`'\''`)}'`;
const SECONDS = 120;

export function terminal(command, env) {
  const HOME = process.cwd();
  const path = [dirname(process.execPath), join(HOME, "node_modules", ".bin"), process.env.PATH].join(":");
  const line = `stty cols 100 rows 60; exec ${command.map(QUOTED).join(" ")}`;
  const child = spawn("script", ["-qfec", line, "/dev/null"], {
    env: { PATH: path, HOME, LANG: "C.UTF-8", TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", 2],
  });
  let raw = "";
  child.stdout.on("data", (data) => (raw += data));
  const words = () => raw
    .replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)/g, "")
    .replace(/\x1b\[[\d;?]*[ABCDEFGHJKfST]/g, " ")
    .replace(/\x1b[[(][\d;?<>=]*[A-Za-z]/g, "").replace(/\x1b./g, "");
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  return {
    words,
    async shows(pattern, seconds = SECONDS) {
      for (let n = 0; n < seconds * 4; n++) {
        if (pattern.test(words())) return words().match(pattern)[0];
        await sleep(250);
      }
      note("the screen", words().slice(-6000));
      throw new Error(`the terminal never showed ${pattern}`);
    },
    snapshot: (what) => note(what, words().slice(-6000)),
    async keys(...keys) {
      for (const key of keys) { child.stdin.write(key); await sleep(300); }
    },
    end: () => child.kill("SIGKILL"),
  };
}
