import { type RuntimePort, type RuntimeSession, WhyboxError } from "@whybox/core";

/**
 * Between a thread of ONNX Runtime and who ends it. A thread that is ended inside of the runtime's native code takes the whole process with it
 * (its exception finds nobody who catches it: SIGABRT), so it is ended outside of it only.
 */
export type Gate = Int32Array<SharedArrayBuffer>;

const SHUT = 0;
const INSIDE = 1;

export function createGate(): Gate {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/** Lets nothing begin any more; what is inside goes on to its end. */
export function shutGate(gate: Gate): void {
  Atomics.store(gate, SHUT, 1);
}

/** Blocks until nothing is inside: for a process that ends, which waits for no promise. Not longer than `ms`: a thread may have died inside. */
export function waitOutside(gate: Gate, ms: number): void {
  const end = performance.now() + ms;
  for (let inside = Atomics.load(gate, INSIDE); inside > 0; inside = Atomics.load(gate, INSIDE)) {
    if (Atomics.wait(gate, INSIDE, inside, end - performance.now()) === "timed-out") return;
  }
}

/** Threads that may be at work when the process ends. It ends once, so this is the process's own, and so is the one listener. */
const atWork = new Set<Gate>();

/** From now on, and until `restsAtExit`, the process waits at its end until the gate's threads are outside. */
export function waitAtExit(gate: Gate): void {
  if (atWork.size === 0) process.on("exit", endOutside);
  atWork.add(gate);
}

/** The gate's threads may be ended at any time. */
export function restsAtExit(gate: Gate): void {
  atWork.delete(gate);
  if (atWork.size === 0) process.off("exit", endOutside);
}

/** Longer than a pass of any network on a slow machine; a thread that hangs must not keep the process for ever. */
const EXIT_MS = 30_000;

function endOutside(): void {
  const end = performance.now() + EXIT_MS;
  for (const gate of atWork) shutGate(gate);
  for (const gate of atWork) waitOutside(gate, Math.max(0, end - performance.now()));
}

/** A port of the thread itself whose native calls go through the gate. @throws (by these) aborted when it is shut. */
export function gatedPort(port: RuntimePort, gate: Gate): RuntimePort {
  const inside = async <T>(work: () => Promise<T>): Promise<T> => {
    Atomics.add(gate, INSIDE, 1);
    try {
      // In this order: who shuts the gate and then finds nobody inside knows that nobody will be.
      if (Atomics.load(gate, SHUT) === 1) throw new WhyboxError("aborted", "The runtime's thread is being ended.");
      return await work();
    } finally {
      Atomics.sub(gate, INSIDE, 1);
      Atomics.notify(gate, INSIDE);
    }
  };
  const gated = (session: RuntimeSession): RuntimeSession => ({
    ...session,
    run: (feeds, outputs) => inside(() => session.run(feeds, outputs)),
  });
  return {
    ...port,
    createSession: (model, options) => inside(async () => gated(await port.createSession(model, options))),
  };
}
