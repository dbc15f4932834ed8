import { type ExportRecord, ownInput, unpack } from "./exports.js";

/** PyTorch's decoded predictions as rows of x, y, w, h, objectness, classes and the rest. */
export function canonical(record: ExportRecord): number[][] {
  const { dims, data } = unpack(record.decoded);
  const [, first, second] = dims as [number, number, number];
  const [rows, columns] = record.rows === "first" ? [first, second] : [second, first];
  const at = (row: number, c: number): number => data[record.rows === "first" ? row * columns + c : c * rows + row]!;
  const [H, W] = ownInput(record).dims.slice(2) as [number, number];
  const cells = cellsOf(record.strides, [H, W]);
  return Array.from({ length: rows }, (_, row) => {
    const [a, b, c, d] = [at(row, 0), at(row, 1), at(row, 2), at(row, 3)];
    const rest = Array.from({ length: columns - 4 }, (__, i) => at(row, 4 + i)).map((value) =>
      record.scores === "logits" ? 1 / (1 + Math.exp(-value)) : value,
    );
    const box = boxOf([a, b, c, d], record.boxes, [H, W], cells[row]);
    // A column of objectness, or of ones where others have it.
    return [...box, ...(record.objectness === 1 ? rest : [1, ...rest])];
  });
}

function boxOf(
  [a, b, c, d]: readonly [number, number, number, number],
  form: ExportRecord["boxes"],
  [H, W]: readonly [number, number],
  cell: { x: number; y: number; stride: number } | undefined,
): number[] {
  switch (form) {
    case "xywh":
      return [a, b, c, d];
    case "xyxy":
      return [(a + c) / 2, (b + d) / 2, c - a, d - b];
    case "xywh, 0..1":
      return [a * W, b * H, c * W, d * H];
    default: {
      const { x, y, stride } = cell!;
      return [(a + x) * stride, (b + y) * stride, Math.exp(c) * stride, Math.exp(d) * stride];
    }
  }
}

function cellsOf(strides: readonly number[], [H, W]: readonly [number, number]) {
  return strides.flatMap((stride) => {
    const [h, w] = [Math.ceil(H / stride), Math.ceil(W / stride)];
    return Array.from({ length: h * w }, (_, i) => ({ x: i % w, y: Math.floor(i / w), stride }));
  });
}
