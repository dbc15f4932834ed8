import { createRequire } from "node:module";

/** Returns the version of this package. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("whybox/package.json") as { version: string };
  return version;
}
