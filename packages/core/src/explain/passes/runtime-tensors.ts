import { WhyboxError } from "../../errors.js";
import type { RuntimeTensor } from "../../runtime/port.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Reads a float32 tensor of the runtime. @throws runtime for another type. */
export async function readFloats(name: string, value: RuntimeTensor): Promise<Tensor> {
  const data = await value.read();
  if (data instanceof Float32Array) return { dims: value.dims, data };
  throw new WhyboxError("runtime", `Output "${name}" is ${value.type}, expected float32.`, {
    details: { output: name },
  });
}

/** Disposes of tensors of the runtime. */
export function disposeAll(tensors: Readonly<Record<string, RuntimeTensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
