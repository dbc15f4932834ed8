import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../../../..");

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/**
 * Fills `folder/node_modules` as an installation of the packed packages would, without a network: our packages have the files that npm
 * would publish, and what they depend on is linked from this workspace. All that the dependencies depend on is linked too, because some
 * versions of Node look for it beside the link. `others` are installed as well: what a program uses beside Whybox.
 */
export async function installPacked(folder: string, others: readonly string[] = []): Promise<void> {
  const modules = join(folder, "node_modules");
  const needed = new Set<string>();
  for (const path of (await readdir(join(root, "packages"))).map((name) => join(root, "packages", name))) {
    const { private: isPrivate, name, bin = {}, dependencies = {} } = await readManifest(path);
    if (isPrivate) continue;
    await copyPublished(path, join(modules, name));
    for (const [command, script] of Object.entries(bin)) await linkCommand(modules, command, join(name, script));
    // What npm did not put into the common folder, because there is another version of it.
    const own = join(path, "node_modules");
    const foreign = Object.keys(dependencies).filter((one) => !one.startsWith("@whybox/"));
    for (const place of await dependenciesOf(foreign, path, needed)) {
      if (dirname(place) === own) await link(place, join(modules, name, "node_modules", relative(own, place)));
    }
  }
  await dependenciesOf(others, root, needed);
  const common = join(root, "node_modules");
  for (const place of needed) {
    const name = relative(common, place);
    // A folder within a dependency is there with it.
    if (!name.startsWith("..") && !name.includes("node_modules")) await link(place, join(modules, name));
  }
}

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(path, "package.json"), "utf8")) as Manifest;
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

/** Adds the folders of packages, and of all that they depend on, to `found`. Returns the folders of the packages themselves. */
async function dependenciesOf(names: readonly string[], path: string, found: Set<string>): Promise<string[]> {
  const places: string[] = [];
  for (const name of names) {
    const place = await installedFolder(name, path);
    if (place === undefined) continue;
    places.push(place);
    if (found.has(place)) continue;
    found.add(place);
    const { dependencies, optionalDependencies, peerDependencies } = await readManifest(place);
    await dependenciesOf(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }), place, found);
  }
  return places;
}

/** Where npm put a dependency: in the nearest `node_modules`. An optional one may be nowhere. */
async function installedFolder(name: string, path: string): Promise<string | undefined> {
  const place = join(path, "node_modules", name);
  if (await stat(place).catch(() => undefined)) return place;
  return path === root ? undefined : installedFolder(name, dirname(path));
}

/** Puts a command where npm puts it on systems with links: in `node_modules/.bin`. */
async function linkCommand(modules: string, command: string, script: string): Promise<void> {
  if (process.platform === "win32") return;
  await mkdir(join(modules, ".bin"), { recursive: true });
  await symlink(join("..", script), join(modules, ".bin", command));
  await chmod(join(modules, script), 0o755);
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path, "junction");
}
