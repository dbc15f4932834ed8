import { readdir } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { isAddress, namedSource } from "../images/named-source.js";
import { addressItem, isCamera, kindByName } from "../runs/sources/source-kind.js";

/** With more images than this, `whybox explain` works as `whybox run` does. */
export const manyImages = 100;

/** Sources that are more than a few images, as typed. */
export interface LongSources {
  readonly videos: readonly string[];
  /** Streams and cameras, which may have no end. */
  readonly live: readonly string[];
  /** Lists, and a list on stdin. */
  readonly lists: readonly string[];
}

const listExtensions = [".txt", ".json", ".yaml", ".yml"];

/** Finds the sources that only a run can read. A source that does not exist is none of them: it is reported where images are listed. */
export async function longSources(inputs: readonly string[], cwd: string): Promise<LongSources> {
  const found = { videos: [] as string[], live: [] as string[], lists: [] as string[] };
  for (const input of inputs) {
    const kind = await longKind(input, cwd);
    if (kind !== undefined) found[kind].push(input);
  }
  return found;
}

async function longKind(input: string, cwd: string): Promise<keyof LongSources | undefined> {
  if (input === "-") return "lists";
  if (isCamera(resolve(cwd, input))) return "live";
  if (isAddress(input)) return addressItem(input)?.kind === "stream" ? "live" : undefined;
  const named = await namedSource(input, cwd).catch(() => undefined);
  if (named?.kind === "folder") {
    const names = await readdir(named.path).catch(() => []);
    return names.some(isVideo) ? "videos" : undefined;
  }
  if (named?.kind === "glob") return isVideo(input) ? "videos" : undefined;
  if (named?.kind !== "file") return undefined;
  if (isVideo(named.path)) return "videos";
  return listExtensions.includes(extname(named.path).toLowerCase()) ? "lists" : undefined;
}

function isVideo(name: string): boolean {
  return !name.startsWith(".") && kindByName(name) === "video";
}

/** Whether there is any. */
export function anyLong({ videos, live, lists }: LongSources): boolean {
  return videos.length + live.length + lists.length > 0;
}
