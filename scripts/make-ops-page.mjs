// Makes docs/ops.md: every ONNX op, the opsets that are read, and whether a gradient passes. The rules, stops and rewrites of
// packages/core say which; the notes below say what a rule leaves out, in words.
//   node scripts/make-ops-page.mjs           the page
//   node scripts/make-ops-page.mjs --check   exit code 1 when the page is not what this makes
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { defaultRules } from "@whybox/core";
import { stopsGradient } from "../packages/core/dist/autodiff/stops.js";
import { rewrites } from "../packages/core/dist/onnx/normalise/rewrites.js";
import { NEWEST_OPSET, OLDEST_OPSET, TARGET_OPSET } from "../packages/core/dist/onnx/opsets.js";

const path = resolve(import.meta.dirname, "../docs/ops.md");

/** The opset in which an op first stood in the ONNX domain (`onnx.defs.get_all_schemas_with_history()`, onnx 1.23.2); those of opset 1 up to 7 under 7. */
const SINCE = {
  7: `Abs Acos Add And ArgMax ArgMin Asin Atan AveragePool BatchNormalization Cast Ceil Clip Concat Constant Conv ConvTranspose Cos
    DepthToSpace Div Dropout Elu Equal Exp Flatten Floor GRU Gather Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
    HardSigmoid Hardmax Identity If InstanceNormalization LRN LSTM LeakyRelu Less Log LogSoftmax Loop LpNormalization LpPool
    MatMul Max MaxPool MaxRoiPool Mean Min Mul Multinomial Neg Not Or PRelu Pad Pow RNN RandomNormal RandomNormalLike
    RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare Relu Reshape Selu Shape Sigmoid Sin Size Slice Softmax Softplus Softsign SpaceToDepth
    Split Sqrt Squeeze Sub Sum Tan Tanh Tile TopK Transpose Unsqueeze Upsample Xor`,
  8: "Expand Scan",
  9: `Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool MeanVarianceNormalization NonZero OneHot Scatter
    Shrink Sign Sinh TfIdfVectorizer Where`,
  10: `ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv QLinearMatMul QuantizeLinear Resize
    ReverseSequence RoiAlign StringNormalizer ThresholdedRelu`,
  11: `BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND Range Round ScatterElements ScatterND
    SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence Unique`,
  12: "Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss",
  14: "HardSwish Trilu",
  15: "Bernoulli CastLike Optional OptionalGetElement OptionalHasElement",
  16: "GridSample",
  17: "BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT SequenceMap",
  18: "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization Mish",
  19: "DeformConv",
  20: "AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit",
  23: "Attention RMSNormalization RotaryEmbedding",
  24: "Swish TensorScatter",
  26: "BitCast CumProd",
};

/** Ops that later opsets have no more: the last one that has them. */
const UNTIL = { Upsample: 9, Scatter: 10 };

/** Ops that are another op by the time rules see them. */
const BECOMES = {
  Constant: "an initializer",
  ConvInteger: "Conv of dequantised values",
  Dropout: "Identity",
  DynamicQuantizeLinear: "QuantizeLinear with the computed scale, which counts as a constant",
  MatMulInteger: "MatMul of dequantised values",
  QLinearConv: "Conv between DequantizeLinear and QuantizeLinear",
  QLinearMatMul: "MatMul between DequantizeLinear and QuantizeLinear",
  Scatter: "ScatterElements",
  Upsample: "Resize",
};

/** What a rule leaves out. Every rule that can say `unsupported` must be here; the others are here for what they find out while they run. */
const LEFT_OUT = {
  BatchNormalization: "training mode; scale, bias, mean and variance that depend on the layer",
  Conv: "weights and bias that depend on the layer",
  ConvTranspose: "`output_shape`, `auto_pad` SAME; weights and bias that depend on the layer",
  DequantizeLinear: "blocks (`block_size`)",
  Einsum: "an ellipsis, a letter twice in one term",
  GatherND: "`batch_dims` other than 0",
  GridSample: "cubic, padding by reflection, volumes; the grid of `nearest` gets none",
  GroupNormalization: "scale and bias that depend on the layer",
  InstanceNormalization: "scale and bias that depend on the layer",
  LayerNormalization: "scale and bias that depend on the layer; its outputs Mean and InvStdDev",
  MatMul: "operands of unknown rank",
  MaxPool: "column-major indices (`storage_order` 1)",
  Pad: "modes other than constant with computed amounts",
  QuantizeLinear: "blocks (`block_size`), types other than 8 and 16 bit integers, computed zero points",
  RMSNormalization: "scale that depends on the layer",
  Resize: "`antialias`, `keep_aspect_ratio_policy`, tf_crop_and_resize",
  ScatterElements: "reductions other than none and add",
  ScatterND: "reductions other than none and add",
  Slice: "computed axes or steps",
};
const EMPTY_AXES = "`noop_with_empty_axes` with no constant axes";

