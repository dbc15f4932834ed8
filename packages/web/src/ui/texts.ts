import type { Provider } from "@whybox/browser";
import type { Failure } from "../controller/calls.js";
import type { LoadProgress, Note, State } from "../controller/state.js";

/** The device that runs the model, as short text. */
export function providerText({ device, threads }: Provider): string {
  if (device === "webgpu") return "WebGPU";
  return threads === 1 ? "CPU, 1 thread" : `CPU, ${threads} threads`;
}

/** The engine's text with non-breaking spaces before percent signs. */
export function unbroken(text: string): string {
  return text.replaceAll(" %", "\u00a0%");
}

export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The current stage of opening a model, as text. */
export function progressText(progress: LoadProgress | undefined): string {
  const { stage, download } = progress ?? {};
  if (stage === "download")
    return download?.total
      ? `Loading the model, ${(download.total / 1e6).toFixed(0)} MB, on first use`
      : "Loading the model";
  if (stage === "read") return "Reading the model";
  return "Preparing the model";
}

/** What can be opened, for a file that cannot. Empty if the content of the file is not to blame. */
export function takenText({ failure }: Note): string {
  if (failure.missing !== undefined || !["bad-input", "unsupported-model"].includes(failure.code)) return "";
  return "Photos, videos (MP4, WebM) and models (.onnx, .pt) are taken.";
}

/** What stays open after a file that could not be opened. */
export function keptText({ note, photo, model }: State): string {
  if (note?.what === "model") return model.phase === "ready" ? `${model.model.report.name} stays in use.` : "";
  return photo.phase === "ready" ? `${photo.name} stays open.` : "";
}

/** A failure as text: what happened, and what to do. */
export function failureText({ code, message }: Failure): { readonly title: string; readonly text: string } {
  switch (code) {
    case "absent":
      return {
        title: "This page has no default model",
        text: "Open your own YOLO model (.onnx or .pt). It stays in your browser. Or start the page with “npx whybox ui”, which downloads the default weights once.",
      };
    case "cancelled":
      return {
        title: "No model",
        text: "You cancelled the download. Load the model again, or open your own (.onnx or .pt).",
      };
    case "memory":
      return {
        title: "Out of memory",
        text: "The engine has restarted. Use a smaller photo, a smaller model, or a method from the group “Fast”. Closing other tabs also helps.",
      };
    case "camera":
      return { title: "No image from the camera", text: message };
    case "unsupported-model":
      return { title: "This model cannot be explained", text: message };
    case "no-gradient":
      return { title: "This model has no gradient", text: message };
    case "bad-input":
      return { title: "This file cannot be read", text: message };
    case "limit":
      return { title: "Too large", text: message };
    case "download":
      return { title: "The model could not be downloaded", text: message };
    case "usage":
      return { title: "These settings do not work together", text: message };
    case "runtime":
      return {
        title: "The runtime reported an error",
        text: message.includes("cannot start")
          ? message
          : `${message} Select the other device under “Expert”, “Model”.`,
      };
    default:
      return { title: "Unexpected error", text: `${message} Reload the page; if it happens again, please report it.` };
  }
}
