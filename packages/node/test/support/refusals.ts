import { spawnSync } from "node:child_process";
import { bin } from "./launch.js";

/** `argv` in a process that may not write files of more than `blocks` × 512 bytes: the system stops it in the middle (EFBIG). */
export function withFileLimit(blocks: number, argv: readonly string[]): string[] {
  return ["sh", "-c", `ulimit -f ${blocks} && exec "$@"`, "sh", ...argv];
}

/**
 * `argv` where `folder` is a file system of its own, in memory, which only this process sees; behind what the program
 * prints stand the names of the files that are in it at the end.
 */
export function withDisk(folder: string, options: string, argv: readonly string[]): string[] {
  const script =
    'mount -t tmpfs -o "$1" none "$2" || exit 99; disk=$2; shift 2; "$@"; code=$?; ls -AR "$disk"; exit $code';
  return ["unshare", "-Urm", "sh", "-c", script, "sh", options, folder, ...argv];
}

/** Why `withDisk` does not work here; undefined when it does. Many containers and hardened kernels forbid it. */
export function whyNoDisk(folder: string): string | undefined {
  const [program, ...argv] = withDisk(folder, "size=4k", ["true"]);
  const tried = spawnSync(program!, argv, { encoding: "utf8" });
  return tried.status === 0 ? undefined : `no private mounts here: ${tried.error?.message ?? tried.stderr.trim()}`;
}

/** The user without rights. */
export const nobody = 65534;

/** Why a program cannot be run as another user than root here; undefined when it can. */
export function whyNotNobody(cwd: string): string | undefined {
  if (process.getuid?.() !== 0) return "only root can run a program as another user";
  const script = `for (const path of ${JSON.stringify([bin, cwd])}) require("node:fs").accessSync(path)`;
  const tried = spawnSync(process.execPath, ["-e", script], { cwd, uid: nobody, gid: nobody });
  return tried.status === 0 ? undefined : "other users cannot read Node, this package or the temporary folder";
}