/** What is worth saying besides. */
const NOTES = {
  Cast: "between float types; a Cast to integers or booleans is a stop",
  Clip: "passes at the bounds; a bound that is not constant gets the gradient of what it cut off",
  DequantizeLinear: "g · scale; the scale counts as a constant",
  If: "control flow: each branch is a graph of its own",
  Loop: "control flow: its body runs as often as its inputs say",
  Max: "equal values share",
  MaxPool: "the first maximum of a window takes all",
  Min: "equal values share",
  Mod: "exports have it on indices behind TopK; the rows before that are explained",
  QuantizeLinear:
    "straight through: g / scale where the rounded value is in the type's range, else 0; scale and zero point count as constants",
  ReduceMax: "equal values share",
  ReduceMin: "equal values share",
  Scan: "control flow: its body runs once for each slice",
  ScatterND: "where updates overwrite one another, each gets the gradient of the place",
};

const rules = new Map(defaultRules.map((rule) => [rule.op, rule]));
const known = Object.entries(SINCE).flatMap(([since, names]) => names.split(/\s+/).map((op) => [op, Number(since)]));

const node = (opType) => ({ opType, domain: "", name: "", inputs: [], outputs: [], attributes: new Map() });
const leftOut = (op) => LEFT_OUT[op] ?? (op.startsWith("Reduce") ? EMPTY_AXES : undefined);

function checkTables() {
  const names = known.map(([op]) => op);
  const listed = new Set(names);
  const strange = [LEFT_OUT, NOTES, UNTIL, BECOMES].flatMap(Object.keys).concat([...rules.keys(), ...rewrites.keys()]);
  const unknown = strange.filter((op) => !listed.has(op));
  if (unknown.length > 0) throw new Error(`no ONNX op by these names: ${unknown.join(", ")}`);
  if (listed.size < names.length) throw new Error("an op is listed twice in SINCE");
  const silent = defaultRules.filter((rule) => rule.unsupported && !leftOut(rule.op)).map((rule) => rule.op);
  if (silent.length > 0) throw new Error(`LEFT_OUT does not say what the rules of ${silent.join(", ")} refuse`);
  const idle = Object.keys(LEFT_OUT).filter((op) => !rules.has(op));
  if (idle.length > 0) throw new Error(`LEFT_OUT speaks of ops without a rule: ${idle.join(", ")}`);
}

function inputsOf(rule) {
  const of = rule.differentiable?.(node(rule.op)) ?? [0];
  return of.join() === "0" ? "" : `to inputs ${of.join(" and ")}`;
}

function stoppedOutputs(op) {
  const stops = [1, 2, 3].filter((index) => stopsGradient(node(op), index));
  return stops.length === 0 ? "" : `output ${stops.join(", ")} is a stop`;
}

function row([op, since]) {
  const until = UNTIL[op] ?? NEWEST_OPSET;
  const opsets = `${since === until ? since : `${since}–${until}`}${rewrites.has(op) ? " ↻" : ""}`;
  const rule = rules.get(op);
  const refused = rule && leftOut(op);
  const gradient = BECOMES[op]
    ? `becomes ${BECOMES[op]}`
    : rule
      ? refused
        ? "partly"
        : "yes"
      : stopsGradient(node(op), 0)
        ? "stop"
        : "no";
  const told = [rule && inputsOf(rule), NOTES[op], rule && stoppedOutputs(op), refused && `refused: ${refused}`].filter(
    Boolean,
  );
  return `| ${op} | ${opsets} | ${gradient} | ${BECOMES[op] ? "" : told.join("; ")} |`;
}

function page() {
  const rows = known.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(row);
  return [
    "# Ops",
    "<!-- Made by scripts/make-ops-page.mjs from the rules; do not edit. -->",
    `Which ONNX ops a gradient passes through, between the layer and the score. What lies in front of the layer, and methods that need no
gradient, take every op that ONNX Runtime runs. Models of opset ${OLDEST_OPSET} to ${NEWEST_OPSET} are read. Older ones than ${TARGET_OPSET} are brought to
opset ${TARGET_OPSET}, newer ones keep theirs; ↻ marks the ops whose spelling or meaning changed in that time, which are rewritten.`,
    `- **yes**: with respect to every input that is data, or those named (counted from 0). Shapes, axes, indices and conditions carry none.
- **partly**: likewise, but for what is refused: with an error that names the nodes and says what to do, before anything runs.
- **stop**: the output is an integer, a choice or flat, so its gradient is zero; what depends on the layer only through it is a constant.
- **no**: refused where it lies between the layer and the score. [Adding an op](adding-an-op.md) takes a function of a few lines.`,
    `Where a derivative jumps it is PyTorch's. QuantizeLinear and DequantizeLinear make INT8 models in QDQ form differentiable, so that the model
that runs is explained; quantised operators, those that ONNX Runtime's quantiser takes from com.microsoft too, are brought to that form. Other ops of
other domains have no rules.`,
    ["| op | opsets | gradient | what to know |", "| --- | --- | --- | --- |", ...rows].join("\n"),
    "",
  ].join("\n\n");
}

checkTables();
const text = page();
if (process.argv[2] !== "--check") writeFileSync(path, text);
else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
  console.error("docs/ops.md is stale. Run node scripts/make-ops-page.mjs.");
  process.exitCode = 1;
}
