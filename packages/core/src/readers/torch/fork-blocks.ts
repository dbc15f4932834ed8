import { convNode } from "./convolution.js";
import { mergedConvolution } from "./merged-convolution.js";
import type { TorchModule } from "./module.js";
import { blockOf, chainOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { floatsOfTensor } from "./tensor.js";
import { convolutionIn, hardSigmoid } from "./torch-modules.js";
import { bottleneck, c3, everySecondPixel } from "./yolov5-modules.js";

/** The two halves of the channels, interleaved. Zhang et al., "ShuffleNet", CVPR 2018. */
function shuffled(call: ModuleCall, x: Feature): Feature {
  const { builder } = call.writer;
  const size = call.op("Shape", [x.value], 0, { start: 2, end: 4 });
  const shaped = (value: string, ...sides: readonly number[]): Feature => {
    const shape = call.op("Concat", [builder.ints(sides), size.value], 0, { axis: 0 });
    return call.op("Reshape", [value, shape.value], x.channels);
  };
  const groups = shaped(x.value, 0, 2, x.channels / 2);
  const swapped = call.op("Transpose", [groups.value], x.channels, { perm: [0, 2, 1, 3, 4] });
  return shaped(swapped.value, 0, x.channels);
}

/** Ma et al., "ShuffleNet V2", ECCV 2018. With stride 1, one half of the channels passes unchanged. */
const shuffleV2 = blockOf(["branch1", "branch2"], (call) => {
  if (call.module.int("stride") !== 1) {
    return shuffled(call, call.concat([call.call("branch1", call.x), call.call("branch2", call.x)]));
  }
  const [same, half] = call.halves(call.x);
  return shuffled(call, call.concat([same, call.call("branch2", half)]));
});

/** The first convolutions of yolov5-face: two branches of stride 2, joined. */
const stemBlock = blockOf(["stem_1", "stem_2a", "stem_2b", "stem_2p", "stem_3"], (call) => {
  const first = call.call("stem_1", call.x);
  return call.call("stem_3", call.concat([call.chain(first, "stem_2a", "stem_2b"), call.call("stem_2p", first)]));
});

/** BlazeBlock and DoubleBlazeBlock. Bazarevsky et al., "BlazeFace", 2019. */
const blaze = blockOf(["branch1", "shortcut", "relu"], (call) => {
  const around = call.module.flag("use_pool", false) ? call.call("shortcut", call.x) : call.x;
  return call.call("relu", call.add(call.call("branch1", call.x), around));
});

/** Depthwise and 1×1, each with normalisation and ReLU. */
const depthwiseBlock = blockOf(["conv1", "bn1", "conv2", "bn2"], (call) => {
  const relu = (x: Feature): Feature => call.op("Relu", [x.value], x.channels);
  const first = relu(convolutionIn(call, "conv1", "bn1", call.x));
  return relu(convolutionIn(call, "conv2", "bn2", first));
});

/** Convolution, normalisation, Hardswish. */
const cbh = blockOf(["conv", "bn", "hardswish"], (call) =>
  call.call("hardswish", convolutionIn(call, "conv", "bn", call.x)),
);

/** Depthwise CBH, squeeze and excitation if there is one, 1×1 CBH. Cui et al., "PP-LCNet", 2021. */
const lcBlock = blockOf(["dw_conv", "se", "pw_conv"], (call) =>
  call.chain(call.x, "dw_conv", ...(call.module.flag("use_se", false) ? ["se"] : []), "pw_conv"),
);

/** Weighs the channels by a function of their means. */
function excited(call: ModuleCall, gate: (means: Feature) => Feature): Feature {
  const { value, channels } = call.x;
  const weights = gate(call.op("GlobalAveragePool", [value], channels));
  return call.op("Mul", [value, weights.value], channels);
}

const squeeze = (last: string): ModuleBuilder =>
  blockOf(["avg_pool", "conv1", "relu", "conv2", last], (call) =>
    excited(call, (means) => call.chain(means, "conv1", "relu", "conv2", last)),
  );

/** Squeeze and excitation with linear layers. */
const seLayer = blockOf(["avg_pool", "fc"], (call) =>
  excited(call, (means) => {
    const fc = call.within(call.module.child("fc"), "fc", [means]);
    return fc.module.items().reduce<Feature>((x, item, i) => {
      const inner = fc.within(item, `fc.${i}`, [x]);
      return item.type.name === "Linear" ? pointwise(inner) : inner.run();
    }, means);
  }),
);

/** A linear layer of `[N, C, 1, 1]`, as a 1×1 convolution. */
function pointwise(call: ModuleCall): Feature {
  const { module, x } = call;
  module.expectOnly("weight", "bias");
  const found = module.tensor("weight");
  const [out = 0, columns] = found.dims;
  if (found.dims.length !== 2 || columns !== x.channels || out === 0) {
    throw module.odd("weight", `a tensor [outputs, ${x.channels}]`, found);
  }
  const weight = call.weight("weight", [out, x.channels, 1, 1], () => floatsOfTensor(found));
  const bias = call.weight("bias", [out], () => module.floats("bias", out));
  const ones = { kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0] };
  return convNode(call, { dims: [out, x.channels, 1, 1], group: 1, ...ones }, [weight, bias]);
}

