import { WorkerCaller } from "./worker-caller.js";

let early: WorkerCaller | undefined;

/** Starts the worker of the next detector, so that it loads its modules while this thread loads its own. */
export function startWorker(): void {
  early = new WorkerCaller();
}

/** The worker that was started early, or a new one. An early worker that no detector takes does not keep the process alive. */
export function takeWorker(): WorkerCaller {
  const taken = early ?? new WorkerCaller();
  early = undefined;
  return taken;
}
