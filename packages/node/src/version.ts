import { readFileSync } from "node:fs";

/** Returns the version of this package. The relative path is the same for src and dist. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: unknown }).version);
}