/** YOLOv5-Lite's Hswish: (relu6(x + 3)) / 6, without the factor x. */
const hardGate = blockOf(["relu"], hardSigmoid);

/** 1×1 with Hardswish and dropout, which is for training. */
const dense = chainOf("dense_conv", "hardswish", "dropout");

/** C3 with a sum in place of the concatenation. */
const lc3 = blockOf(["cv1", "cv2", "cv3", "m"], (call) =>
  call.call("cv3", call.add(call.chain(call.x, "cv1", "m"), call.call("cv2", call.x))),
);

/** The sum of two inputs, the second one weighted. */
const weightedSum = blockOf([], (call) => {
  const { module, inputs } = call;
  const [a, b, ...more] = inputs;
  if (a === undefined || b === undefined || more.length > 0) throw module.unknown("it adds two inputs");
  const factor = module.number("a");
  if (factor === 1) return call.add(a, b);
  return call.add(a, call.op("Mul", [b.value, call.writer.builder.float(factor)], b.channels));
});

/** The child of a branch that is a convolution, with its normalisation. Fused checkpoints have the convolution alone. */
function branchOf(module: TorchModule): { conv: TorchModule; norm: TorchModule | undefined } {
  if (module.type.name === "Conv2d") return { conv: module, norm: undefined };
  const [conv, norm, ...more] = module.children();
  if (conv === undefined || more.length > 0) throw module.unknown("expected a convolution and its normalisation");
  return { conv, norm };
}

/** Parallel 3×3, 1×1 and identity, or their sum. Ding et al., "RepVGG", CVPR 2021. YOLOv5-Lite's RepVGGBlock and YOLOv7's RepConv. */
const repVgg =
  (activation: string): ModuleBuilder =>
  (call) => {
    const { module } = call;
    module.expectOnly("rbr_dense", "rbr_1x1", "rbr_identity", "rbr_reparam", "se", "act", "nonlinearity");
    const merged = module.childOrNone("rbr_reparam") ?? module.child("rbr_dense");
    const small = module.childOrNone("rbr_1x1");
    const branches = [merged, ...(small === undefined ? [] : [small])].map(branchOf);
    const y = mergedConvolution(call, branches, module.childOrNone("rbr_identity"));
    return call.call(activation, module.childOrNone("se") === undefined ? y : call.call("se", y));
  };

/** PicoDet's shuffle block with ghost convolutions. Yu et al., "PP-PicoDet", 2021. */
const esBlock = blockOf(["branch1", "branch2", "branch3", "branch4"], (call) => {
  if (call.module.int("stride") !== 1) {
    return call.call("branch4", call.concat([call.call("branch1", call.x), call.call("branch2", call.x)]));
  }
  const [same, half] = call.halves(call.x);
  return shuffled(call, call.concat([same, call.call("branch3", half)]));
});

/** Depthwise and 1×1 of EfficientNet-Lite, with a skip connection if the sizes agree. */
const mbConv = blockOf(["_depthwise_conv", "_bn1", "_project_conv", "_bn2", "_relu"], (call) => {
  const { module, x } = call;
  const deep = call.call("_relu", convolutionIn(call, "_depthwise_conv", "_bn1", x));
  const y = convolutionIn(call, "_project_conv", "_bn2", deep);
  const isSame = module.int("stride") === 1 && module.attribute("input_filters") === module.attribute("output_filters");
  return isSame ? call.add(y, x) : y;
});

/** MobileNetV3. Howard et al., ICCV 2019. */
const bneck = blockOf(["conv"], (call) => {
  const y = call.call("conv", call.x);
  return call.module.flag("identity", false) ? call.add(call.x, y) : y;
});

