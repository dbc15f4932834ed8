import { anchorForm, anchorNumbers, anchorsFor } from "./anchors.js";
import type { FoundHead, HeadContext } from "./context.js";
import { darknetBody } from "./darknet-body.js";
import { appendMapHead } from "./map-head.js";
import { prototypesOf } from "./prototypes.js";
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
  const convs = raw.levels.flatMap((level) => level.convs.map(({ value }) => value));
  const prototypes = prototypesOf(index, new Set(convs));
  const family = rawFamily(raw, {
    ...{ expectedClasses, givenPerCell, prototypes },
    givenForm: anchorForm(given),
    darknet: darknetBody(index, raw),
    metadata: model.metadata,
  });
  if (typeof family === "string") return miss(family);
  const { perCell, classCount, extraCount, hasObjectness, assumed } = family;
  const found = family.anchors && anchorsFor(model, { strides, perCell, usual: family.anchors, given });
  if (typeof found === "string") return miss(found);
  const names = raw.outputs.slice(0, MAX_SHOWN).map((name) => `"${name}"`);
  const head = appendMapHead(model, {
    facts: {
      kind: found === undefined ? "anchor-free" : "anchor-based",
      task: family.task ?? "detect",
      source: `maps ${names.join(", ")} without decoding, per level ${family.title}`,
      ...{ classCount, extraCount, hasObjectness },
      prototypes: family.task === "segment" ? prototypes?.value : undefined,
      assumed: [...(found?.note === undefined ? [] : [found.note]), ...assumed],
      ...(family.familyNames === undefined ? {} : { familyNames: family.familyNames }),
      ...(family.preparation === undefined ? {} : { preparation: family.preparation }),
    },
    levels: raw.levels,
    perCell,
    columns: (rows, level, at) => family.columns(rows, level, found?.anchors[at] ?? [], at),
  });
  return { ...head, usesAnchors: found !== undefined };
}

/** Maximum number of outputs that are named. */
const MAX_SHOWN = 9;
