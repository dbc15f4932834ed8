import type { Node } from "../../onnx/model.js";
import type { Area } from "./local-step.js";
import type { SizedFacts } from "./map-facts.js";

/** An op on a value costs about as much as this many multiplications of a convolution, since it reads and writes memory. */
const POINTWISE_COST = 16;

/**
 * An estimate of the multiplications of a backward pass: nodes of the region run on the largest window, the others on whole maps. Nodes that are
 * not on maps are left out; they are never in a region.
 */
export function costOf(
  path: readonly Node[],
  inside: ReadonlySet<Node>,
  {
    areas,
    block,
    facts,
  }: { readonly areas: Iterable<readonly Area[]>; readonly block: number; readonly facts: SizedFacts },
): number {
  const sides = [...areas].flat().map(([y, x]) => blocks(y, block) * blocks(x, block));
  const [height, width] = facts.size;
  const whole = height * width;
  const window = Math.min(whole, Math.max(...sides) * block ** 2);
  return path.reduce((sum, node) => sum + workPerPixel(node, facts) * (inside.has(node) ? window : whole), 0);
}

function blocks([start, end]: Area[0], block: number): number {
  return Math.ceil(end / block) - Math.floor(start / block);
}

/** Multiplications per input pixel. */
export function workPerPixel(node: Node, facts: SizedFacts): number {
  const isConv = node.opType === "Conv" || node.opType === "ConvTranspose";
  // The weights meet each cell of the smaller map.
  const map = facts.map(node.opType === "ConvTranspose" ? node.inputs[0]! : node.outputs[0]!);
  if (map === undefined) return 0;
  const weights = isConv ? facts.dims(node.inputs[1]!)?.map(Number) : undefined;
  const work = weights?.reduce((product, size) => product * size, 1) ?? POINTWISE_COST * map.channels;
  return work / map.stride ** 2;
}
