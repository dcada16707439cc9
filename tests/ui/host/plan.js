/**
 * What both hosts of the tests do for a page: they answer from a plan and write down what it asked for.
 *
 * `plan` is `{page, capabilities, context, input, result, answers, ...}`. A tool is answered by
 * `plan.answers[name]`, a list of CallToolResults (the last one stays), `{throw: words}` for an error, or
 * with `{hold: result}` only at `release(place)`; with `plan.live` by `window.askServer(name, args)`, a
 * function of the test. `plan.paint` is the colour the host paints; a theme of its context is its own, too.
 */

export const CAPABILITIES = {
  serverTools: {},
  serverResources: {},
  updateModelContext: { text: {}, structuredContent: {} },
  message: { text: {} },
  downloadFile: {},
  openLinks: {},
};

export const log = { tools: [], contexts: [], messages: [], downloads: [], links: [], reads: [], sizes: [], raw: [] };

const held = [];

/** The answer of the plan to a tool or a resource. */
export async function answerOf(plan, name, args) {
  if (plan.live) return window.askServer(name, args);
  const answers = plan.answers?.[name] ?? [];
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (answer === undefined) throw new Error(`no answer for ${name}`);
  if (answer.throw) throw new Error(answer.throw);
  if (answer.hold === undefined) return answer;
  await new Promise((resolve) => held.push(resolve));
  return answer.hold;
}

export const release = (place) => held[place]();
export const heldNow = () => held.length;

/** The host's own look. */
export function paint({ paint: color, context }) {
  document.documentElement.style.colorScheme = context?.theme ?? "";
  document.body.style.background = color ?? "";
}
