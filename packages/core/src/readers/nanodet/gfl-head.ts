import type { GraphBuilder, Value } from "../../onnx/builder.js";

/** One level of the head, finest first. */
export interface GflLevel {
  /** `[N, K + 4·bins, h, w]`: class logits, then the logits of left, top, right and bottom. */
  readonly logits: Value;
  /** Input pixels per cell. */
  readonly stride: number;
  /** Cells `[h, w]`. */
  readonly grid: readonly [number, number];
}

/**
 * Emits the decoding of a generalised focal loss head to "output0" `[N, 4+K, A]`: box centre and size in input pixels,
 * class probabilities. Cells level by level, row by row.
 *
 *     d = Σ_b b·softmax(logits)_b;   x1 = (i + ½)·stride − d_left·stride, …;   p = σ(logits)
 *
 * Source: Li et al., Generalized Focal Loss, NeurIPS 2020, Eq. 5; NanoDet v0.4, GFLHead.
 */
export function buildGflHead(
  builder: GraphBuilder,
  levels: readonly GflLevel[],
  { classes, bins }: { readonly classes: number; readonly bins: number },
): void {
  const A = levels.reduce((sum, { grid: [h, w] }) => sum + h * w, 0);
  const columns = classes + 4 * bins;
  const flat = levels.map(({ logits }) => builder.op("Reshape", [logits, builder.ints([0, columns, -1])]));
  const all = builder.op("Concat", flat, { axis: 2 });
  const [scores, sides] = builder.ops("Split", [all, builder.ints([classes, 4 * bins])], 2, { axis: 1 });
  const split = builder.op("Reshape", [sides!, builder.ints([0, 4, bins, A])]);
  const shares = builder.op("Softmax", [builder.op("Transpose", [split], { perm: [0, 2, 1, 3] })], { axis: 1 });
  const kernel = builder.floats(
    [1, bins, 1, 1],
    Array.from({ length: bins }, (_, bin) => bin),
    "dfl.conv.weight",
  );
  const means = builder.op("Conv", [shares, kernel], { kernel_shape: [1, 1] });
  const distances = builder.op("Reshape", [means, builder.ints([0, 4, A])]);
  const [before, after] = builder.ops("Split", [distances, builder.ints([2, 2])], 2, { axis: 1 });
  const { centres, strides } = cells(builder, levels, A);
  const first = builder.op("Sub", [centres, before!]);
  const last = builder.op("Add", [centres, after!]);
  const middle = builder.op("Mul", [builder.op("Add", [first, last]), builder.float(0.5)]);
  const boxes = builder.op("Concat", [middle, builder.op("Sub", [last, first])], { axis: 1 });
  const pixels = builder.op("Mul", [boxes, strides]);
  builder.node("Concat", [pixels, builder.op("Sigmoid", [scores!])], ["output0"], { axis: 1 });
  builder.output("output0", ["batch", 4 + classes, A]);
}

/** Centres of the cells `[1, 2, A]` in cells, x before y, and the strides `[1, 1, A]`. */
function cells(builder: GraphBuilder, levels: readonly GflLevel[], A: number): { centres: Value; strides: Value } {
  const centres = new Float32Array(2 * A);
  const strides = new Float32Array(A);
  let at = 0;
  for (const { stride, grid } of levels) {
    for (let cell = 0; cell < grid[0] * grid[1]; cell++, at++) {
      centres[at] = (cell % grid[1]) + 0.5;
      centres[A + at] = Math.floor(cell / grid[1]) + 0.5;
      strides[at] = stride;
    }
  }
  return {
    centres: builder.floats([1, 2, A], centres, "cell_centres"),
    strides: builder.floats([1, 1, A], strides, "cell_strides"),
  };
}
