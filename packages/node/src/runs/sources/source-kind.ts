import { extname, isAbsolute, relative, sep } from "node:path";
import { imageExtensions } from "../../images/named-source.js";
import type { RunItem } from "../schema.js";

/** Endings by which a video is known. */
export const videoExtensions: readonly string[] = [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"];

/** Addresses that are streams by their ending; all others over http(s) are pictures. */
const streamEndings = [...videoExtensions, ".m3u8", ".mpd", ".ts", ".flv"];
const streamSchemes = /^(rtsps?|rtmps?|rtp|udp|srt):\/\//i;

/** What a file is by its name; undefined: nothing that can be explained. */
export function kindByName(name: string): "image" | "video" | undefined {
  const ending = extname(name).toLowerCase();
  if (imageExtensions.includes(ending)) return "image";
  return videoExtensions.includes(ending) ? "video" : undefined;
}

/** A file that was named outright may have any ending. */
export function fileItem(root: string, path: string): RunItem {
  return { kind: kindByName(path) ?? "image", source: sourceOf(root, path) };
}

/** The item of an address; undefined when it is none that can be read. */
export function addressItem(text: string): RunItem | undefined {
  if (streamSchemes.test(text)) return { kind: "stream", source: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isStream = streamEndings.includes(extname(url.pathname).toLowerCase());
  return { kind: isStream ? "stream" : "url", source: url.href };
}

/** A camera of Linux. */
export function isCamera(path: string): boolean {
  return /^\/dev\/video\d+$/.test(path);
}

/** The one way to write a path in an item list: with slashes, relative to the root where it lies below it. */
function sourceOf(root: string, path: string): string {
  const below = relative(root, path);
  const outside = below === "" || below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below);
  return (outside ? path : below).split(sep).join("/");
}
