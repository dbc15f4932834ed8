import { blockOf, chainOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { activated, addAndNorm, asTokens, linear, selfAttention } from "./transformer-parts.js";
import { chained } from "./ultralytics-blocks.js";
import { cellsOf } from "./ultralytics-decode.js";

/** Zeros to the right and below, for kernels of 2×2 that keep the size. */
function padded(call: ModuleCall, x: Feature): Feature {
  return call.op("Pad", [x.value, call.writer.builder.ints([0, 0, 0, 0, 0, 0, 1, 1])], x.channels, {
    mode: "constant",
  });
}

/** The stem of HGNetV2: two downsampling branches, concatenated. */
const hgStem = blockOf(["stem1", "stem2a", "stem2b", "stem3", "stem4", "pool"], (call) => {
  const x = padded(call, call.call("stem1", call.x));
  const deep = call.call("stem2b", padded(call, call.call("stem2a", x)));
  return call.chain(call.concat([call.call("pool", x), deep]), "stem3", "stem4");
});

/** A chain of convolutions. All outputs are concatenated, squeezed and expanded. */
const hgBlock = blockOf(["m", "sc", "ec"], (call) => {
  const y = call.chain(call.concat(chained(call, [call.x])), "sc", "ec");
  return call.module.flag("add", false) ? call.add(y, call.x) : y;
});

const resNetBlock = blockOf(["cv1", "cv2", "cv3", "shortcut"], (call) => {
  const y = call.chain(call.x, "cv1", "cv2", "cv3");
  const sum = call.add(y, call.call("shortcut", call.x));
  return call.op("Relu", [sum.value], sum.channels);
});

const resNetLayer = chainOf("layer");

/** x·Φ(x) with the normal distribution Φ = (1 + erf(x/√2))/2. Source: Hendrycks and Gimpel, GELU (2016). */
const gelu: ModuleBuilder = (call) => {
  const { x, module, writer } = call;
  if ((module.attribute("approximate") ?? "none") !== "none") throw module.unknown("it is an approximation");
  const { builder } = writer;
  const erf = call.op("Erf", [call.op("Div", [x.value, builder.float(Math.SQRT2)], x.channels).value], x.channels);
  const twice = call.op("Add", [erf.value, builder.float(1)], x.channels);
  const product = call.op("Mul", [x.value, twice.value], x.channels);
  return call.op("Mul", [product.value, builder.float(0.5)], x.channels);
};

/** A transformer's encoder layer on the cells of a map. Source: Zhao et al., RT-DETR (CVPR 2024), section 4.2. */
const aifi = blockOf(["ma", "fc1", "fc2", "norm1", "norm2", "dropout", "dropout1", "dropout2", "act"], (call) => {
  const { module, x } = call;
  if (module.flag("normalize_before", false)) throw module.unknown("it normalises before attention");
  const tokens = asTokens(call, x);
  const seen = addAndNorm(call, "norm1", tokens, selfAttention(call, "ma", tokens, places(call)));
  const deep = linear(call, "fc2", activated(call, linear(call, "fc1", seen)));
  const y = addAndNorm(call, "norm2", seen, deep);
  const turned = call.op("Transpose", [y.value], x.channels, { perm: [0, 2, 1] });
  return call.op("Reshape", [turned.value, call.op("Shape", [x.value], 0).value], x.channels);
});

/** Position embedding `[h·w, channels]`: sin and cos of row and column at frequencies 10000^(−i/n), a quarter of the channels each. */
function places(call: ModuleCall): string {
  const { x, module } = call;
  const quarter = x.channels / 4;
  if (!Number.isInteger(quarter)) throw module.unknown(`its ${x.channels} channels cannot be divided by 4`);
  const frequencies = call.weight("frequencies", [1, quarter], () =>
    Float32Array.from({ length: quarter }, (_, i) => 10000 ** (-i / quarter)),
  );
  const cells = call.op("Transpose", [cellsOf(call, x)], 2, { perm: [1, 0] });
  const [column, row] = call.split(cells, [1, 1]);
  const angles = [row!, column!].map((line) => call.op("Mul", [line.value, frequencies], quarter).value);
  const waves = angles.flatMap((angle) => ["Sin", "Cos"].map((type) => call.op(type, [angle], quarter).value));
  return call.op("Concat", waves, x.channels, { axis: 1 }).value;
}

/** Modules of RT-DETR that YOLO does not have. */
export const detrModules: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["HGStem", hgStem],
  ["HGBlock", hgBlock],
  ["ResNetBlock", resNetBlock],
  ["ResNetLayer", resNetLayer],
  ["AIFI", aifi],
]);

/** Activations of PyTorch that only these modules use. */
export const detrActivations: ReadonlyMap<string, ModuleBuilder> = new Map([["GELU", gelu]]);
