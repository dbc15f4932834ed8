import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** All temporary folders of the tests lie in one, which goes when they end, however they end. */
export async function setup(): Promise<() => void> {
  // The command that tests start is the newest one, also after `tsc -b` alone.
  await import(new URL("packages/node/scripts/bundle.mjs", import.meta.url).href);
  const folder = mkdtempSync(join(tmpdir(), "whybox-tests-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
