/// <reference path="./npmcli-config.d.ts" />

import { access, constants, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import Config from "@npmcli/config";
import npm from "@npmcli/config/lib/definitions/index.js";
import { WhyboxError } from "@whybox/core";
import { pickRegistry } from "npm-registry-fetch";
import { systemErrorCode } from "../io/system-error.js";
import type { Environment } from "./cache-folder.js";
import { type RegistryOptions, withoutPasswords } from "./download.js";

/** The settings for the registry. npm's other settings are ignored: some of their handlers change `process.env`. */
const names = [
  ...["registry", "scope", "replace-registry-host", "proxy", "https-proxy", "noproxy"],
  ...["strict-ssl", "ca", "cafile", "cert", "key", "userconfig", "globalconfig", "prefix"],
  ...["fetch-retries", "fetch-retry-factor", "fetch-retry-mintimeout", "fetch-retry-maxtimeout", "fetch-timeout"],
];

/** Shorter timeouts than npm's, because the user watches a progress bar. */
const defaults = new Map([
  ["fetch-retry-mintimeout", 1000],
  ["fetch-retry-maxtimeout", 10_000],
  ["fetch-timeout", 60_000],
]);

const definitions: Readonly<Record<string, Config.Definition>> = Object.fromEntries(
  names.map((name) => {
    const known = npm.definitions[name]!;
    return [name, { ...known, default: defaults.get(name) ?? known.default }];
  }),
);

/** Maximum size of a settings file. */
const MAX_BYTES = 2 ** 20;

/** Checks the settings files before the library reads them. The library has no size limit, and would block on a pipe. */
class CheckedConfig extends Config {
  override async loadLocalPrefix(): Promise<void> {
    await super.loadLocalPrefix();
    await checkFile(join(this.localPrefix, ".npmrc"));
  }

  override async loadUserConfig(): Promise<void> {
    await checkFile(String(this.list[0]?.userconfig));
    await super.loadUserConfig();
  }

  override async loadGlobalConfig(): Promise<void> {
    await checkFile(String(this.list[0]?.globalconfig));
    await super.loadGlobalConfig();
  }
}

/**
 * Reads the user's npm settings for the package `spec`: registry, credentials, proxy and certificates. They come from
 * environment variables and from the .npmrc files of the project, the user and the machine.
 * @throws usage for a file that cannot be read and for an invalid setting. npm itself only logs both.
 */
export async function readNpmSettings(spec: string, env: Environment, cwd: string): Promise<RegistryOptions> {
  const config = new CheckedConfig({
    definitions,
    shorthands: {},
    npmPath: import.meta.dirname, // a folder without npm's built-in npmrc
    env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    argv: [],
    cwd,
    warn: false,
  });
  await config.load().catch((cause: Error) => {
    if (cause instanceof WhyboxError) throw cause;
    throw new WhyboxError("usage", `Cannot use npm's settings: ${cause.message}. Correct them.`, { cause });
  });
  for (const { source, loadError } of config.data.values()) {
    const isMissing = loadError === undefined || ["ENOENT", "ENOTDIR"].includes(systemErrorCode(loadError));
    if (!isMissing) throw unreadable(String(source), loadError);
  }
  const settings = config.list[0]!;
  for (const name of names) if (definitions[name]!.type === Number) checkNumber(name, settings[name]);
  await checkCertificates(settings.cafile);
  const { ca, cert, key, ...options } = optionsOf(config);
  return { ...options, ...certificatesOf({ ca, cert, key }), registry: registryOf(spec, options) };
}

/** The settings as options of npm's libraries. Credentials and scope registries are copied unchanged. */
function optionsOf({ list }: Config): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const level of list.toReversed()) {
    for (const [name, value] of Object.entries(level)) {
      if (/^\/\/|@.*:registry$/i.test(name)) options[name] = value;
      else if (Object.hasOwn(definitions, name)) definitions[name]!.flatten?.(name, level, options);
    }
  }
  return options;
}

async function checkFile(path: string): Promise<void> {
  const entry = await stat(path).catch(() => undefined); // reading the file reports the error
  if (entry === undefined) return;
  if (!entry.isFile()) throw unreadable(path, new Error("it is not a regular file"));
  if (entry.size > MAX_BYTES) throw unreadable(path, new Error(`it is larger than ${MAX_BYTES} bytes`));
}

function unreadable(path: string, cause: Error): WhyboxError {
  const message = `Cannot read npm's settings file "${path}": ${cause.message}. Correct or remove it.`;
  return new WhyboxError("usage", message, { details: { path }, cause });
}

function checkNumber(key: string, value: unknown): void {
  if (typeof value === "number" && value >= 0) return;
  const message = `npm's setting "${key}" is ${JSON.stringify(value)}, expected a number of at least 0.`;
  throw new WhyboxError("usage", message, { details: { key, value } });
}

/** @throws usage for a certificate file that cannot be read. npm ignores a missing one. */
async function checkCertificates(path: unknown): Promise<void> {
  // The library treats the word null as a file name.
  if (typeof path !== "string" || path === resolve("null")) return;
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    const message = `npm's setting "cafile" names "${path}", which cannot be read. Correct the setting.`;
    throw new WhyboxError("usage", message, { details: { path }, cause });
  }
}

/** Replaces "\\n" in certificates by line breaks. npm does so only in quotes. The text "null" means no certificate. */
function certificatesOf(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const unescaped = (value: unknown): unknown => (typeof value === "string" ? value.replaceAll("\\n", "\n") : value);
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined && value !== null && String(value) !== "null")
      .map(([name, value]) => [name, Array.isArray(value) ? value.map(unescaped) : unescaped(value)]),
  );
}

function registryOf(spec: string, options: Readonly<Record<string, unknown>>): string {
  const value: unknown = pickRegistry(spec, options);
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") {
    return url.href.endsWith("/") ? url.href : `${url.href}/`;
  }
  const key = Object.keys(options).find((name) => name.endsWith(":registry") && options[name] === value) ?? "registry";
  const found = withoutPasswords(JSON.stringify(value));
  throw new WhyboxError(
    "usage",
    `npm's ${key} is set to ${found}, expected an http(s) URL. Correct it: npm config set ${key} ${npm.definitions.registry!.default}`,
    { details: { key } },
  );
}
