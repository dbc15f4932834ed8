import { boolAttr } from "../attributes.js";
import type { TfDim, TfTensor, TfValue, Translate, Translation } from "../translation.js";
import { withFusedOps } from "./convolution.js";
import { broadcast } from "./elementwise.js";

export const linearOps: Readonly<Record<string, Translate>> = {
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  MatMul: matMul,
  _FusedMatMul: fusedMatMul,
};

/** MatMul: two matrices, each transposed if its attribute says so. */
function matMul(cx: Translation): TfValue {
  return product(cx, boolAttr(cx.node, "transpose_a", false), boolAttr(cx.node, "transpose_b", false));
}

/** BatchMatMul and BatchMatMulV2: matrices in the last two axes, the others broadcast. */
function batchMatMul(cx: Translation): TfValue {
  return product(cx, boolAttr(cx.node, "adj_x", false), boolAttr(cx.node, "adj_y", false));
}

/** _FusedMatMul: MatMul, then BiasAdd, then an activation. */
function fusedMatMul(cx: Translation): TfValue {
  return withFusedOps(cx, () => {
    const rows = matMul(cx) as TfTensor;
    const bias = cx.constant(2);
    return cx.made(cx.builder.op("Add", [rows.value, cx.literal(bias.dims, bias)]), rows.dims, "same");
  });
}

function product(cx: Translation, turnLeft: boolean, turnRight: boolean): TfTensor {
  const left = turned(cx, cx.asSame(cx.tensor(0)), turnLeft);
  const right = turned(cx, cx.asSame(cx.tensor(1)), turnRight);
  const [rows = null, inner = null] = left.dims.slice(-2);
  const [innerRight = null, columns = null] = right.dims.slice(-2);
  if (
    left.dims.length < 2 ||
    right.dims.length < 2 ||
    (inner !== null && innerRight !== null && inner !== innerRight)
  ) {
    throw cx.unsupported(`shapes [${left.dims.join(", ")}] and [${right.dims.join(", ")}] do not multiply`);
  }
  const dims = [...broadcast(cx, left.dims.slice(0, -2), right.dims.slice(0, -2)), rows, columns];
  return cx.made(cx.builder.op("MatMul", [left.value, right.value]), dims, "same");
}

function turned(cx: Translation, tensor: TfTensor, turn: boolean): TfTensor {
  if (!turn) return tensor;
  const rank = tensor.dims.length;
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  const dims: TfDim[] = perm.map((axis) => tensor.dims[axis]!);
  return cx.made(cx.builder.op("Transpose", [tensor.value], { perm }), dims, "same");
}
