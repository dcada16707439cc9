// The Inspector's command line: a process for each call, so the sandbox stands beside it.
import { korus, play, row, run } from "../steps.mjs";
