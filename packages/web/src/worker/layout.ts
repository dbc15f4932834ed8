import { decodeModel } from "@whybox/core";

/**
 * Whether a session needs channels first on WebGPU. ONNX Runtime Web 1.30 reckons wrongly in its channels-last Conv when the input has a
 * multiple of 3 channels that is none of 4 (other than 3 itself), the output a multiple of 4, and the kernel more than one tap
 * (microsoft/onnxruntime issue 29651). Channels first is right, and slower. Networks for 75 or 99 classes have such convolutions on the way back.
 */
export function needsChannelsFirst(model: Uint8Array): boolean {
  const { nodes, initializers } = decodeModel(model).graph;
  return nodes.some(({ opType, inputs }) => {
    if (opType !== "Conv") return false;
    const [out = 0, channels = 0, ...kernel] = initializers.get(inputs[1] ?? "")?.dims ?? [];
    return channels % 3 === 0 && channels % 4 !== 0 && channels > 3 && out % 4 === 0 && kernel.some((k) => k > 1);
  });
}
