import type { Failure, Provider } from "../protocol.js";

/** Where the model runs, in short. */
export function providerText({ device, threads }: Provider): string {
  if (device === "webgpu") return "WebGPU";
  return threads === 1 ? "CPU, 1 thread" : `CPU, ${threads} threads`;
}

export function percent(value: number, digits = 0): string {
  return `${(100 * value).toFixed(digits)} %`;
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A failure for people: what happened, and what to do. */
export function failureText({ code, message }: Failure): { readonly title: string; readonly text: string } {
  switch (code) {
    case "absent":
      return {
        title: "No model came with this page",
        text: "Drop a YOLO model of your own (.onnx or .pt). Or start the page with “npx whybox ui”, which fetches the default weights once.",
      };
    case "memory":
      return {
        title: "Memory ran out",
        text: "Close other tabs, use a smaller photo, or choose a method that is marked fast.",
      };
    case "unsupported-model":
      return { title: "This model cannot be explained", text: message };
    case "no-gradient":
      return { title: "No way back through this model", text: message };
    case "bad-input":
      return { title: "This file cannot be read", text: message };
    case "limit":
      return { title: "Too large", text: message };
    case "download":
      return { title: "The model did not arrive", text: message };
    case "usage":
      return { title: "That does not go together", text: message };
    case "runtime":
      return { title: "The runtime refused", text: `${message} Try the other device under “Model”.` };
    default:
      return { title: "Something broke", text: `${message} Reload the page; if it happens again, please report it.` };
  }
}
