import { WhyboxError } from "@whybox/core";

let watched = false;

/**
 * From now on, this worker fails when the script of a thread cannot be loaded, and the page gets the error. ONNX Runtime would wait for such a thread
 * forever.
 */
export function failOnLostThreads(): void {
  if (watched) return;
  watched = true;
  globalThis.Worker = class extends Worker {
    constructor(script: string | URL, options?: WorkerOptions) {
      super(script, options);
      this.addEventListener("error", (event) => {
        // An error in the thread's script reaches the page by itself.
        if (event instanceof ErrorEvent) return;
        throw new WhyboxError(
          "runtime",
          `A thread of ONNX Runtime cannot start: the browser did not load ${script} as a worker. Send the header Cross-Origin-Embedder-Policy with it as with the page, or use the option threads: 1`,
        );
      });
    }
  };
}
