import { type ChildProcess, fork } from "node:child_process";
import { WhyboxError } from "@whybox/core";
import { errorFrom } from "../runtime/error-data.js";
import { OLD_SPACE_MB } from "../runtime/workers.js";
import type { Done, FromWorker, Job, ModelCard, ServeSetup, ToWorker } from "./protocol.js";

/** A job, and the caller that waits for it. */
export interface Waiting {
  readonly job: Job;
  resolve(done: Done): void;
  reject(error: unknown): void;
}

/** Time for a worker to notice an abort. A worker inside one long run of the network does not, and is then ended. */
const ABORT_MS = 5_000;
/** Time for an idle worker to end by itself. */
const END_MS = 2_000;

const script = new URL("./serve-worker.js", import.meta.url);

/** A process that holds the models and does one job at a time. */
export class WorkerProcess {
  /** Resolves when the models are loaded. */
  readonly loaded: Promise<readonly ModelCard[]>;
  /** Resolves at the end of the process with its reason: a signal or an exit code. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #onIdle: () => void;
  #state: "loading" | "idle" | "busy" = "loading";
  #current: Waiting | undefined;

  constructor(setup: ServeSetup, onIdle: () => void) {
    this.#onIdle = onIdle;
    this.#child = fork(script, [], {
      serialization: "advanced",
      // Flags of this process (--input-type, --import, …) do not apply to the worker.
      execArgv: [`--initial-old-space-size=${OLD_SPACE_MB}`],
      // What a library prints must not mix with the address on stdout.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#current?.reject(lostError(how));
        resolve(how);
      };
      this.#child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
      // A process that could not be started has no exit.
      this.#child.on("error", ({ message }) => this.#child.pid === undefined && end(message));
    });
    this.loaded = new Promise((resolve, reject) => {
      this.#child.on("message", (message: FromWorker) => {
        if (message.kind === "ready") resolve(message.models);
        else if (message.kind === "failed") {
          reject(errorFrom(message.error));
          this.#child.kill("SIGKILL");
          return;
        } else this.#settle(message);
        this.#state = "idle";
        this.#onIdle();
      });
      void this.ended.then((how) => reject(lostError(how)));
    });
    this.#send({ kind: "open", setup });
  }

  get state() {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Begins a job. Only when idle. */
  take(waiting: Waiting): void {
    this.#state = "busy";
    this.#current = waiting;
    this.#send({ kind: "job", job: waiting.job });
  }

  /** Aborts the job, if it runs here. The worker is ended when it does not stop soon. */
  abort(waiting: Waiting): void {
    if (this.#current !== waiting) return;
    this.#send({ kind: "abort" });
    const timer = setTimeout(() => {
      if (this.#current === waiting) this.#child.kill("SIGKILL");
    }, ABORT_MS);
    timer.unref();
  }

  /** Ends the process. A job that runs fails with the error. */
  async end(error: Error): Promise<void> {
    const ms = this.#current === undefined ? END_MS : 0;
    this.#current?.reject(error);
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), ms);
    await this.ended;
    clearTimeout(timer);
  }

  #settle(message: Extract<FromWorker, { kind: "done" | "error" }>): void {
    const current = this.#current;
    this.#current = undefined;
    if (message.kind === "done") current?.resolve(message.done);
    else current?.reject(errorFrom(message.error));
  }

  /** A message that cannot be sent is followed by the end of the process. */
  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}

function lostError(how: string): WhyboxError {
  const message = `The worker process of this request ended (${how}). Another one takes its place. Try again.`;
  return new WhyboxError("runtime", message, { details: { worker: "lost" } });
}
