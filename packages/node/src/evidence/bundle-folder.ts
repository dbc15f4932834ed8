import { createHash, type Hash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WhyboxError } from "@whybox/core";
import { openOutputFolder } from "../images/output-folder.js";
import { folderError } from "../io/disk-failure.js";
import { renameFile } from "../io/rename-file.js";
import { systemErrorCode } from "../io/system-error.js";
import { syncFolder } from "../io/write-file.js";
import { evidenceFiles } from "./schema.js";
import { type Sum, sumsText } from "./sums.js";

/** Number of bytes to collect before each write. */
const CHUNK = 2 ** 20;

/** A file of a bundle that is being written. */
export interface BundleFile {
  write(part: string | Uint8Array): Promise<void>;
  /** Flushes the file to the disk. */
  end(): Promise<void>;
}

/** A new bundle: its files, with their digests. */
export class BundleFolder {
  readonly #folder: string;
  readonly #sums: Sum[] = [];
  readonly #open = new Set<FileHandle>();
  #bytes = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Makes a bundle, whole or not at all: `fill` writes into a hidden folder beside `out`, which is renamed at the end.
   * @returns The digest of SHA256SUMS.
   * @throws output when `out` exists and is not empty, or cannot be written; errors of `fill`.
   */
  static async make(out: string, fill: (folder: BundleFolder) => Promise<void>): Promise<string> {
    await refuseContent(out);
    const parent = await openOutputFolder(dirname(out));
    const temporary = join(dirname(out), `.whybox-${randomUUID().slice(0, 8)}.tmp`);
    const made = new BundleFolder(temporary);
    try {
      await mkdir(temporary);
      await fill(made);
      const digest = await made.#writeSums();
      await rmdir(out).catch(() => undefined); // empty, or not there
      await renameFile(temporary, out);
      await syncFolder(dirname(out));
      return digest;
    } catch (cause) {
      await Promise.allSettled([...made.#open].map((file) => file.close()));
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined); // the first failure is reported
      throw folderError(out, cause);
    } finally {
      await parent.discardIfEmpty();
    }
  }

  /** Number and size of the files so far. */
  get contents(): { readonly files: number; readonly bytes: number } {
    return { files: this.#sums.length, bytes: this.#bytes };
  }

  /** Absolute path of a file. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Creates a file. @param name its path in the bundle, with slashes. */
  async create(name: string): Promise<BundleFile> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    const file = await open(this.path(name), "wx");
    this.#open.add(file);
    return new HashedFile(file, (sha256, bytes) => {
      this.#open.delete(file);
      this.#sums.push({ sha256, name });
      this.#bytes += bytes;
    });
  }

  /** Writes a file from its parts. */
  async add(name: string, parts: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>): Promise<void> {
    const file = await this.create(name);
    for await (const part of parts) await file.write(part);
    await file.end();
  }

  async #writeSums(): Promise<string> {
    const text = sumsText(this.#sums);
    await this.add(evidenceFiles.sums, [text]);
    return createHash("sha256").update(text).digest("hex");
  }
}

class HashedFile implements BundleFile {
  readonly #file: FileHandle;
  readonly #done: (sha256: string, bytes: number) => void;
  readonly #hash: Hash = createHash("sha256");
  #waiting: Uint8Array[] = [];
  #held = 0;
  #bytes = 0;

  constructor(file: FileHandle, done: (sha256: string, bytes: number) => void) {
    this.#file = file;
    this.#done = done;
  }

  async write(part: string | Uint8Array): Promise<void> {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= CHUNK) await this.#flush();
  }

  async #flush(): Promise<void> {
    const all = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#bytes += this.#held;
    this.#held = 0;
    await this.#file.appendFile(all);
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
    this.#done(this.#hash.digest("hex"), this.#bytes);
  }
}

async function refuseContent(out: string): Promise<void> {
  const found = await readdir(out).catch((error: unknown) => {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") throw new WhyboxError("output", `${out} is a file. Choose another folder with --out.`);
    throw folderError(out, error);
  });
  if (found.length === 0) return;
  const message = `${out} is not empty: it has ${basename(found[0]!)}. A bundle is written into a new folder. Choose another one with --out.`;
  throw new WhyboxError("output", message, { details: { folder: out } });
}
