import { dirname } from "node:path";
import { WhyboxError } from "@whybox/core";
import { exists } from "../io/exists.js";

/** Number of consecutive missing files after which the source counts as unavailable. */
const STREAK = 16;

/** Error codes of a listed file that no longer exists, or whose disk or network is not available. */
const missingReasons: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "ENODEV",
  "EIO",
  "ENXIO",
  "ESTALE",
  "ENOTCONN",
]);

/**
 * Distinguishes a missing file from a source that is no longer available. A missing file is a failure. Without its source the run
 * must stop, because all further items would fail. The lines of missing files wait until the case is known.
 */
export class MissingWatch<Lines> {
  readonly #off: boolean;
  #waiting: Lines[] = [];
  #others = 0;

  /** @param off Treats each missing file as a failure. */
  constructor(off: boolean) {
    this.#off = off;
  }

  /**
   * Keeps the lines of a missing file.
   * @param reason The system's error code.
   * @returns false for another kind of failure, or when the watch is off.
   * @throws bad-input when the source is no longer available.
   */
  async keep(lines: Lines, location: string, reason: string | undefined): Promise<boolean> {
    if (this.#off || reason === undefined || !missingReasons.has(reason)) return false;
    this.#waiting.push(lines);
    const folder = dirname(location);
    if (!(await exists(folder))) throw unavailable(`its folder ${folder} is missing too`, location);
    if (this.#waiting.length >= STREAK)
      throw unavailable(`the ${STREAK - 1} files before it are missing too`, location);
    return true;
  }

  /** Returns the waiting lines, which can be written because another item was available. */
  take(): readonly Lines[] {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#others++;
    return lines;
  }

  /** Returns the waiting lines at the end. @throws bad-input when there are several sources and all of them are missing. */
  last(): readonly Lines[] {
    if (this.#others === 0 && this.#waiting.length > 1)
      throw unavailable("all other sources are missing too", "the last source");
    return this.take();
  }
}

function unavailable(why: string, location: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${location} is missing, and ${why}. Check the disk or the network folder, and --images. These files have no results yet: ` +
      "--resume continues when they are available again; --skip-missing records them as failures.",
    { details: { location } },
  );
}
