import type { CamMethod, Setting, Tensor } from "whybox";

export interface Taken extends Setting {
  readonly activations: Tensor;
  readonly gradients: Tensor;
}

/** A method that keeps what it was given, for looking at gradients through the public way. Its map is all zeros. */
export function probe(): { readonly method: CamMethod<"activations" | "gradients">; readonly taken: Taken[] } {
  const taken: Taken[] = [];
  const method: CamMethod<"activations" | "gradients"> = {
    id: "Probe",
    title: "Probe",
    paper: "none",
    needs: ["activations", "gradients"],
    map(evidence) {
      taken.push(evidence);
      const [, height, width] = evidence.gradients.dims as [number, number, number];
      return { height, width, data: new Float32Array(height * width) };
    },
  };
  return { method, taken };
}

/** The channels of `[C, H, W]`, as views. */
export function channelsOf({ dims, data }: Tensor): Float32Array[] {
  const [C, H, W] = dims as [number, number, number];
  return Array.from({ length: C }, (_, c) => data.subarray(c * H * W, (c + 1) * H * W));
}

/** The mean over the cells of each channel. */
export function meansOf(tensor: Tensor): number[] {
  return channelsOf(tensor).map((channel) => channel.reduce((sum, value) => sum + value, 0) / channel.length);
}
