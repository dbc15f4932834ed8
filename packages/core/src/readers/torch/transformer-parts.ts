import { broken } from "./broken.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";

// Tokens are `[N, tokens, channels]` here, so that `channels` of a Feature is its last axis.

const MAX_HEADS = 1024;

/** x·Wᵀ + b with a weight `[out, in]`, along the last axis. `call` is the call of the module that owns the weights. */
function affine(
  call: ModuleCall,
  x: Feature,
  weightName: string,
  biasName: string,
  rows?: readonly [number, number],
): Feature {
  const { module } = call;
  const weight = module.tensor(weightName);
  const [out = 0, width = 0] = weight.dims;
  if (weight.dims.length !== 2 || width !== x.channels) {
    throw module.odd(weightName, `a tensor [outputs, ${x.channels}]`, weight);
  }
  const [first, last] = rows ?? [0, out];
  if (last > out) throw module.odd(weightName, `a tensor [${last}, ${x.channels}]`, weight);
  const part = rows === undefined ? "" : `.${first}`;
  const turned = call.weight(`${weightName}${part}`, [width, last - first], () => {
    const values = module.floats(weightName, out * width);
    return Float32Array.from({ length: width * (last - first) }, (_, i) => {
      const [column, row] = [Math.floor(i / (last - first)), first + (i % (last - first))];
      return values[row * width + column]!;
    });
  });
  const product = call.op("MatMul", [x.value, turned], last - first);
  if (module.tensorOrNone(biasName) === undefined) return product;
  const bias = call.weight(`${biasName}${part}`, [last - first], () => module.floats(biasName, out).slice(first, last));
  return call.op("Add", [bias, product.value], last - first);
}

/** The Linear `name`. */
export function linear(
  call: ModuleCall,
  name: string,
  x: Feature,
  module: TorchModule = call.module.child(name),
): Feature {
  module.expectOnly("weight", "bias");
  if (!/^torch\.nn\./.test(module.type.module) || !module.type.name.endsWith("Linear")) {
    throw module.unknown("expected torch.nn.Linear");
  }
  return affine(call.within(module, name, [x]), x, "weight", "bias");
}

/** The LayerNorm `name`, over the channels. */
export function layerNorm(call: ModuleCall, name: string, x: Feature): Feature {
  const module = call.module.child(name);
  module.expectOnly("weight", "bias");
  if (module.type.name !== "LayerNorm" || !/^torch\.nn\./.test(module.type.module)) {
    throw module.unknown("expected torch.nn.LayerNorm");
  }
  const inner = call.within(module, name, [x]);
  const [scale, bias] = ["weight", "bias"].map((part) =>
    inner.weight(part, [x.channels], () => module.floats(part, x.channels)),
  );
  const attributes = { axis: -1, epsilon: { float: module.number("eps") } };
  return inner.op("LayerNormalization", [x.value, scale!, bias!], x.channels, attributes);
}

/** Linear layers with an activation between them. */
export function perceptron(
  call: ModuleCall,
  name: string,
  x: Feature,
  module: TorchModule = call.module.child(name),
): Feature {
  if (module.type.name !== "MLP") throw module.unknown("expected an MLP");
  module.expectOnly("layers", "act", "out_norm");
  const norm = module.childOrNone("out_norm");
  const plain = norm === undefined || norm.type.name === "Identity";
  if (module.flag("sigmoid", false) || module.flag("residual", false) || !plain) {
    throw module.unknown("it has more than linear layers and activations");
  }
  const inner = call.within(module, name, [x]);
  const layers = module.child("layers").items();
  return layers.reduce((y, layer, i) => {
    const next = linear(inner, `layers.${i}`, y, layer);
    return i === layers.length - 1 ? next : activated(inner, next);
  }, x);
}

/** The activation "act" of a module. Early releases use ReLU without this attribute. */
export function activated(call: ModuleCall, x: Feature): Feature {
  return call.module.childOrNone("act") === undefined ? call.op("Relu", [x.value], x.channels) : call.call("act", x);
}

/**
 * The MultiheadAttention `name`, as self-attention. The position embedding `place` is added to queries and keys, not to values.
 * Source: Vaswani et al., Attention Is All You Need (NeurIPS 2017), section 3.2.
 */
export function selfAttention(call: ModuleCall, name: string, tokens: Feature, place: string): Feature {
  const module = call.module.child(name);
  module.expectOnly("in_proj_weight", "in_proj_bias", "out_proj");
  const heads = module.int("num_heads");
  const width = tokens.channels;
  if (module.type.name !== "MultiheadAttention") throw module.unknown("expected torch.nn.MultiheadAttention");
  if (heads < 1 || heads > MAX_HEADS || width % heads !== 0)
    throw broken(`${module.label} has ${heads} heads of ${width}`);
  const placed = call.op("Add", [tokens.value, place], width);
  const inner = call.within(module, name, [tokens]);
  const project = (x: Feature, part: number, perm: readonly number[]) => {
    const y = affine(inner, x, "in_proj_weight", "in_proj_bias", [part * width, (part + 1) * width]);
    const shape = inner.writer.builder.ints([0, -1, heads, width / heads]);
    return inner.op("Transpose", [inner.op("Reshape", [y.value, shape], width).value], width, { perm });
  };
  const [q, k, v] = [
    project(placed, 0, [0, 2, 1, 3]),
    project(placed, 1, [0, 2, 3, 1]),
    project(tokens, 2, [0, 2, 1, 3]),
  ];
  const scaled = inner.op("Mul", [q.value, inner.writer.builder.float((width / heads) ** -0.5)], width);
  const weights = inner.op("Softmax", [inner.op("MatMul", [scaled.value, k.value], width).value], width, { axis: -1 });
  const seen = inner.op("MatMul", [weights.value, v.value], width);
  const joined = inner.op("Transpose", [seen.value], width, { perm: [0, 2, 1, 3] });
  const flat = inner.op("Reshape", [joined.value, inner.writer.builder.ints([0, -1, width])], width);
  return linear(inner, "out_proj", flat);
}

/** Adds, then normalises. */
export function addAndNorm(call: ModuleCall, norm: string, a: Feature, b: Feature): Feature {
  return layerNorm(call, norm, call.add(a, b));
}

/** Cells of a map as tokens `[N, h·w, channels]`. */
export function asTokens(call: ModuleCall, map: Feature): Feature {
  const { builder } = call.writer;
  const flat = call.op("Reshape", [map.value, builder.ints([0, map.channels, -1])], map.channels);
  return call.op("Transpose", [flat.value], map.channels, { perm: [0, 2, 1] });
}
