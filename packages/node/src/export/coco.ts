import { jsonText } from "@whybox/core";
import type { OpenRun, RunImage } from "../report/read-run.js";
import { heatFields, imagesIn } from "./run-images.js";

/**
 * Converts a run to COCO's dataset format (cocodataset.org, "Data format"): images, annotations, categories. Category ids start
 * at 1. Annotations have `score`, and as additional fields the measurements of their maps. Rotated boxes are polygons in
 * `segmentation`, poses are `keypoints`.
 * @yields The parts of the file's text.
 */
export async function* cocoText(run: OpenRun): AsyncGenerator<string> {
  const { model, versions } = run.manifest;
  const info = { description: "Detections of a Whybox run", version: versions.whybox, model_sha256: model.sha256 };
  yield `{"info":${jsonText(info)},\n"licenses":[],\n"categories":${jsonText(categoriesOf(run))},\n"images":[`;
  yield* joined(imagesOf(run));
  yield '],\n"annotations":[';
  yield* joined(annotationsOf(run));
  yield "]}\n";
}

function categoriesOf({ manifest: { model } }: OpenRun) {
  return model.classNames.map((name, i) => ({ id: i + 1, name, supercategory: "" }));
}

async function* imagesOf(run: OpenRun): AsyncGenerator<object> {
  for await (const { id, item, source, frame, time, size } of imagesIn(run, { withMaps: false })) {
    const place = frame === undefined ? {} : { frame, time };
    yield { id, file_name: source, height: size[0], width: size[1], item, ...place };
  }
}

async function* annotationsOf(run: OpenRun): AsyncGenerator<object> {
  let id = 0;
  for await (const image of imagesIn(run)) {
    for (const index of image.detections.keys()) yield annotationOf(image, index, ++id, run);
  }
}

function annotationOf(image: RunImage & { id: number }, index: number, id: number, run: OpenRun) {
  const detection = image.detections[index]!;
  const [x1, y1, x2, y2] = detection.box;
  const { corners, keypoints, level, score, objectness, probability } = detection;
  const [width, height] = [round(x2 - x1), round(y2 - y1)];
  const points = keypoints?.flatMap(({ x, y, confidence }) => [x, y, confidence === null || confidence >= 0.5 ? 2 : 1]);
  return {
    ...{ id, image_id: image.id, category_id: detection.class + 1, bbox: [x1, y1, width, height] },
    ...{ area: round(width * height), iscrowd: 0, segmentation: corners === undefined ? [] : [corners.flat()] },
    ...(points === undefined ? {} : { keypoints: points, num_keypoints: keypoints!.length }),
    ...{ score, objectness, probability, level: run.manifest.model.levels[level]?.name ?? null },
    ...heatFields(image, index),
  };
}

function round(value: number): number {
  return Math.round(value * 1e3) / 1e3;
}

/** One value per line, separated by commas. */
async function* joined(values: AsyncIterable<object>): AsyncGenerator<string> {
  let before = "\n";
  for await (const value of values) {
    yield before + jsonText(value);
    before = ",\n";
  }
}
