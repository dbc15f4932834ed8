import { broken } from "./broken.js";
import { blockOf, chainOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { convolutionIn } from "./torch-modules.js";

/** Convolution, normalisation (absent in a fused checkpoint), activation. DWConv has one group per channel. */
const conv = blockOf(["conv", "bn", "act"], (call) => call.call("act", convolutionIn(call, "conv", "bn", call.x)));

/** Two convolutions with a skip connection if the sizes agree. CrossConv is the same with other kernels. */
export const bottleneck = blockOf(["cv1", "cv2"], (call) => {
  const y = call.chain(call.x, "cv1", "cv2");
  return call.module.flag("add", false) ? call.add(call.x, y) : y;
});

/** C3 and its variants, which differ in `m`. */
export const c3 = blockOf(["cv1", "cv2", "cv3", "m"], (call) => {
  const deep = call.chain(call.x, "cv1", "m");
  return call.call("cv3", call.concat([deep, call.call("cv2", call.x)]));
});

const bottleneckCsp = blockOf(["cv1", "cv2", "cv3", "cv4", "bn", "act", "m"], (call) => {
  const deep = call.chain(call.x, "cv1", "m");
  const branches = [convolutionIn(call, "cv3", undefined, deep), convolutionIn(call, "cv2", undefined, call.x)];
  return call.chain(call.concat(branches), "bn", "act", "cv4");
});

const spp = blockOf(["cv1", "cv2", "m"], (call) => {
  const x = call.call("cv1", call.x);
  const pools = call.module.child("m").items();
  return call.call("cv2", call.concat([x, ...pools.map((pool, i) => call.callAs(pool, `m.${i}`, x))]));
});

/** YOLO26 has other numbers of poolings, and a skip connection. */
const sppf = blockOf(["cv1", "cv2", "m"], (call) => {
  const { module } = call;
  const count = module.attribute("n") === undefined ? 3 : module.int("n");
  if (count < 1 || count > 64) throw module.odd("n", "a number of poolings from 1 to 64");
  const pools = Array.from({ length: count }, () => "m");
  const y = call.call("cv2", call.concat(call.series([call.call("cv1", call.x)], ...pools)));
  return module.flag("add", false) ? call.add(y, call.x) : y;
});

/** Space to depth: every second pixel of every second row, from four offsets, as channels. */
export const everySecondPixel: ModuleBuilder = (call) => {
  const phases = [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const;
  return call.concat(phases.map((start) => everySecond(call, start)));
};

const focus = blockOf(["conv"], (call) => call.call("conv", everySecondPixel(call)));

function everySecond(call: ModuleCall, start: readonly [row: number, column: number]): Feature {
  const { builder } = call.writer;
  const end = Number.MAX_SAFE_INTEGER;
  const bounds = [start, [end, end], [2, 3], [2, 2]].map((numbers) => builder.ints(numbers));
  return call.op("Slice", [call.x.value, ...bounds], call.x.channels);
}

const ghostConv = blockOf(["cv1", "cv2"], (call) => {
  const y = call.call("cv1", call.x);
  return call.concat([y, call.call("cv2", y)]);
});

const ghostBottleneck = blockOf(["conv", "shortcut"], (call) =>
  call.add(call.call("conv", call.x), call.call("shortcut", call.x)),
);

const concat: ModuleBuilder = (call) => {
  if (call.module.int("d") !== 1) throw call.module.unknown("it does not join channels");
  if (call.inputs.length === 0) throw broken(`${call.module.label} is given no inputs`);
  return call.concat(call.inputs);
};

/** Mask prototypes of a segmentation model. From YOLOv8 on, the upsampling is a ConvTranspose2d. */
const proto = chainOf("cv1", "upsample", "cv2", "cv3");

/** Modules of YOLOv5 v5.0 to v7.0 (models/common.py), by class, without the head. */
export const yolov5Modules: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["Conv", conv],
  ["DWConv", conv],
  ["Bottleneck", bottleneck],
  ["CrossConv", bottleneck],
  ["BottleneckCSP", bottleneckCsp],
  ["C3", c3],
  ["C3x", c3],
  ["C3SPP", c3],
  ["C3Ghost", c3],
  ["SPP", spp],
  ["SPPF", sppf],
  ["Focus", focus],
  ["GhostConv", ghostConv],
  ["GhostBottleneck", ghostBottleneck],
  ["Concat", concat],
  ["Proto", proto],
]);
