import { type RuntimePort, type RuntimeSession, type RuntimeTensor, WhyboxError } from "@whybox/core";
import type { RemoteTensor, Reply, RuntimeRequest } from "./protocol.js";

/** Answers requests to the runtime of this thread. Tensors and sessions stay here, under numbers. */
export function serveRuntime(
  runtime: RuntimePort,
  backends: () => readonly string[],
): (request: RuntimeRequest) => Promise<Reply> {
  const tensors = new Map<number, RuntimeTensor>();
  const sessions = new Map<number, RuntimeSession>();
  let next = 1;

  const keep = (tensor: RuntimeTensor): RemoteTensor => {
    const id = next++;
    tensors.set(id, tensor);
    return { id, type: tensor.type, dims: tensor.dims };
  };
  const find = <T>(table: ReadonlyMap<number, T>, id: number, what: string): T => {
    const found = table.get(id);
    if (found === undefined) throw new WhyboxError("runtime", `This ${what} was disposed before the run.`);
    return found;
  };

  return async (request) => {
    switch (request.kind) {
      case "backends":
        return { value: backends() };
      case "upload":
        return { value: keep(await runtime.upload(request.type, request.dims, request.data)) };
      case "create": {
        const session = await runtime.createSession(request.model, request.options);
        const id = next++;
        sessions.set(id, session);
        return { value: { id, inputNames: session.inputNames, outputNames: session.outputNames } };
      }
      case "run": {
        const feeds = Object.entries(request.feeds).map(([name, id]) => [name, find(tensors, id, "tensor")] as const);
        const session = find(sessions, request.session, "session");
        const results = await session.run(Object.fromEntries(feeds), request.outputs, () => request.outputBytes);
        return { value: Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, keep(tensor)])) };
      }
      case "read": {
        // The tensor may be read again, so a copy is transferred. A clone would copy it twice.
        const value = (await find(tensors, request.tensor, "tensor").read()).slice();
        return { value, transfer: [value.buffer] };
      }
      case "dispose":
        tensors.get(request.tensor)?.free?.();
        tensors.get(request.tensor)?.dispose();
        tensors.delete(request.tensor);
        return { value: null };
      case "release":
        await sessions.get(request.session)?.release();
        sessions.delete(request.session);
        return { value: null };
    }
  };
}
