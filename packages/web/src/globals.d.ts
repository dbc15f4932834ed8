/** Version of the package; the build puts it in. */
declare const __WHYBOX_VERSION__: string;
/** Where the built worker lies. */
declare module "virtual:engine-worker" {
  export const workerAddress: string;
}
/** Where the file with the engine's sentences lies. */
declare module "virtual:sentences" {
  export const sentencesAddress: string;
}
/** The engine's kernels in WebAssembly; their file may not come, and the engine works without. */
declare module "virtual:kernels" {
  export function loadKernels(): Promise<void>;
}
