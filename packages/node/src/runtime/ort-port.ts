import { MessageChannel, type MessagePort } from "node:worker_threads";
import { createOrtPort as createCorePort, type OrtModule, type OrtPortOptions, type RuntimePort } from "@whybox/core";

/** Creates a port for an ONNX Runtime module in the same thread. It releases memory as early as possible. */
export function createOrtPort(ort: OrtModule, options: OrtPortOptions = {}): RuntimePort {
  return createCorePort(ort, { release: releaseMemory, externalWeights: true, ...options });
}

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
