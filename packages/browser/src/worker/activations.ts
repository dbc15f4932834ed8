import type { AnyCamMethod, Map2D, Tensor } from "@whybox/core";

/** A method that passes the mean absolute activation of each layer to `take`, in the order of the request. */
export function activationsMethod(take: (map: Map2D) => void): AnyCamMethod {
  return {
    id: "web-activations",
    title: "Mean absolute activation",
    paper: "",
    needs: ["activations"],
    map: ({ activations }) => {
      const map = meanAbsolute(activations);
      take(map);
      return map;
    },
  };
}

function meanAbsolute({ dims, data }: Tensor): Map2D {
  const [channels, height, width] = dims as [number, number, number];
  const mean = new Float32Array(height * width);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let p = 0; p < mean.length; p++, i++) mean[p]! += Math.abs(data[i]!) / channels;
  }
  return { height, width, data: mean };
}

/** A copy scaled to the range 0..1. All zeros if all values are equal. */
export function toUnit({ height, width, data }: Map2D): Map2D & { readonly data: Float32Array<ArrayBuffer> } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? 1 / (high - low) : 0;
  return { height, width, data: Float32Array.from(data, (value) => (value - low) * scale) };
}
