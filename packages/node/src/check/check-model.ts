import { createHash } from "node:crypto";
import { type CheckImage, type CheckOptions, defaultMethods, detectDefaults, type RgbImage } from "@whybox/core";
import { type CheckDocument, checkDocument } from "@whybox/report";
import type { Detector } from "../api.js";
import type { Services } from "../images/services.js";
import type { Source } from "../images/sources.js";

/** A check of the maps of a model. */
export interface CheckJob {
  readonly detector: Detector;
  readonly sources: readonly Source[];
  /** Checked, with defaults. */
  readonly options: CheckOptions & Required<Pick<CheckOptions, "limit" | "seed" | "noise">>;
  readonly decodeImage: Services["decodeImage"];
  /** Version of Whybox. */
  readonly version: string;
}

/** Checks the maps of a model on some images, and makes the document. @throws as `Detector.check`. */
export async function checkModel({
  detector,
  sources,
  options,
  decodeImage,
  version,
}: CheckJob): Promise<CheckDocument> {
  const digests = new Map<string, string>();
  const { signal } = options;
  const images = sources.map(({ input, location }): CheckImage => {
    const onFile = (bytes: Uint8Array) => digests.set(input, createHash("sha256").update(bytes).digest("hex"));
    return {
      name: input,
      open: (): Promise<RgbImage> => decodeImage(location, { ...(signal && { signal }), onFile }),
    };
  });
  const result = await detector.check(images, options);
  const { report } = detector;
  const { checked, empty, failures } = result.images;
  const used = [...new Set(result.maps.map(({ method }) => method))];
  const titles = new Map(defaultMethods.map(({ id, title }) => [id as string, title]));
  const { limit, seed, noise, imageSize } = options;
  return checkDocument({
    ...{ version, model: report, result, titles },
    options: {
      ...{ seed, limit, noise },
      methods: used.filter((method) => titles.has(method)),
      confidence: options.confidence ?? detectDefaults(report.head.task).confidence,
      imageSize: imageSize === undefined ? null : sides(imageSize),
    },
    images: {
      found: sources.length,
      checked: checked.map((source) => ({ source, sha256: digests.get(source) ?? "" })),
      empty,
      failures: failures.map(({ image, error }) => ({ source: image, message: messageOf(error) })),
      chosenBy: `At random with seed ${seed}: one detection of each image in a random order, then a second one of each, and so on, at most ${limit}.`,
    },
  });
}

function sides(size: NonNullable<CheckOptions["imageSize"]>): readonly [number, number] {
  return typeof size === "number" ? [size, size] : size;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
