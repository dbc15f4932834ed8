// Processes that read cases, with a watchdog.
import { fork } from "node:child_process";
import { join } from "node:path";

/** A process that does not answer for so long is ended. The limit of a case is CPU time, which another program on the machine does not use up. */
const WATCHDOG_MS = 30_000;
/** A process is replaced after this number of cases. */
const MAX_CASES = 2000;

/** A process that reads one case at a time. */
export class Reader {
  #child;
  #count = 0;
  #stderr = "";

  /** Reads case `number`. With `warm` in a new process, after sound files. */
  async read(message) {
    if (this.#child === undefined || this.#count >= MAX_CASES || message.warm) await this.#restart();
    this.#count++;
    const child = this.#child;
    return new Promise((resolve) => {
      const done = (found) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve({ number: message.number, ...found });
      };
      const timer = setTimeout(() => {
        this.close();
        done({ outcome: "hang", detail: `no answer in ${WATCHDOG_MS / 1000} s` });
      }, WATCHDOG_MS);
      child.once("message", done);
      child.once("exit", (code, signal) => {
        this.#child = undefined;
        done({
          outcome: "bug",
          detail: `the process ended with ${signal ?? `code ${code}`}: ${this.#stderr.slice(-500)}`,
        });
      });
      child.send(message);
    });
  }

  close() {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  async #restart() {
    this.close();
    this.#count = 0;
    this.#stderr = "";
    const child = fork(join(import.meta.dirname, "child.mjs"), {
      execArgv: ["--expose-gc", "--max-old-space-size=2048"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    child.stderr.on("data", (text) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-2000);
    });
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.once("exit", () => reject(new Error(`The process of the fuzzer did not start: ${this.#stderr}`)));
    });
    child.removeAllListeners("exit");
    this.#child = child;
  }
}
