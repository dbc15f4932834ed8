import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import type { Model } from "../../onnx/model.js";
import { gridHead, type HeadFacts, type HeadLevel, levelName } from "../head.js";
import { append } from "./canonical.js";
import type { FoundHead } from "./context.js";
import { MapRows } from "./map-rows.js";
import type { RawLevel } from "./raw-levels.js";

/** A head whose rows are computed from the maps of its levels. */
export interface MapHead {
  readonly facts: Omit<HeadFacts, "output" | "selection">;
  readonly levels: readonly RawLevel[];
  /** Anchors per cell. */
  readonly perCell: number;
  /** The columns of a level in the common layout: box, objectness, classes, extras. */
  columns(rows: MapRows, level: RawLevel, at: number): readonly Value[];
}

/** Appends the rows of all levels to a model, ordered by level, anchor and cell. */
export function appendMapHead(model: Model, { facts, levels, perCell, columns }: MapHead): FoundHead {
  const build = new GraphBuilder(freshPrefix(model, "whybox/predictions/"));
  const width = 5 + facts.classCount + facts.extraCount;
  const withRows = levels.map((level, i): HeadLevel & { readonly rows: Value } => {
    const rows = new MapRows(build, level);
    return {
      stride: level.stride,
      name: levelName(level.stride),
      anchors: perCell,
      inputs: [level.input],
      convOutputs: level.convs.map(({ value }) => value),
      rows: rows.rows(columns(rows, level, i), width),
    };
  });
  const joined = withRows.map(({ rows }) => rows);
  const output = build.op("Concat", joined, { axis: 1 });
  const head = gridHead({ ...facts, output, selection: { nms: true, labels: "best" } }, withRows);
  return { model: append(model, build), head };
}
