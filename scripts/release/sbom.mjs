import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * What a package brings with it, as a bill of materials in CycloneDX: the exact versions of package-lock.json.
 * @param workspace as `readWorkspace` reads it.
 */
export function sbomOf(root, { packages, lock }, { path, manifest: { name, version } }) {
  const folder = mkdtempSync(join(tmpdir(), "whybox-sbom-"));
  try {
    const write = (file, value) => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), JSON.stringify(value));
    };
    // Without what only builds and tests the packages. npm's own option for that leaves out what is needed for both.
    write("package.json", installed(JSON.parse(readFileSync(join(root, "package.json"), "utf8"))));
    for (const other of packages) write(`${other.path}/package.json`, installed(other.manifest));
    const entries = Object.entries(lock.packages).map(([place, entry]) => [
      place,
      place.includes("node_modules/") ? entry : installed(entry),
    ]);
    write("package-lock.json", { ...lock, packages: Object.fromEntries(entries) });
    return describe(askNpm(folder, path), `${name}@${version}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function installed({ devDependencies, peerDependencies, ...manifest }) {
  return manifest;
}

function askNpm(cwd, path) {
  const args = ["sbom", "--package-lock-only", "--sbom-format=cyclonedx", `--workspace=${path}`];
  // npm is a script on Windows, which only a shell runs.
  const shell = process.platform === "win32";
  return JSON.parse(execFileSync("npm", args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26, shell }));
}

/** npm describes the workspace, and has the package among its components. */
function describe(sbom, ref) {
  const own = sbom.components.find((component) => component["bom-ref"] === ref);
  if (own === undefined) throw new Error(`npm sbom does not name ${ref}.`);
  const workspace = sbom.metadata.component["bom-ref"];
  return {
    ...sbom,
    metadata: { ...sbom.metadata, component: { ...own, name: ref.slice(0, ref.lastIndexOf("@")) } },
    components: sbom.components.filter((component) => component !== own),
    dependencies: sbom.dependencies.filter((one) => one.ref !== workspace),
  };
}
