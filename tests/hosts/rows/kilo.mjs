// Kilo without a terminal, its model scripted.
import { modelRow } from "../model.mjs";
import { WISH, korus, run, write } from "../steps.mjs";

await modelRow({ names: ["@kilocode/cli"] }, async (url) => {
  write("kilo.json", {
    mcp: { korus: { type: "local", command: [korus()] } },
    autoupdate: false,
    share: "disabled",
    provider: {
      loopback: {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: `${url}/v1`, apiKey: "scripted" },
        models: { scripted: { name: "scripted", tool_call: true, limit: { context: 200_000, output: 20_000 } } },
      },
    },
    model: "loopback/scripted",
  });
  await run("kilo", ["run", "-m", "loopback/scripted", WISH], { env: { KILO_DISABLE_MODELS_FETCH: "1" } });
});
