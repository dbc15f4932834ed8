import { decodeModel } from "@whybox/core";

/** Returns whether a session needs the channels-first layout on WebGPU. The channels-last Conv of ONNX Runtime Web 1.30 gives wrong
 * results under three conditions: the input has a multiple of 3 channels that is not a multiple of 4 (other than 3 itself), the output
 * has a multiple of 4 channels, and the kernel has more than one element (microsoft/onnxruntime issue 29651). Channels first is correct
 * and slower. Networks for 75 or 99 classes have such convolutions in the backward pass.
 */
export function needsChannelsFirst(model: Uint8Array): boolean {
  const { nodes, initializers } = decodeModel(model).graph;
  return nodes.some(({ opType, inputs }) => {
    if (opType !== "Conv") return false;
    const [out = 0, channels = 0, ...kernel] = initializers.get(inputs[1] ?? "")?.dims ?? [];
    return channels % 3 === 0 && channels % 4 !== 0 && channels > 3 && out % 4 === 0 && kernel.some((k) => k > 1);
  });
}