/** YOLOv7's pooling pyramid. Wang et al., "YOLOv7", CVPR 2023. */
const sppCspc = blockOf(["cv1", "cv2", "cv3", "cv4", "cv5", "cv6", "cv7", "m"], (call) => {
  const x = call.chain(call.x, "cv1", "cv3", "cv4");
  const pools = call.module.child("m").items();
  const all = call.concat([x, ...pools.map((pool, i) => call.callAs(pool, `m.${i}`, x))]);
  return call.call("cv7", call.concat([call.chain(all, "cv5", "cv6"), call.call("cv2", call.x)]));
});

const downC = blockOf(["cv1", "cv2", "cv3", "mp"], (call) =>
  call.concat([call.chain(call.x, "cv1", "cv2"), call.chain(call.x, "mp", "cv3")]),
);

/** Both branches of the block read the result of its first convolution. */
const cspB = blockOf(["cv1", "cv2", "cv3", "m"], (call) => {
  const x = call.call("cv1", call.x);
  return call.call("cv3", call.concat([call.call("m", x), call.call("cv2", x)]));
});

const cspC = blockOf(["cv1", "cv2", "cv3", "cv4", "m"], (call) =>
  call.call("cv4", call.concat([call.chain(call.x, "cv1", "m", "cv3"), call.call("cv2", call.x)])),
);

/** Three convolutions with a skip connection if the sizes agree. */
const residual = blockOf(["cv1", "cv2", "cv3"], (call) => {
  const y = call.chain(call.x, "cv1", "cv2", "cv3");
  return call.module.flag("add", false) ? call.add(call.x, y) : y;
});

const shortcut = blockOf([], (call) => {
  const [a, b, ...more] = call.inputs;
  if (a === undefined || b === undefined || more.length > 0) throw call.module.unknown("it adds two inputs");
  return call.add(a, b);
});

/** The halves of each input: the first halves of all, then the second. */
const chuncat = blockOf([], (call) => {
  if (call.module.int("d") !== 1) throw call.module.unknown("it does not join channels");
  const halves = call.inputs.map((x) => call.halves(x));
  return call.concat([...halves.map(([first]) => first), ...halves.map(([, second]) => second)]);
});

const stem7 = blockOf(["cv1", "cv2", "cv3", "cv4", "pool"], (call) => {
  const x = call.call("cv1", call.x);
  return call.call("cv4", call.concat([call.chain(x, "cv2", "cv3"), call.call("pool", x)]));
});

/** YOLOv7 has its bottlenecks in three kinds of blocks each. */
const cspBlocks = ["Bottleneck", "Res", "ResX", "Ghost", "RepBottleneck", "RepRes", "RepResX"].flatMap(
  (kind): [string, ModuleBuilder][] => [
    [`${kind}CSPA`, c3],
    [`${kind}CSPB`, cspB],
    [`${kind}CSPC`, cspC],
  ],
);

const only = (name: string): ModuleBuilder => chainOf(name);

/** Blocks that forks of YOLOv5 add to models/common.py: yolov5-face, YOLOv5-Lite, YOLOv7. */
export const forkBlocks: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["StemBlock", stemBlock],
  ["ShuffleV2Block", shuffleV2],
  ["BlazeBlock", blaze],
  ["DoubleBlazeBlock", blaze],
  ["Shuffle_Block", shuffleV2],
  ["conv_bn_relu_maxpool", chainOf("conv", "maxpool")],
  ["DWConvblock", depthwiseBlock],
  ["ADD", weightedSum],
  ["LC3", lc3],
  ["CBH", cbh],
  ["LC_Block", lcBlock],
  ["LC_SEModule", squeeze("SiLU")],
  ["ES_SEModule", squeeze("hardsigmoid")],
  ["ES_Bottleneck", esBlock],
  ["Dense", dense],
  ["RepVGGBlock", repVgg("nonlinearity")],
  ["stem", only("conv")],
  ["MBConvBlock", mbConv],
  ["mobilev3_bneck", bneck],
  ["SELayer", seLayer],
  ["Hswish", hardGate],
  ["MP", only("m")],
  ["SP", only("m")],
  ["ReOrg", everySecondPixel],
  ["RepConv", repVgg("act")],
  ["SPPCSPC", sppCspc],
  ["DownC", downC],
  ["Stem", stem7],
  ...cspBlocks,
  ["Res", residual],
  ["ResX", residual],
  ["RepRes", residual],
  ["RepResX", residual],
  ["RepBottleneck", bottleneck],
  ["GhostSPPCSPC", sppCspc],
  ["GhostStem", stem7],
  ["Shortcut", shortcut],
  ["Chuncat", chuncat],
]);
