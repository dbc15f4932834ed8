import type { Failure, Progress, Provider } from "../protocol.js";

/** Where the model runs, in short. */
export function providerText({ device, threads }: Provider): string {
  if (device === "webgpu") return "WebGPU";
  return threads === 1 ? "CPU, 1 thread" : `CPU, ${threads} threads`;
}

/** The engine's text, with each number and its sign in one line. */
export function unbroken(text: string): string {
  return text.replaceAll(" %", "\u00a0%");
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** What the model is waiting for. */
export function progressText(progress: Progress | undefined): string {
  const { stage, total } = progress ?? {};
  if (stage === "download")
    return total ? `Loading the model, ${(total / 1e6).toFixed(0)} MB, once` : "Loading the model";
  if (stage === "read") return "Reading the model";
  return "Preparing the model";
}

/** A failure for people: what happened, and what to do. */
export function failureText({ code, message }: Failure): { readonly title: string; readonly text: string } {
  switch (code) {
    case "absent":
      return {
        title: "No model came with this page",
        text: "Open a YOLO model of your own (.onnx or .pt): it stays in your browser. Or start the page with “npx whybox ui”, which fetches the default weights once.",
      };
    case "cancelled":
      return {
        title: "No model",
        text: "You stopped its loading. Load it again, or open one of your own (.onnx or .pt).",
      };
    case "memory":
      return {
        title: "Memory ran out",
        text: "The engine was started anew. Take a smaller photo, a smaller model, or a method from “At once”; closing other tabs helps, too.",
      };
    case "camera":
      return { title: "No picture from the camera", text: message };
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
