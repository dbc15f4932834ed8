import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { LedgerLines } from "./ledger.js";

/** So many in a row are no accident. */
const STREAK = 16;

/** What the system says of a file that was listed and is gone, or of the disk or network below it. */
const goneReasons: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ENODEV", "EIO", "ENXIO", "ESTALE", "ENOTCONN"]);

/**
 * Tells a missing file, which is a failure like others, from a source that went away: then the run must stop, or it would write
 * failures for all the rest. Lines of missing files wait until it is known which of the two it is.
 */
export class MissingWatch {
  readonly #off: boolean;
  #waiting: LedgerLines[] = [];
  #others = 0;

  /** @param off every missing file is taken for a failure. */
  constructor(off: boolean) {
    this.#off = off;
  }

  /**
   * Keeps the line of a file that is not there.
   * @param reason the system's word.
   * @returns false when it is a failure of another kind, or missing files are none of our business.
   * @throws bad-input when the source went away.
   */
  async keep(lines: LedgerLines, location: string, reason: string | undefined): Promise<boolean> {
    if (this.#off || reason === undefined || !goneReasons.has(reason)) return false;
    this.#waiting.push(lines);
    const folder = dirname(location);
    const there = await stat(folder).then(
      () => true,
      () => false,
    );
    if (!there) throw gone(`its folder ${folder} is gone`, location);
    if (this.#waiting.length >= STREAK) throw gone(`so are the ${STREAK - 1} before it`, location);
    return true;
  }

  /** Lines of missing files that may be written now that another item came. */
  take(): readonly LedgerLines[] {
    const lines = this.#waiting;
    this.#waiting = [];
    this.#others++;
    return lines;
  }

  /** The same at the end. @throws bad-input when of several sources nothing was there. */
  last(): readonly LedgerLines[] {
    if (this.#others === 0 && this.#waiting.length > 1) throw gone("so is every other", "the last source");
    return this.take();
  }
}

function gone(why: string, location: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${location} is not there, and ${why}. Is a disk or a network folder gone, or --images another folder? Nothing of them was written down: ` +
      "--resume goes on when they are back; --skip-missing takes them for failures.",
    { details: { location } },
  );
}
