import { broken } from "./broken.js";
import { isSize } from "./module.js";
import { blockOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { convolutionIn, NEAREST, upsampled } from "./torch-modules.js";
import { bottleneck, c3 } from "./yolov5-modules.js";

/** The modules of the ModuleList "m", each applied to the previous result. All results follow `features`. */
export function chained(call: ModuleCall, features: readonly Feature[]): Feature[] {
  const results = [...features];
  for (const [i, item] of call.module.child("m").items().entries()) {
    results.push(call.callAs(item, `m.${i}`, results.at(-1)!));
  }
  return results;
}

/** C2f and its variants, which differ in `m`. */
const c2f = blockOf(["cv1", "cv2", "m"], (call) =>
  call.call("cv2", call.concat(chained(call, call.halves(call.call("cv1", call.x))))),
);

const c1 = blockOf(["cv1", "m"], (call) => {
  const y = call.call("cv1", call.x);
  return call.add(call.call("m", y), y);
});

const c2 = blockOf(["cv1", "cv2", "m"], (call) => {
  const [a, b] = call.halves(call.call("cv1", call.x));
  return call.call("cv2", call.concat([call.call("m", a), b]));
});

const c3f = blockOf(["cv1", "cv2", "cv3", "m"], (call) => {
  const around = call.call("cv2", call.x);
  return call.call("cv3", call.concat(chained(call, [around, call.call("cv1", call.x)])));
});

const repC3 = blockOf(["cv1", "cv2", "cv3", "m"], (call) => {
  const deep = call.chain(call.x, "cv1", "m");
  return call.call("cv3", call.add(deep, call.call("cv2", call.x)));
});

/** RepNCSPELAN4 and ELAN1, which differ in cv2 and cv3. */
const elan = blockOf(["cv1", "cv2", "cv3", "cv4"], (call) =>
  call.call("cv4", call.concat(call.series(call.halves(call.call("cv1", call.x)), "cv2", "cv3"))),
);

const sppElan = blockOf(["cv1", "cv2", "cv3", "cv4", "cv5"], (call) =>
  call.call("cv5", call.concat(call.series([call.call("cv1", call.x)], "cv2", "cv3", "cv4"))),
);

const cib = blockOf(["cv1"], (call) => {
  const y = call.call("cv1", call.x);
  return call.module.flag("add", false) ? call.add(call.x, y) : y;
});

/** Several features from one convolution: its channels, split. */
const cbLinear = blockOf(["conv"], (call) => {
  const { module } = call;
  const y = convolutionIn(call, "conv", undefined, call.x);
  const sizes = numbers(call, "c2s");
  if (sizes.includes(0) || sizes.reduce((sum, size) => sum + size, 0) !== y.channels) {
    throw module.odd("c2s", `numbers of channels, ${y.channels} together`);
  }
  return { ...y, parts: sizes.length === 1 ? [y] : call.split(y, sizes) };
});

/** One feature of each CBLinear, resized to the last input and added to it. */
const cbFuse = blockOf([], (call) => {
  const { module, inputs } = call;
  const chosen = numbers(call, "idx");
  const target = inputs.at(-1);
  if (target === undefined || target.parts !== undefined || chosen.length !== inputs.length - 1) {
    throw broken(`${module.label} is given ${inputs.length} inputs and chooses of ${chosen.length}`);
  }
  if (chosen.length === 0) return target;
  const size = call.op("Shape", [target.value], 0, { start: 2, end: 4 });
  return chosen.reduce((sum, index, i) => {
    const part = inputs[i]!.parts?.[index];
    if (part === undefined) throw module.odd("idx", "numbers of features that its inputs have");
    const batchAndChannels = call.op("Shape", [part.value], 0, { start: 0, end: 2 });
    const sizes = call.op("Concat", [batchAndChannels.value, size.value], 0, { axis: 0 });
    return call.add(sum, call.op("Resize", [part.value, "", "", sizes.value], part.channels, NEAREST));
  }, target);
});

/** Mask prototypes of YOLO26, from all levels: the coarser ones are resized to the finest and added to it. */
const proto26 = blockOf(["cv1", "upsample", "cv2", "cv3", "feat_refine", "feat_fuse", "semseg"], (call) => {
  const { module, inputs } = call;
  const refine = module.child("feat_refine").items();
  const [finest] = inputs;
  if (finest === undefined || refine.length !== inputs.length - 1 || refine.length > 15) {
    throw broken(`${module.label} is given ${inputs.length} inputs and refines ${refine.length}`);
  }
  const features = refine.reduce((sum, item, i) => {
    const refined = call.callAs(item, `feat_refine.${i}`, inputs[i + 1]!);
    return call.add(sum, upsampled(call, refined, 2 ** (i + 1), 2 ** (i + 1)));
  }, finest);
  return call.chain(features, "feat_fuse", "cv1", "upsample", "cv2", "cv3");
});

function numbers(call: ModuleCall, name: string): number[] {
  const value = call.module.attribute(name);
  if (Array.isArray(value) && value.length <= 64 && value.every(isSize)) return value;
  throw call.module.odd(name, "a list of whole numbers");
}

/** Blocks of Ultralytics (nn/modules/block.py) that YOLOv5 does not have, without attention. */
export const ultralyticsBlocks: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["C1", c1],
  ["C2", c2],
  ["C2f", c2f],
  ["C2fCIB", c2f],
  ["C2fPSA", c2f],
  ["C3k2", c2f],
  ["C3f", c3f],
  ["C3k", c3],
  ["RepCSP", c3],
  ["RepBottleneck", bottleneck],
  ["RepC3", repC3],
  ["RepNCSPELAN4", elan],
  ["ELAN1", elan],
  ["SPPELAN", sppElan],
  ["CIB", cib],
  ["CBLinear", cbLinear],
  ["CBFuse", cbFuse],
  ["Proto26", proto26],
]);
