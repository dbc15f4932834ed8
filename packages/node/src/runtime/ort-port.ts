import { MessageChannel, type MessagePort } from "node:worker_threads";
import { createOrtPort as createCorePort, type OrtModule, type OrtPortOptions, type RuntimePort } from "@whybox/core";

/** A port on an ONNX Runtime module of the same thread, which gives memory back as soon as it can. */
export function createOrtPort(ort: OrtModule, options: OrtPortOptions = {}): RuntimePort {
  return createCorePort(ort, { release: releaseMemory, ...options });
}

/** Below it the collector's work is not worth a thought. */
const LEAST_BYTES = 65_536;

let closed: MessagePort | undefined;

/**
 * Gives the memory of a buffer back at once, without waiting for the garbage collector; who still holds a view of it finds it empty. What is sent to
 * where nobody listens is thrown away.
 */
export function releaseMemory(buffer: ArrayBuffer): void {
  if (buffer.byteLength >= LEAST_BYTES) closedPort().postMessage(null, [buffer]);
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
