import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { locate, type OpenRun } from "../report/read-run.js";
import { digestOf } from "../runs/success.js";

/** Which source of one run is the same image (or video) in the other run. */
export interface PairedSources {
  /** Source of the first run → source of the second run. */
  readonly partner: ReadonlyMap<string, string>;
  /** Sources of the first run without a partner. */
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  /** Sources of the first run whose file has another content in the second run. */
  readonly changed: readonly string[];
}

interface Listed {
  readonly run: OpenRun;
  readonly sources: readonly string[];
}

/**
 * Pairs the sources of two runs: the same source, then the same file name if it is unique in both, then the same content. Files of
 * different folders whose names are equal must have the same content, as far as both are still there.
 */
export async function pairSources(
  first: Listed,
  second: Listed,
  mayRead: (path: string) => Promise<boolean> = async () => true,
): Promise<PairedSources> {
  const digests = new Digests(mayRead);
  const partner = new Map<string, string>();
  const changed: string[] = [];
  const rest = { first: new Set(first.sources), second: new Set(second.sources) };
  const pair = (one: string, other: string): void => {
    rest.first.delete(one);
    rest.second.delete(other);
    partner.set(one, other);
  };
  const check = async (one: string, other: string): Promise<void> => {
    if (await digests.differ(locate(first.run, one), locate(second.run, other))) {
      rest.first.delete(one);
      rest.second.delete(other);
      changed.push(one);
    } else pair(one, other);
  };
  for (const source of first.sources) if (rest.second.has(source)) await check(source, source);
  for (const [one, other] of same(rest, baseName)) await check(one, other);
  if (rest.first.size > 0 && rest.second.size > 0) {
    const contents = new Map<string, string | undefined>();
    for (const source of rest.first) contents.set(`1${source}`, await digests.of(locate(first.run, source)));
    for (const source of rest.second) contents.set(`2${source}`, await digests.of(locate(second.run, source)));
    const content = (source: string, of: "first" | "second") => contents.get(`${of === "first" ? 1 : 2}${source}`);
    for (const [one, other] of same(rest, content)) pair(one, other);
  }
  return { partner, onlyFirst: [...rest.first], onlySecond: [...rest.second], changed };
}

const baseName = (source: string): string => basename(source.replaceAll("\\", "/"));

/** The sources that alone have a key in both lists. Sources whose key is undefined have no partner. */
function same(
  { first, second }: Readonly<Record<"first" | "second", ReadonlySet<string>>>,
  key: (source: string, of: "first" | "second") => string | undefined,
): [string, string][] {
  const there = alone([...second], (source) => key(source, "second"));
  const here = alone([...first], (source) => key(source, "first"));
  return [...here].flatMap(([name, source]) => {
    const other = there.get(name);
    return other === undefined ? [] : [[source, other] as [string, string]];
  });
}

function alone(sources: readonly string[], key: (source: string) => string | undefined): Map<string, string> {
  const found = new Map<string, string>();
  const repeated = new Set<string>();
  for (const source of sources) {
    const name = key(source);
    if (name === undefined) continue;
    if (found.has(name)) repeated.add(name);
    found.set(name, source);
  }
  for (const name of repeated) found.delete(name);
  return found;
}

/** Digests of files, each computed once. */
class Digests {
  readonly #known = new Map<string, string | undefined>();
  readonly #mayRead: (path: string) => Promise<boolean>;

  constructor(mayRead: (path: string) => Promise<boolean>) {
    this.#mayRead = mayRead;
  }

  /** Undefined for a source that is no file, or whose file is not readable. */
  async of(path: string | undefined): Promise<string | undefined> {
    if (path === undefined) return undefined;
    if (!this.#known.has(path)) this.#known.set(path, await this.#read(path).catch(() => undefined));
    return this.#known.get(path);
  }

  async #read(path: string): Promise<string | undefined> {
    const isFile = (await this.#mayRead(path)) && (await stat(path)).isFile();
    return isFile ? (await digestOf(path)).sha256 : undefined;
  }

  /** Whether two files are known to differ. */
  async differ(one: string | undefined, other: string | undefined): Promise<boolean> {
    if (one === undefined || other === undefined || one === other) return false;
    const [a, b] = [await this.of(one), await this.of(other)];
    return a !== undefined && b !== undefined && a !== b;
  }
}
