import { broken } from "./broken.js";
import { blockOf, type ModuleBuilder, type ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { chained } from "./ultralytics-blocks.js";

/** Maximum number of attention heads and areas. */
const MAX_HEADS = 4096;

/**
 * softmax(qᵀk·scale) along the last axis, and v times its transpose: q, k, v `[…, d, N]` → `[…, d of v, N]`.
 * Source: Vaswani et al., Attention Is All You Need (NeurIPS 2017), equation 1.
 */
function attend(call: ModuleCall, parts: readonly Feature[], scale: number, last: readonly number[]): Feature {
  const [q, k, v] = parts;
  const channels = v!.channels;
  const query = call.op("Mul", [q!.value, call.writer.builder.float(scale)], channels);
  const turned = call.op("Transpose", [query.value], channels, { perm: last });
  const similarity = call.op("MatMul", [turned.value, k!.value], channels);
  const weights = call.op("Softmax", [similarity.value], channels, { axis: -1 });
  const columns = call.op("Transpose", [weights.value], channels, { perm: last });
  return call.op("MatMul", [v!.value, columns.value], channels);
}

/** Reshapes to `[N, C, h, w]`, the shape of `like`. */
function asMap(call: ModuleCall, x: Feature, like: Feature): Feature {
  const shape = call.op("Shape", [like.value], 0);
  return call.op("Reshape", [x.value, shape.value], like.channels);
}

function expectHeads(call: ModuleCall, qkv: Feature, heads: number, perHead: number, dim: number): void {
  if (qkv.channels !== heads * perHead || call.x.channels !== dim) {
    throw broken(
      `${call.module.label} has ${qkv.channels} channels for ${heads} heads of ${perHead}, and ${call.x.channels} come in`,
    );
  }
}

/** Attention of each cell to all cells, with a depthwise convolution of the values as position encoding. */
const attention = blockOf(["qkv", "proj", "pe"], (call) => {
  const { module, x, writer } = call;
  const [heads, keys, values] = ["num_heads", "key_dim", "head_dim"].map((name) => module.count(name, MAX_HEADS));
  const qkv = call.call("qkv", x);
  expectHeads(call, qkv, heads!, 2 * keys! + values!, heads! * values!);
  const shape = writer.builder.ints([0, heads!, 2 * keys! + values!, -1]);
  const split = call.split(call.op("Reshape", [qkv.value, shape], qkv.channels), [keys!, keys!, values!], 2);
  const seen = asMap(call, attend(call, split, module.number("scale"), [0, 1, 3, 2]), x);
  return call.call("proj", call.add(seen, call.call("pe", asMap(call, split[2]!, x))));
});

/** Attention within each of `area` horizontal bands. */
const areaAttention = blockOf(["qkv", "proj", "pe"], (call) => {
  const { module, x, writer } = call;
  const [heads, size, area] = ["num_heads", "head_dim", "area"].map((name) => module.count(name, MAX_HEADS));
  const qkv = call.call("qkv", x);
  expectHeads(call, qkv, heads!, 3 * size!, heads! * size!);
  // A band is a contiguous range of cells: [N, heads, channels, area, cells per band] → [N, heads, area, channels, cells per band].
  const shape = writer.builder.ints([0, heads!, 3 * size!, area!, -1]);
  const swap = { perm: [0, 1, 3, 2, 4] };
  const bands = call.op("Reshape", [qkv.value, shape], qkv.channels);
  const rows = call.op("Transpose", [bands.value], qkv.channels, swap);
  const split = call.split(rows, [size!, size!, size!], 3);
  const whole = (part: Feature) => asMap(call, call.op("Transpose", [part.value], x.channels, swap), x);
  const seen = whole(attend(call, split, size! ** -0.5, [0, 1, 2, 4, 3]));
  return call.call("proj", call.add(seen, call.call("pe", whole(split[2]!))));
});

/** Attention, then two convolutions, each with a skip connection. */
const psaBlock = blockOf(["attn", "ffn"], (call) => {
  const around = call.module.flag("add", true);
  const seen = call.call("attn", call.x);
  const x = around ? call.add(call.x, seen) : seen;
  const y = call.call("ffn", x);
  return around ? call.add(x, y) : y;
});

const aBlock = blockOf(["attn", "mlp"], (call) => {
  const x = call.add(call.x, call.call("attn", call.x));
  return call.add(x, call.call("mlp", x));
});

/** PSA and C2PSA: half of the channels pass through attention. */
const psa = blockOf(["cv1", "cv2", "attn", "ffn", "m"], (call) => {
  const { module } = call;
  const [a, b] = call.halves(call.call("cv1", call.x));
  const deep = module.childOrNone("m") === undefined ? attentionAndFfn(call, b) : call.call("m", b);
  return call.call("cv2", call.concat([a, deep]));
});

function attentionAndFfn(call: ModuleCall, b: Feature): Feature {
  const x = call.add(b, call.call("attn", b));
  return call.add(x, call.call("ffn", x));
}

/** A chain of blocks, all outputs concatenated. `gamma` scales the result before it is added to the input. */
const a2c2f = blockOf(["cv1", "cv2", "gamma", "m"], (call) => {
  const { module, x } = call;
  const y = call.call("cv2", call.concat(chained(call, [call.call("cv1", x)])));
  if (module.tensorOrNone("gamma") === undefined) return y;
  const gamma = call.weight("gamma", [1, y.channels, 1, 1], () => module.floats("gamma", y.channels));
  return call.add(x, call.op("Mul", [y.value, gamma], y.channels));
});

/** Blocks of Ultralytics (nn/modules/block.py) with attention: YOLOv10, 11, 12 and 26. */
export const ultralyticsAttention: ReadonlyMap<string, ModuleBuilder> = new Map([
  ["Attention", attention],
  ["AAttn", areaAttention],
  ["PSABlock", psaBlock],
  ["ABlock", aBlock],
  ["PSA", psa],
  ["C2PSA", psa],
  ["A2C2f", a2c2f],
]);
