// Packs the packages into deploy/docker/packages, for the Dockerfile. Build them first: npm ci.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const folder = join(import.meta.dirname, "packages");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const name of ["core", "report", "node"]) {
  const options = { cwd: join(root, "packages", name), stdio: "inherit", shell: process.platform === "win32" };
  execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], options);
}
