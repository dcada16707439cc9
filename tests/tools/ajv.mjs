/**
 * Hold answers against schemas as hosts in TypeScript do: `node ajv.mjs FILE`, run in the folder
 * that has node_modules. FILE holds a list of {name, schema, answers}. Prints what is wrong as JSON.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { Ajv } = createRequire(join(process.cwd(), "node_modules", "x.js"))("ajv");

const ajv = new Ajv({ strict: true, allErrors: true });
const wrong = [];
for (const { name, schema, answers } of JSON.parse(readFileSync(process.argv[2], "utf-8"))) {
  const isValid = ajv.compile(schema);
  for (const answer of answers) {
    if (!isValid(answer)) wrong.push({ name, answer, said: ajv.errorsText(isValid.errors) });
  }
}
process.stdout.write(JSON.stringify(wrong));
