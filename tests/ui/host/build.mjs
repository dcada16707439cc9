/** Bundle the test host: `node build.mjs FILE`, run in the folder that has node_modules. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = join(process.cwd(), "node_modules");
const { build } = createRequire(join(modules, "x.js"))("esbuild");

await build({
  entryPoints: [join(dirname(fileURLToPath(import.meta.url)), "host.js")],
  outfile: process.argv[2],
  bundle: true,
  format: "iife",
  nodePaths: [modules],
  logLevel: "warning",
});
