import { type RuntimePort, type RuntimeSession, WhyboxError } from "@whybox/core";

/**
 * Counts the native calls of an ONNX Runtime thread. A thread that is terminated inside the runtime's native code ends the whole
 * process: nothing catches its exception (SIGABRT). So a thread must be terminated only when its count is 0.
 */
export type Gate = Int32Array<SharedArrayBuffer>;

const SHUT = 0;
const INSIDE = 1;

export function createGate(): Gate {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/** Refuses new native calls. Running calls continue to their end. */
export function shutGate(gate: Gate): void {
  Atomics.store(gate, SHUT, 1);
}

/**
 * Blocks until no native call runs, at most for `ms`: a thread may have crashed inside a call. For a process that exits, because
 * that waits for no promise.
 */
export function waitOutside(gate: Gate, ms: number): void {
  const end = performance.now() + ms;
  for (let inside = Atomics.load(gate, INSIDE); inside > 0; inside = Atomics.load(gate, INSIDE)) {
    if (Atomics.wait(gate, INSIDE, inside, end - performance.now()) === "timed-out") return;
  }
}

/** Threads that may be running when the process exits. All gates of the process share this set and one listener. */
const atWork = new Set<Gate>();

/** Makes the process wait at its exit until the gate's thread runs no native call. `stopWaitingAtExit` cancels this. */
export function waitAtExit(gate: Gate): void {
  if (atWork.size === 0) process.on("exit", endOutside);
  atWork.add(gate);
}

/** Allows to terminate the gate's thread at any time. */
export function stopWaitingAtExit(gate: Gate): void {
  atWork.delete(gate);
  if (atWork.size === 0) process.off("exit", endOutside);
}

/** Maximum wait, longer than one run of any model on a slow machine. A thread that hangs must not block the exit forever. */
const EXIT_MS = 30_000;

function endOutside(): void {
  const end = performance.now() + EXIT_MS;
  for (const gate of atWork) shutGate(gate);
  for (const gate of atWork) waitOutside(gate, Math.max(0, end - performance.now()));
}

/** Wraps the thread's own port, so that its native calls pass the gate. They throw `aborted` when the gate is shut. */
export function gatedPort(port: RuntimePort, gate: Gate): RuntimePort {
  const inside = async <T>(work: () => Promise<T>): Promise<T> => {
    Atomics.add(gate, INSIDE, 1);
    try {
      // Count first, then check: after `shutGate` a count of 0 means that no further call starts.
      if (Atomics.load(gate, SHUT) === 1) throw new WhyboxError("aborted", "The runtime's thread is being terminated.");
      return await work();
    } finally {
      Atomics.sub(gate, INSIDE, 1);
      Atomics.notify(gate, INSIDE);
    }
  };
  const gated = (session: RuntimeSession): RuntimeSession => ({
    ...session,
    run: (...args) => inside(() => session.run(...args)),
  });
  return {
    ...port,
    createSession: (model, options) => inside(async () => gated(await port.createSession(model, options))),
  };
}
