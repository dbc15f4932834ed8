import { GraphBuilder } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { gridHead, type HeadFacts, type HeadLevel, levelName } from "../head.js";
import { anchorNumbers, anchorsFor } from "./anchors.js";
import { append } from "./canonical.js";
import type { FoundHead, HeadContext } from "./context.js";
import { MapRows } from "./map-rows.js";
import { rawFamily } from "./raw-families.js";
import { rawLevels } from "./raw-levels.js";
import type { Miss } from "./refuse-head.js";

/**
 * Finds a head whose outputs are the maps of its levels without decoding, as exports for NPUs and mobile runtimes have them. Appends the decoding of
 * the family that has such maps. What the file does not tell (anchors, the form of the decoding) is assumed and said.
 */
export function findRawMaps(context: HeadContext): FoundHead | Miss {
  const { model, index, expectedClasses, anchors: given } = context;
  const output = model.graph.outputs[0]?.name ?? "";
  const raw = rawLevels(index);
  if (typeof raw === "string") return { output, reason: raw, close: false };
  const strides = raw.levels.map(({ stride }) => stride);
  const miss = (reason: string): Miss => ({ output, reason, close: true });
  const pairs = given === undefined ? 0 : anchorNumbers(given).length / 2 / strides.length;
  const givenPerCell = pairs >= 1 && Number.isInteger(pairs) ? pairs : undefined;
  const family = rawFamily(raw, { expectedClasses, givenPerCell });
  if (typeof family === "string") return miss(family);
  const { perCell, classCount, extraCount, hasObjectness, assumed } = family;
  const found = family.anchors && anchorsFor(model, { strides, perCell, usual: family.anchors, given });
  if (typeof found === "string") return miss(found);
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const columns = 5 + classCount + extraCount;
  const levels = raw.levels.map((level, i): HeadLevel => {
    const rows = new MapRows(build, level);
    return {
      stride: level.stride,
      name: levelName(level.stride),
      anchors: perCell,
      inputs: [level.input],
      convOutputs: level.convs.map(({ value }) => value),
      rows: rows.rows(family.columns(rows, level, found?.anchors[i] ?? []), columns),
    };
  });
  const predictions = build.op(
    "Concat",
    levels.map(({ rows }) => rows!),
    { axis: 1 },
  );
  const facts: HeadFacts = {
    kind: found === undefined ? "anchor-free" : "anchor-based",
    task: extraCount > 0 ? "pose" : "detect",
    output: predictions,
    source: `maps ${raw.outputs
      .slice(0, 9)
      .map((name) => `"${name}"`)
      .join(", ")} without decoding, per level ${family.title}`,
    ...{ classCount, extraCount, hasObjectness },
    selection: { nms: true, labels: "best" },
    prototypes: undefined,
    assumed: [...(found?.note === undefined ? [] : [found.note]), ...assumed],
  };
  return { model: append(model, build), head: gridHead(facts, levels), usesAnchors: found !== undefined };
}
