import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";

/**
 * Gives the files that npm will pack the permissions 644, or 755 for programs. npm packs them as they are, which depends on the umask of
 * whoever built them.
 */
export function evenModes(root, path) {
  // npm is a script on Windows, which only a shell runs.
  const shell = process.platform === "win32";
  const args = ["pack", `./${path}`, "--ignore-scripts", "--dry-run", "--json"];
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 2 ** 26, shell };
  const [{ files }] = JSON.parse(execFileSync("npm", args, options));
  for (const { path: file, mode } of files) chmodSync(join(root, path, file), mode & 0o100 ? 0o755 : 0o644);
}
