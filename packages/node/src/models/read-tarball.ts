import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";

/** Default limit, far above the size of any package with weights. */
const MAX_BYTES = 2 ** 30;

/**
 * Reads the regular files of a gzipped tar archive, by their paths without the first folder. It works in memory: on a full disk
 * the unpacked files would be incomplete. It unzips the archive itself, because the parser has no size limit.
 * @throws Error when the archive is invalid or truncated, or unpacks to more than `maxBytes`.
 */
export async function readTarball(archive: Uint8Array, maxBytes = MAX_BYTES): Promise<Map<string, Uint8Array>> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: maxBytes });
  const files = new Map<string, Uint8Array>();
  await new Promise<void>((resolve, reject) => {
    const onReadEntry = (entry: ReadEntry): void => {
      if (!isFile(entry)) return void entry.resume();
      const chunks: Buffer[] = [];
      entry.on("data", (chunk) => chunks.push(chunk));
      // The parser gets the archive as one chunk, so each file is one slice of it. It needs no copy.
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
