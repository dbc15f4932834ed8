import type { Device, Provider } from "../protocol.js";

/** More threads than this gain nothing for networks of this size. */
const MOST_THREADS = 16;

/** The fastest provider that this browser has for what was asked. */
export async function chooseProvider(device: Device, threads: number): Promise<Provider> {
  const gpu = device === "wasm" ? undefined : await whyNoGpu();
  if (device !== "wasm" && gpu === undefined) return { device: "webgpu", threads: 1, note: undefined };
  return { ...wasmProvider(threads), note: [gpu, whyOneThread(threads)].filter(Boolean).join(" ") || undefined };
}

/** WebAssembly with the threads that are allowed here. */
export function wasmProvider(threads: number): Provider {
  const cores = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
  const wanted = threads === 0 ? cores : Math.min(threads, MOST_THREADS);
  return { device: "wasm", threads: self.crossOriginIsolated ? wanted : 1, note: whyOneThread(threads) };
}

function whyOneThread(threads: number): string | undefined {
  if (self.crossOriginIsolated || threads === 1) return undefined;
  return "One thread only: this host does not isolate the page (COOP and COEP headers). Reloading once may help.";
}

async function whyNoGpu(): Promise<string | undefined> {
  const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<unknown> } };
  if (gpu === undefined) return "This browser has no WebGPU.";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter === null ? "WebGPU finds no graphics adapter here." : undefined;
}
