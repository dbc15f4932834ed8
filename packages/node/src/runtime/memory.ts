import { readFileSync } from "node:fs";
import { MessageChannel, type MessagePort } from "node:worker_threads";

/** Smaller buffers are left to the garbage collector. */
const MIN_BYTES = 65_536;

let closed: MessagePort | undefined;

/**
 * Releases the memory of a buffer at once, without waiting for the garbage collector. Existing views of the buffer become empty.
 * It transfers the buffer to a closed message port, which discards it.
 */
export function releaseMemory(buffer: ArrayBuffer): void {
  if (buffer.byteLength >= MIN_BYTES) closedPort().postMessage(null, [buffer]);
}

function closedPort(): MessagePort {
  if (closed === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    port2.close();
    closed = port1;
  }
  return closed;
}

/** Smaller outputs are not reserved: a process without so much memory cannot go on anyway. */
const MIN_RESERVED = 2 ** 24;

/**
 * Makes sure that there is memory for the outputs of a run. onnxruntime-node 1.30 copies each output into a new ArrayBuffer, and V8 ends the process when
 * there is no memory for one. Here the allocation fails with an error. Nothing refers to the memory during the run: before V8 gives up it collects
 * garbage, and then it has the memory for the copies. Nothing is written to the memory, so it costs no time.
 * @throws when there is not enough memory.
 */
export function reserveMemory(bytes: number): () => void {
  if (bytes < MIN_RESERVED) return () => undefined;
  const reserved = new WeakRef(allocate(bytes));
  return () => {
    const left = reserved.deref();
    if (left !== undefined) releaseMemory(left);
  };
}

function allocate(bytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(bytes);
  } catch (cause) {
    throw new Error(`Failed to allocate ${Math.ceil(bytes / 2 ** 20)} MB for its outputs`, { cause });
  }
}

/**
 * Whether the system may refuse memory to this process. Linux and macOS give out more than they have, and end the process later, unless it has a limit
 * (ulimit -d, ulimit -v) or the machine is set so. Windows gives out what it has.
 */
export function allocationsMayFail(): boolean {
  if (process.platform !== "linux") return process.platform === "win32";
  try {
    const hasLimit = /^Max (data size|address space) +\d/m.test(readFileSync("/proc/self/limits", "utf8"));
    return hasLimit || readFileSync("/proc/sys/vm/overcommit_memory", "utf8").trim() === "2";
  } catch {
    return true;
  }
}
