import type { Size } from "../../image/frame.js";
import type { Value } from "../../onnx/builder.js";
import { modelFault } from "../../runtime/model-fault.js";
import { cellsOf } from "../head.js";
import type { HeadContext } from "./context.js";
import { type ConvLevel, convLevels } from "./grid-levels.js";
import { openDecoding, type ProbeMap } from "./probe.js";

/** Maximum number of values in the maps of a probe. A thousand classes at 1280 × 1280 fit. */
const MAX_VALUES = 64 * 2 ** 20;

/** The input size of a probe: that of the file, or some cells of the coarsest level, more across than down. */
export function probeSize(levels: readonly ConvLevel[], fixedSize: Size | undefined): Size {
  const coarsest = levels.at(-1)!.stride;
  return fixedSize ?? [2 * coarsest, 3 * coarsest];
}

/** The maps of all prediction convolutions at an input size, or the reason why they are too large. */
export function probeMaps(levels: readonly ConvLevel[], size: Size): ProbeMap[] | string {
  const maps = levels.flatMap((level) =>
    level.convs.map((conv) => ({ value: conv.value, dims: [1, conv.channels, ...cellsOf(level, size)] as const })),
  );
  const values = maps.reduce((sum, { dims: [, c, h, w] }) => sum + c * h * w, 0);
  return values <= MAX_VALUES ? maps : `the maps of its levels have ${values} values, the maximum is ${MAX_VALUES}`;
}

/** The dims of a decoded value in the probe, or the reason why they are not known. */
export async function decodedDims(context: HeadContext, value: Value): Promise<readonly number[] | string> {
  const { model, index, runtime, fixedSize } = context;
  const levels = convLevels(index, value);
  if (typeof levels === "string") return levels;
  const size = probeSize(levels, fixedSize);
  const maps = probeMaps(levels, size);
  if (typeof maps === "string") return maps;
  try {
    const decoding = await openDecoding(model, value, maps, [1, 3, ...size], runtime);
    await decoding.release();
    return decoding.dims;
  } catch (error) {
    const { message } = await modelFault(error, runtime);
    return `its decoding does not run separately (${message})`;
  }
}
