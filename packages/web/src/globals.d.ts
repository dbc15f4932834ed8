/** Version of the package; the build puts it in. */
declare const __WHYBOX_VERSION__: string;
/** Where the built worker lies. */
declare module "virtual:engine-worker" {
  export const workerAddress: string;
}
