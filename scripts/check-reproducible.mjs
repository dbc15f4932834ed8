// Checks that a commit gives the same packages, byte for byte, wherever it is built: npm run reproducible [-- COMMIT]. It builds the commit in two
// clones that differ in folder, time zone, language and file permissions, and compares what npm would publish.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { evenModes } from "./release/even-modes.mjs";
import { publishable, readWorkspace } from "./release/workspace.mjs";

const root = resolve(import.meta.dirname, "..");
const commit = process.argv[2] ?? "HEAD";
const folder = mkdtempSync(join(tmpdir(), "whybox-reproducible-"));
const builds = [
  { name: "a", mask: 0o022, env: { TZ: "UTC", LC_ALL: "C" } },
  { name: "another-folder", mask: 0o077, env: { TZ: "Pacific/Chatham", LC_ALL: "tr_TR.UTF-8" } },
];

/** Builds the commit in a clone. Returns the SHA-256 of each tarball by its name. */
function build({ name, mask, env }) {
  const clone = join(folder, name);
  const before = process.umask(mask);
  const run = (command, ...args) => {
    const options = { cwd: clone, env: { ...process.env, ...env, ONNXRUNTIME_NODE_INSTALL: "skip" } };
    // npm is a script on Windows, which only a shell runs.
    const shell = command === "npm" && process.platform === "win32";
    execFileSync(command, args, { ...options, stdio: ["ignore", "ignore", "inherit"], shell });
  };
  try {
    mkdirSync(clone);
    run("git", "clone", "--quiet", "--no-hardlinks", root, ".");
    run("git", "checkout", "--quiet", "--detach", head);
    run("npm", "ci", "--prefer-offline", "--no-audit", "--no-fund");
    mkdirSync(join(clone, "release"));
    for (const { path } of publishable(readWorkspace(clone))) {
      evenModes(clone, path);
      run("npm", "pack", `./${path}`, "--ignore-scripts", "--pack-destination", "release");
    }
    const digest = (file) =>
      createHash("sha256")
        .update(readFileSync(join(clone, "release", file)))
        .digest("hex");
    return Object.fromEntries(readdirSync(join(clone, "release")).map((file) => [file, digest(file)]));
  } finally {
    process.umask(before);
  }
}

const head = execFileSync("git", ["rev-parse", `${commit}^{commit}`], { cwd: root, encoding: "utf8" }).trim();
let keep = false;
try {
  const [first, second] = builds.map(build);
  const names = Object.keys(first);
  const differing = names.filter((name) => first[name] !== second[name]);
  for (const name of names) console.log(`${first[name]}  ${name}`);
  if (names.length === 0 || differing.length > 0) {
    keep = true;
    console.error(`These packages differ: ${differing.join(", ")}. Compare them in ${folder}.`);
    process.exitCode = 1;
  } else console.log(`${names.length} packages of ${head.slice(0, 12)} are the same from two clones.`);
} finally {
  if (!keep) rmSync(folder, { recursive: true, force: true });
}
