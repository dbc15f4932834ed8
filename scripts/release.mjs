// Makes a release of all packages, or publishes one. Run it in the root of the repository.
//   node scripts/release.mjs VERSION [--dry-run]     sets the version, cuts the changelog, checks, packs, commits, tags
//                                                    (release/: the tarballs, and for each a bill of materials, *.cdx.json)
//   node scripts/release.mjs --publish [--dry-run]   packs the tagged commit and publishes it to npm with provenance
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import semver from "semver";
import { cutChangelog } from "./release/changelog.mjs";
import { evenModes } from "./release/even-modes.mjs";
import { sbomOf } from "./release/sbom.mjs";
import { publishable, readWorkspace, withVersion } from "./release/workspace.mjs";

const usage =
  "Usage: node scripts/release.mjs VERSION [--dry-run]\n       node scripts/release.mjs --publish [--dry-run]";
const root = process.cwd();
/** What must pass before a tag is made: scripts of package.json. */
const checks = ["lint", "types", "test", "packed"];
/** Where the tarballs go. */
const folder = resolve(root, "release");

class ReleaseError extends Error {}

/** Runs a program and returns what it prints. */
function ask(command, ...args) {
  // npm is a script on Windows, which only a shell runs.
  const shell = command === "npm" && process.platform === "win32";
  return execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], shell });
}

/** Prints a command, and runs it with its output shown unless this is a dry run. */
function run({ dryRun }, command, ...args) {
  console.log(`$ ${command} ${args.join(" ")}`);
  if (!dryRun) console.log(ask(command, ...args).trimEnd());
}

function refuseChanges({ dryRun }) {
  const changes = ask("git", "status", "--porcelain").trimEnd();
  if (changes === "") return;
  const message = `There are changes that are not committed:\n${changes}\nCommit or stash them first.`;
  if (!dryRun) throw new ReleaseError(message);
  console.log(`A release would stop here. ${message}\n`);
}

function checkVersion(version, current) {
  if (semver.valid(version) !== version) {
    throw new ReleaseError(`"${version}" is not a version. Give one such as ${semver.inc(current, "minor")}.`);
  }
  if (!semver.gt(version, current)) {
    throw new ReleaseError(`Version ${version} is not above ${current}, the version of the packages.`);
  }
  if (ask("git", "tag", "--list", `v${version}`).trim() !== "") {
    throw new ReleaseError(`The tag v${version} exists already. Choose another version.`);
  }
}

/** Packs what is published, the packages that others need first. */
function pack(workspace, options) {
  rmSync(folder, { recursive: true, force: true });
  if (!options.dryRun) mkdirSync(folder);
  const packages = publishable(workspace);
  for (const { path } of packages) {
    if (!options.dryRun) evenModes(root, path);
    run(options, "npm", "pack", `./${path}`, "--ignore-scripts", "--pack-destination", "release");
  }
  return packages.map((entry) => {
    const { name, version } = entry.manifest;
    const base = `${name.replace("@", "").replace("/", "-")}-${version}`;
    if (!options.dryRun) {
      const sbom = sbomOf(root, workspace, entry);
      writeFileSync(resolve(folder, `${base}.cdx.json`), `${JSON.stringify(sbom, null, 2)}\n`);
    }
    return { name, version, tarball: `./release/${base}.tgz` };
  });
}

function release(version, options) {
  const workspace = readWorkspace(root);
  checkVersion(version, workspace.version);
  refuseChanges(options);
  const changelog = readFileSync(resolve(root, "CHANGELOG.md"), "utf8");
  const cut = cutChangelog(changelog, {
    version,
    previous: workspace.version,
    date: new Date().toISOString().slice(0, 10),
  });
  const before = new Map([...workspace.texts, ["CHANGELOG.md", changelog]]);
  const after = new Map([...withVersion(workspace, version), ["CHANGELOG.md", cut.text]]);
  console.log(`Version ${workspace.version} becomes ${version} in:`);
  for (const path of after.keys()) console.log(`  ${path}`);
  console.log(`\n${cut.section}\n`);
  try {
    if (!options.dryRun) writeAll(after);
    for (const check of checks) run(options, "npm", "run", check);
    pack(readWorkspace(root), options);
  } catch (error) {
    if (!options.dryRun) writeAll(before);
    throw error;
  }
  run(options, "git", "commit", "--quiet", "--message", `Release ${version}`, "--", ...after.keys());
  run(options, "git", "tag", "--annotate", `v${version}`, "--message", `Release ${version}`);
  console.log(`\nTo publish, push the tag: git push origin HEAD v${version}`);
}

function writeAll(texts) {
  for (const [path, text] of texts) writeFileSync(resolve(root, path), text);
}

function publish(options) {
  const workspace = readWorkspace(root);
  const tag = `v${workspace.version}`;
  if (!ask("git", "tag", "--points-at", "HEAD").split("\n").includes(tag)) {
    throw new ReleaseError(`This commit has no tag ${tag}, the version of its packages. Check out the tag first.`);
  }
  refuseChanges(options);
  run(options, "npm", "run", "packed");
  for (const { name, version, tarball } of pack(workspace, options)) {
    if (!options.dryRun && isPublished(name, version)) {
      console.log(`${name}@${version} is published already.`);
      continue;
    }
    const channel = semver.prerelease(version) === null ? "latest" : "next";
    run(options, "npm", "publish", tarball, "--provenance", "--access", "public", "--tag", channel);
  }
}

/** Whether npm has this version: an earlier attempt may have published some of the packages. */
function isPublished(name, version) {
  try {
    return ask("npm", "view", `${name}@${version}`, "version").trim() === version;
  } catch {
    return false;
  }
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "dry-run": { type: "boolean" }, publish: { type: "boolean" } },
  });
  const options = { dryRun: values["dry-run"] ?? false };
  if (positionals.length !== (values.publish ? 0 : 1)) throw new ReleaseError(usage);
  if (values.publish) publish(options);
  else release(positionals[0], options);
} catch (error) {
  // A program that fails has said why itself.
  const isOwn = error instanceof ReleaseError || error.name === "ChangelogError" || error.code?.startsWith("ERR_PARSE");
  console.error(isOwn || error.status !== undefined ? error.message : error);
  process.exitCode = 1;
}
