import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { Environment } from "./cache-folder.js";

/** npm's settings by name: "registry", "cafile", "//host/:_authToken", … A list is what `name[]` lines give. */
export type NpmSettings = ReadonlyMap<string, string | readonly string[]>;

/** Files of settings are small. */
const MAX_BYTES = 2 ** 20;

/**
 * Reads npm's settings where npm does: `npm_config_*` variables win over the project's .npmrc, that over the user's, that
 * over the global one. Files that are not there are passed over.
 * @throws usage when a file is there and cannot be read.
 */
export async function readNpmSettings(env: Environment, cwd: string): Promise<NpmSettings> {
  const fromEnv = environmentSettings(env);
  const user = fromEnv.get("userconfig") ?? join(env.HOME || env.USERPROFILE || homedir(), ".npmrc");
  const global = fromEnv.get("globalconfig") ?? join(npmPrefix(env, fromEnv), "etc", "npmrc");
  const project = join(await projectFolder(cwd), ".npmrc");
  const merged = new Map<string, string | readonly string[]>();
  for (const path of new Set([global, user, project])) {
    for (const [key, value] of parseNpmrc(await readIfThere(path), env)) merged.set(key, value);
  }
  for (const [key, value] of fromEnv) merged.set(key, value);
  return merged;
}

/** `key = value` lines; `;` and `#` start comments, `${NAME}` stands for a variable, quotes are taken off. */
export function parseNpmrc(content: string, env: Environment): Map<string, string | readonly string[]> {
  const settings = new Map<string, string | readonly string[]>();
  for (const line of content.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[;#[]/.test(trimmed)) continue;
    const equals = trimmed.indexOf("=");
    const key = expand(unquoted(equals < 0 ? trimmed : trimmed.slice(0, equals)), env);
    const value = expand(equals < 0 ? "true" : unquoted(trimmed.slice(equals + 1)), env);
    if (!key.endsWith("[]")) settings.set(key, value);
    else settings.set(key.slice(0, -2), [...listOf(settings.get(key.slice(0, -2))), value]);
  }
  return settings;
}

function environmentSettings(env: Environment): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (!/^npm_config_/i.test(name) || !value) continue;
    const key = name.slice("npm_config_".length);
    // Dashes are underscores in variables, but a leading one belongs to the name (_auth).
    settings.set(key.startsWith("//") ? key : key.replace(/(?<!^)_/g, "-").toLowerCase(), value);
  }
  return settings;
}

/** The folder that npm installs global packages below: two up from Node's binary (one on Windows), unless it was set. */
function npmPrefix(env: Environment, fromEnv: ReadonlyMap<string, string>): string {
  const folder = dirname(process.execPath);
  return fromEnv.get("prefix") ?? env.PREFIX ?? (process.platform === "win32" ? folder : dirname(folder));
}

/** The nearest folder with a package.json or node_modules, else `cwd`. */
async function projectFolder(cwd: string): Promise<string> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const mark of ["package.json", "node_modules"]) {
      if ((await stat(join(folder, mark)).catch(() => undefined)) !== undefined) return folder;
    }
    if (dirname(folder) === folder) return cwd;
  }
}

async function readIfThere(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "";
    throw new WhyboxError("usage", `npm's settings file "${path}" cannot be read: ${message}. Repair or remove it.`, {
      details: { path },
      cause,
    });
  }
}

function unquoted(raw: string): string {
  const value = raw.trim();
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(value);
  if (quoted) return quoted[1] ?? quoted[2] ?? "";
  return value.replace(/\s+[;#].*$/, "");
}

/** `${NAME}` as npm does it: an unknown variable stays as it is, with a question mark it becomes empty. */
function expand(value: string, env: Environment): string {
  return value.replace(/\$\{([^${}?]+)(\?)?\}/g, (whole, name: string, optional: string | undefined) => {
    return env[name] ?? (optional ? "" : whole);
  });
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}
