import { opendir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import { systemErrorCode } from "../io/system-error.js";
import { knownWeights } from "../models/registry.js";

/** Maximum number of entries of a run's folder. */
const MAX_ENTRIES = 200_000;

/** Decides which files and addresses a client may name. */
export class Allowed {
  readonly #folders: readonly string[];
  readonly #cwd: string;
  readonly #urls: boolean;

  private constructor(folders: readonly string[], cwd: string, urls: boolean) {
    [this.#folders, this.#cwd, this.#urls] = [folders, cwd, urls];
  }

  /** @throws bad-input if a folder does not exist. */
  static async open(options: { folders: readonly string[]; cwd: string; urls: boolean }): Promise<Allowed> {
    const { folders, cwd, urls } = options;
    const real: string[] = [];
    for (const folder of folders.length === 0 ? ["."] : folders) {
      const path = await realpath(resolve(cwd, folder)).catch(() => undefined);
      if (path === undefined || !(await stat(path)).isDirectory()) {
        throw new WhyboxError("bad-input", `--allow: ${folder} is no folder. Pass folders that exist.`);
      }
      real.push(path);
    }
    return new Allowed(real, cwd, urls);
  }

  /** The real path of a file or folder below an allowed folder, after all links. A relative path is below the working folder. @throws bad-input */
  async path(given: string): Promise<string> {
    const path = resolve(this.#cwd, given);
    const real = await realpath(path).catch((error: unknown) => {
      // Outside, the message must not tell what exists.
      if (!this.#holds(path)) throw this.#outside(given);
      throw new WhyboxError("bad-input", `${given} cannot be read (${systemErrorCode(error)}). Check the path.`);
    });
    if (!this.#holds(real)) throw this.#outside(given);
    return real;
  }

  /** A path, or an address if addresses are allowed. Who fetches it refuses private networks. @throws bad-input */
  async source(given: string): Promise<string> {
    if (!isAddress(given)) return this.path(given);
    if (!/^https?:/i.test(given))
      throw new WhyboxError("bad-input", `${given}: expected a path or an http(s) address.`);
    if (!this.#urls) {
      throw new WhyboxError(
        "bad-input",
        "Addresses are not allowed. Start `whybox mcp` with --allow-urls to allow them.",
      );
    }
    if (!URL.canParse(given)) throw new WhyboxError("bad-input", `${given} is not a valid address.`);
    return given;
  }

  /** A model: the name of known weights, or as `source`. */
  async weights(given: string): Promise<string> {
    const exists = await stat(resolve(this.#cwd, given)).then(
      () => true,
      () => false,
    );
    return !exists && knownWeights.some(({ name }) => name === given) ? given : this.source(given);
  }

  /** The folder of a run. No link in it leads out of the allowed folders. @throws bad-input; limit. */
  async run(given: string, maxEntries = MAX_ENTRIES): Promise<string> {
    const folder = await this.path(given);
    const entries = await opendir(folder, { recursive: true }).catch((error: unknown) => {
      throw new WhyboxError("bad-input", `${given} is no folder of a run (${systemErrorCode(error)}).`);
    });
    let count = 0;
    // One by one: the folder may be any, with millions of files. Leaving the loop closes it.
    for await (const entry of entries) {
      if (++count > maxEntries) {
        throw new WhyboxError(
          "limit",
          `${given} has more than ${maxEntries} files and folders. Pass the folder of a run.`,
        );
      }
      if (entry.isSymbolicLink()) await this.path(join(entry.parentPath, entry.name));
    }
    return folder;
  }

  /** Whether a path lies below an allowed folder, after all links. */
  async has(path: string): Promise<boolean> {
    return this.path(path).then(
      () => true,
      () => false,
    );
  }

  #holds(path: string): boolean {
    return this.#folders.some((folder) => {
      const inside = relative(folder, path);
      return inside === "" || (inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside));
    });
  }

  #outside(given: string): WhyboxError {
    const message = `${given} is outside the folders that are allowed: ${this.#folders.join(", ")}. \`whybox mcp --allow DIR\` allows others.`;
    return new WhyboxError("bad-input", message);
  }
}
