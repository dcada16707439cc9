/** Bundle a script of this folder: `node build.mjs NAME FILE`, run in the folder that has node_modules. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [, , name, outfile] = process.argv;
const modules = join(process.cwd(), "node_modules");
const { build } = createRequire(join(modules, "x.js"))("esbuild");

await build({
  entryPoints: [join(dirname(fileURLToPath(import.meta.url)), name)],
  outfile,
  bundle: true,
  format: "iife",
  platform: "browser",
  define: { "process.env.NODE_ENV": '"production"' },
  nodePaths: [modules],
  logLevel: "error",
});
