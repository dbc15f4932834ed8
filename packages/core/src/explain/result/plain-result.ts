import type { Detection } from "../../detector/detection.js";
import type { Box, Frame } from "../../image/frame.js";
import type { ExplainResult } from "./result.js";

/**
 * What an explanation says, as plain data for JSON: the fields of the command's document (docs/result.schema.json) that come from the result.
 * The maps' values are not in it; what is absent is null.
 */
export function plainResult(result: ExplainResult) {
  const { asked, detections, explained, layers, letterbox, maps, notes, scores, timings } = result;
  const { total, ...stages } = timings;
  return {
    letterbox,
    detections: detections.map(plainDetection),
    explained,
    maps: maps.map(({ detections: about, className, maximum }) => ({ detections: about, className, maximum })),
    asked:
      asked === undefined
        ? null
        : {
            ...asked,
            boxImage: corners(asked.boxImage),
            boxInput: corners(asked.boxInput),
            detection: asked.detection ?? null,
          },
    layers: layers.map((layer) => ({ ...layer, index: layer.index ?? null, message: layer.message ?? null })),
    scores,
    notes: notes.map((note) => ({ ...note, layer: note.layer ?? null })),
    empty: result.empty ?? null,
    timings: { ...stages, explain: total },
  };
}

function plainDetection(detection: Detection) {
  const { mask, keypoints, angle, corners: rotated } = detection;
  return {
    ...detection,
    mask: mask === undefined ? null : { size: mask.size, counts: [...mask.counts] },
    keypoints: keypoints?.map((one) => ({ ...one, confidence: one.confidence ?? null })) ?? null,
    angle: angle ?? null,
    corners: rotated ?? null,
    boxImage: corners(detection.boxImage),
    boxInput: corners(detection.boxInput),
  };
}

function corners({ x1, y1, x2, y2 }: Omit<Box<Frame>, "frame">) {
  return { x1, y1, x2, y2 };
}
