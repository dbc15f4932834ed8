import { createOrtPort as createCorePort, type OrtModule, type OrtPortOptions, type RuntimePort } from "@whybox/core";
import { allocationsMayFail, releaseMemory, reserveMemory } from "./memory.js";

/** Creates a port for an ONNX Runtime module in the same thread. It releases memory as early as possible, and reserves it where it may be refused. */
export function createOrtPort(ort: OrtModule, options: OrtPortOptions = {}): RuntimePort {
  return createCorePort(ort, {
    release: releaseMemory,
    externalWeights: true,
    ...(allocationsMayFail() && { reserve: reserveMemory }),
    ...options,
  });
}
