import { extname, isAbsolute, relative, sep } from "node:path";
import { imageExtensions } from "../../images/named-source.js";
import type { RunItem } from "../schema.js";

export const videoExtensions: readonly string[] = [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg"];

/** Extensions of URLs that are streams. Other http(s) URLs are images. */
const streamEndings = [...videoExtensions, ".m3u8", ".mpd", ".ts", ".flv"];
const streamSchemes = /^(rtsps?|rtmps?|rtp|udp|srt):\/\//i;

/** The kind of a file by its name; undefined when it is not supported. */
export function kindByName(name: string): "image" | "video" | undefined {
  const ending = extname(name).toLowerCase();
  if (imageExtensions.includes(ending)) return "image";
  return videoExtensions.includes(ending) ? "video" : undefined;
}

/** The item of a file that is passed by its path. It may have any extension. */
export function fileItem(root: string, path: string): RunItem {
  return { kind: kindByName(path) ?? "image", source: sourceOf(root, path) };
}

/** The item of a URL; undefined when it is not supported. */
export function addressItem(text: string): RunItem | undefined {
  if (streamSchemes.test(text)) return { kind: "stream", source: text };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  const isStream = streamEndings.includes(extname(url.pathname).toLowerCase());
  return { kind: isStream ? "stream" : "url", source: url.href };
}

/** Whether the path is a camera on Linux. */
export function isCamera(path: string): boolean {
  return /^\/dev\/video\d+$/.test(path);
}

/** Formats a path for an item list: with slashes, relative to the root if it is below it. */
function sourceOf(root: string, path: string): string {
  const below = relative(root, path);
  const outside = below === "" || below === ".." || below.startsWith(`..${sep}`) || isAbsolute(below);
  return (outside ? path : below).split(sep).join("/");
}
