/** Whether the host passes questions on to the server, and how long it is waited for. */

import { HostError } from "../host.js";

/** For the first answer of a host that declares nothing, in milliseconds. */
const FIRST_PATIENCE = 20_000;

/** What one host is known to do with questions to the server. */
export class Asking {
  #host;
  #hasAnswered = false;
  #isInVain = false;

  constructor(host) {
    this.#host = host;
  }

  /** Whether it says that it passes them on: then the page may also ask by itself. */
  get isOffered() {
    return !this.#isInVain && this.#host.offers("serverTools");
  }

  /** Whether a person may have it tried: a host that declares nothing at all may do it, too. */
  get isPossible() {
    return this.isOffered || (!this.#isInVain && this.#declaresNothing);
  }

  /** The answer to a question that was asked; how it ends tells whether to ask again. */
  async answered(question) {
    const isUnproved = this.#declaresNothing && !this.#hasAnswered;
    try {
      const answer = await (isUnproved ? inTime(question, FIRST_PATIENCE) : question);
      this.#hasAnswered = true;
      return answer;
    } catch (error) {
      this.#isInVain = error.kind === "unsupported" || (isUnproved && error.kind === "silent");
      throw error;
    }
  }

  get #declaresNothing() {
    return Object.keys(this.#host.capabilities).length === 0;
  }
}

function inTime(question, time) {
  return new Promise((resolve, reject) => {
    const late = new HostError("silent", "The host did not answer in time.");
    const timer = setTimeout(() => reject(late), time);
    question.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
