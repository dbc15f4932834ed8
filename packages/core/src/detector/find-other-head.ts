import { findAnchorDeltas } from "./heads/anchor-deltas.js";
import { findAnchorFreeHead } from "./heads/anchor-free.js";
import { findAnchorPoints } from "./heads/anchor-points.js";
import { findAnchorRows } from "./heads/anchor-rows.js";
import { findBlackBox } from "./heads/black-box.js";
import { findClassifier } from "./heads/classifier.js";
import type { FoundHead, HeadContext } from "./heads/context.js";
import { findPriors } from "./heads/priors.js";
import { findQueryHead } from "./heads/query.js";
import { findRawMaps } from "./heads/raw-maps.js";
import { type Miss, unsupportedHead } from "./heads/refuse-head.js";
import { findSeparateOutputs } from "./heads/separate-outputs.js";

/**
 * Finds a head that is not anchor-based.
 * @param anchorBased why each output is not an anchor-based head.
 * @throws unsupported-model when no output is a supported head. The message lists the outputs.
 */
export async function findOtherHead(context: HeadContext, anchorBased: readonly Miss[]): Promise<FoundHead> {
  const classifier = findClassifier(context);
  if ("head" in classifier) return classifier;
  const anchorFree = await findAnchorFreeHead(context);
  if ("head" in anchorFree) return anchorFree;
  const points = await findAnchorPoints(context);
  if ("head" in points) return points;
  const rows = await findAnchorRows(context);
  if ("head" in rows) return rows;
  const separate = await findSeparateOutputs(context);
  if ("head" in separate) return separate;
  const deltas = await findAnchorDeltas(context);
  if ("head" in deltas) return deltas;
  const raw = findRawMaps(context);
  if ("head" in raw) return raw;
  const priors = await findPriors(context);
  if ("head" in priors) return priors;
  const query = await findQueryHead(context);
  if ("head" in query) return query;
  const selected = findBlackBox(context);
  if ("head" in selected) return selected;
  // The most specific reason for each output.
  const misses = [
    ...[classifier, deltas, selected, raw, priors].filter(({ close }) => close),
    ...rows,
    ...points,
    ...separate,
    ...anchorFree,
  ].map((miss) => anchorBased.find((one) => one.output === miss.output && one.close) ?? miss);
  throw unsupportedHead(context.model.graph, misses.length > 0 ? misses : [query]);
}
