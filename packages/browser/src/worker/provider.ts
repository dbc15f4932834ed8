import type { Device, Provider } from "../protocol.js";

/** Maximum number of threads. More threads are not faster for networks of this size. */
const MAX_THREADS = 16;

/** The fastest provider in this browser for the requested device. */
export async function chooseProvider(device: Device, threads: number): Promise<Provider> {
  const gpu = device === "wasm" ? undefined : await whyNoGpu();
  if (device !== "wasm" && gpu === undefined) return { device: "webgpu", threads: 1, note: undefined };
  return { ...wasmProvider(threads), note: [gpu, whyOneThread(threads)].filter(Boolean).join(" ") || undefined };
}

/** WebAssembly with the allowed number of threads. */
export function wasmProvider(threads: number): Provider {
  const cores = Math.min(navigator.hardwareConcurrency || 1, MAX_THREADS);
  const wanted = threads === 0 ? cores : Math.min(threads, MAX_THREADS);
  return { device: "wasm", threads: self.crossOriginIsolated ? wanted : 1, note: whyOneThread(threads) };
}

function whyOneThread(threads: number): string | undefined {
  if (self.crossOriginIsolated || threads === 1) return undefined;
  return "Only one thread: the page is not isolated (COOP and COEP headers). Reload the page once to enable threads.";
}

async function whyNoGpu(): Promise<string | undefined> {
  const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<unknown> } };
  if (gpu === undefined) return "This browser has no WebGPU.";
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter === null ? "WebGPU finds no graphics adapter." : undefined;
}
