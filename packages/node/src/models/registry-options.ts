import { readFile } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import type { Environment } from "./cache-folder.js";
import { type NpmSettings, readNpmSettings } from "./npmrc.js";

/** How to reach the user's npm registry: options for pacote. `registry` is for messages, too. */
export interface RegistryOptions extends Readonly<Record<string, unknown>> {
  readonly registry: string;
}

const DEFAULT_REGISTRY = "https://registry.npmjs.org/";

/** npm's setting → pacote's option, for settings that are passed on as text. */
const TEXTS: Readonly<Record<string, string>> = {
  "https-proxy": "httpsProxy",
  proxy: "proxy",
  noproxy: "noProxy",
  ca: "ca",
  cert: "cert",
  key: "key",
  "replace-registry-host": "replaceRegistryHost",
};

/** npm's setting → pacote's option and our default. Shorter waits than npm's: somebody looks at a progress bar. */
const NUMBERS: Readonly<Record<string, readonly [option: string, fallback: number]>> = {
  "fetch-retries": ["fetchRetries", 2],
  "fetch-retry-mintimeout": ["fetchRetryMintimeout", 1000],
  "fetch-retry-maxtimeout": ["fetchRetryMaxtimeout", 10_000],
  "fetch-timeout": ["timeout", 60_000],
};

/**
 * Registry, credentials, proxy and certificates as the user has set them for npm.
 * @throws usage for a setting that cannot be used.
 */
export async function readRegistryOptions(env: Environment, cwd: string): Promise<RegistryOptions> {
  const settings = await readNpmSettings(env, cwd);
  const options: Record<string, unknown> = {};
  for (const [key, value] of settings) if (key.startsWith("//")) options[key] = value;
  for (const [key, option] of Object.entries(TEXTS)) {
    const value = settings.get(key);
    if (value !== undefined && value !== "null" && value !== "false" && value !== "")
      options[option] = unescaped(value);
  }
  for (const [key, [option, fallback]] of Object.entries(NUMBERS)) options[option] = numberOf(settings, key, fallback);
  options.strictSSL = settings.get("strict-ssl") !== "false";
  const cafile = settings.get("cafile");
  if (typeof cafile === "string" && cafile !== "null" && cafile !== "") options.ca = await certificates(cafile);
  return { ...options, registry: registryOf(settings) };
}

/** `text` with user and password taken out of its URLs, for messages. */
export function withoutPasswords(text: string): string {
  return text.replaceAll(/\/\/[^/\s@]*@/g, "//");
}

function registryOf(settings: NpmSettings): string {
  const value = settings.get("registry") ?? DEFAULT_REGISTRY;
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new WhyboxError(
      "usage",
      `npm's registry is set to ${withoutPasswords(JSON.stringify(value))}, expected an http(s) URL. Repair it: npm config set registry ${DEFAULT_REGISTRY}`,
      { details: { key: "registry" } },
    );
  }
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

function numberOf(settings: NpmSettings, key: string, fallback: number): number {
  const value = settings.get(key);
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new WhyboxError("usage", `npm's setting "${key}" is ${JSON.stringify(value)}, expected a whole number.`, {
    details: { key, value },
  });
}

/** Certificates in settings are on one line, with "\n" written out. */
function unescaped(value: string | readonly string[]): string | string[] {
  const lines = (text: string): string => text.replaceAll("\\n", "\n");
  return typeof value === "string" ? lines(value) : value.map(lines);
}

async function certificates(path: string): Promise<string[]> {
  try {
    const content = await readFile(path, "utf8");
    return content
      .split(/(?<=-----END CERTIFICATE-----)/)
      .map((part) => part.trim())
      .filter((part) => part !== "");
  } catch (cause) {
    throw new WhyboxError(
      "usage",
      `npm's setting "cafile" names "${path}", which cannot be read. Repair the setting.`,
      {
        details: { path },
        cause,
      },
    );
  }
}
