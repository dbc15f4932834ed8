import type { TruthObject } from "./judge.js";

/** Where ground truth comes from. */
export interface Truth {
  readonly from: string;
  /**
   * The objects in a picture; undefined when nothing is known of it.
   * @param source as in the run's lines. @param location path of the file; undefined for addresses.
   */
  objectsOf(
    source: string,
    location: string | undefined,
    size: readonly [height: number, width: number],
  ): Promise<readonly TruthObject[] | undefined>;
  /** What a person should know, once all has been asked for. */
  notes(): readonly string[];
}
