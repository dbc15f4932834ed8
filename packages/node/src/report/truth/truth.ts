import type { TruthObject } from "./judge.js";

export interface Truth {
  readonly from: string;
  /** The objects in an image. Undefined if the ground truth does not have the image.
   * @param source name in the run. @param location path of the file. Undefined for URLs.
   */
  objectsOf(
    source: string,
    location: string | undefined,
    size: readonly [height: number, width: number],
  ): Promise<readonly TruthObject[] | undefined>;
  /** Notes for the user, after all images are read. */
  notes(): readonly string[];
}
