/**
 * Bundle each page of src/ into one self-contained HTML file: `node build.mjs [folder]`.
 *
 * A page NAME is src/NAME.html with the two marks below, src/NAME.js and src/NAME.css. The same
 * sources give the same bytes: the versions in package.json are exact.
 */

import { readdir, readFile, mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, "src");
const SCRIPT = "<!-- script -->";
const STYLE = "<!-- style -->";

async function bundled(file) {
  const { outputFiles } = await build({
    absWorkingDir: HERE,
    entryPoints: [join(SOURCES, file)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["es2022", "chrome105", "firefox110", "safari16"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
  });
  // Nothing in a script or a style may end its element.
  return outputFiles[0].text.trim().replace(/<\/(script|style)/gi, "<\\/$1");
}

async function page(name) {
  const shell = await readFile(join(SOURCES, `${name}.html`), "utf8");
  for (const mark of [SCRIPT, STYLE]) {
    if (shell.split(mark).length !== 2) throw new Error(`${name}.html needs one ${mark}`);
  }
  const style = `<style>${await bundled(`${name}.css`)}</style>`;
  const script = `<script>${await bundled(`${name}.js`)}</script>`;
  // Functions, since a "$&" in the code is not a reference.
  return shell.replace(STYLE, () => style).replace(SCRIPT, () => script);
}

const target = resolve(process.argv[2] ?? join(HERE, "built"));
await mkdir(target, { recursive: true });
for (const file of (await readdir(SOURCES)).filter((f) => f.endsWith(".html")).sort()) {
  const html = await page(file.slice(0, -".html".length));
  await writeFile(join(target, file), html);
}
