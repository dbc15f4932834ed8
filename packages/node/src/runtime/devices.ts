import { type RuntimePort, WhyboxError } from "@whybox/core";
import type { Device } from "../api.js";

/** ONNX Runtime's execution providers of a device, in order of preference. */
export function providersOf(device: Device): readonly string[] {
  return device === "cpu" ? ["cpu"] : [device, "cpu"];
}

/**
 * Checks that this build of ONNX Runtime supports the device. The runtime silently skips an unknown provider and uses the CPU.
 * @throws usage
 */
export function checkDevice(device: Device, known: readonly string[]): void {
  if (device === "cpu" || known.includes(device)) return;
  throw new WhyboxError(
    "usage",
    `This build of ONNX Runtime for ${process.platform} does not support the device "${device}". It supports: ${known.join(", ")}.`,
    { details: { device, known } },
  );
}

/** The requirements of each device. */
const deviceNeeds: ReadonlyMap<string, string> = new Map([
  [
    "cuda",
    "The install script of onnxruntime-node downloads the CUDA provider (npm rebuild onnxruntime-node). It needs CUDA and cuDNN on the machine.",
  ],
  ["webgpu", "WebGPU needs a graphics driver. On Linux it needs libvulkan1 and a Vulkan driver."],
]);

/** Adds the device's requirements to the errors of `createSession`. */
export function withDeviceHints(port: RuntimePort): RuntimePort {
  return {
    ...port,
    createSession: async (model, options) => {
      try {
        return await port.createSession(model, options);
      } catch (error) {
        const hint = deviceNeeds.get(options.executionProviders?.[0] ?? "");
        if (!(error instanceof WhyboxError) || hint === undefined) throw error;
        const { code, message, details } = error;
        throw new WhyboxError(code, `${message} ${hint} Or use --device cpu.`, { cause: error, details });
      }
    },
  };
}
