import { execFile } from "node:child_process";
import { copyFile, lstat, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../../../..");

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * Fills `folder/node_modules` as an installation of the packed packages would, without a network: our packages have the files that npm
 * would publish, and what they depend on is linked from this workspace.
 */
export async function installPacked(folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  const linked = new Set<string>();
  for (const path of (await readdir(join(root, "packages"))).map((name) => join(root, "packages", name))) {
    const manifest = JSON.parse(await readFile(join(path, "package.json"), "utf8")) as Manifest;
    if (manifest.private) continue;
    await copyPublished(path, join(modules, manifest.name));
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      if (name.startsWith("@whybox/") || linked.has(name)) continue;
      linked.add(name);
      await link(await installedFolder(name, path), join(modules, name));
    }
  }
}

async function copyPublished(from: string, to: string): Promise<void> {
  const pack = promisify(execFile)("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: from,
    maxBuffer: 2 ** 26,
    shell: process.platform === "win32",
  });
  const [{ files }] = JSON.parse((await pack).stdout) as [{ files: readonly { path: string }[] }];
  for (const { path } of files) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await copyFile(join(from, path), join(to, path));
  }
}

/** Where npm put a dependency: in the package's own folder, or in the workspace's. */
async function installedFolder(name: string, path: string): Promise<string> {
  const own = join(path, "node_modules", name);
  return (await stat(own).catch(() => undefined)) ? own : join(root, "node_modules", name);
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Two packages may depend on the same one.
  if (!(await lstat(path).catch(() => undefined))) await symlink(target, path, "junction");
}
