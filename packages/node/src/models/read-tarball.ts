import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";

/** Far above any package of weights. */
const MAX_BYTES = 2 ** 30;

/**
 * The plain files of a gzipped tar archive, by their paths without the first folder. In memory: unpacking to a full disk would
 * leave files cut short. The archive is unzipped here, since the parser has no limit of bytes.
 * @throws Error when it is no such archive, is cut short, or unpacks to more than `maxBytes`.
 */
export async function readTarball(archive: Uint8Array, maxBytes = MAX_BYTES): Promise<Map<string, Uint8Array>> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: maxBytes });
  const files = new Map<string, Uint8Array>();
  await new Promise<void>((resolve, reject) => {
    const onReadEntry = (entry: ReadEntry): void => {
      if (!isFile(entry)) return void entry.resume();
      const chunks: Buffer[] = [];
      entry.on("data", (chunk) => chunks.push(chunk));
      // The archive is written as one chunk, so a file is one part of it, which is not copied.
      entry.on("end", () =>
        files.set(withoutFirstFolder(entry.path), chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
      );
    };
    const parser = new Parser({ strict: true, brotli: false, zstd: false, onReadEntry });
    parser.on("error", reject);
    parser.on("end", resolve);
    parser.end(tar);
  });
  return files;
}

function isFile({ type }: ReadEntry): boolean {
  return type === "File" || type === "OldFile" || type === "ContiguousFile";
}

function withoutFirstFolder(path: string): string {
  return path.replace(/^[^/]*\//, "");
}
