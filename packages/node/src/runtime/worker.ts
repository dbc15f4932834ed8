import { parentPort, workerData } from "node:worker_threads";
import { type RuntimeSession, type RuntimeTensor, WhyboxError } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { type Gate, gatedPort } from "./gate.js";
import { createOrtPort } from "./ort-port.js";
import { type Answer, type Call, loaded, type RemoteTensor, type Replies, type Request } from "./protocol.js";

/** Runs the sessions in this thread: `session.run` of onnxruntime-node blocks the calling thread. */
function serve(port: NonNullable<typeof parentPort>): void {
  // Errors are returned to the caller. The runtime's own log lines would mix with the command's output.
  ort.env.logLevel = "fatal";
  const runtime = gatedPort(createOrtPort(ort as never), workerData as Gate);
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

  async function answer(request: Request): Promise<Replies[keyof Replies]> {
    switch (request.kind) {
      case "backends":
        return ort.listSupportedBackends().map(({ name }) => name);
      case "upload":
        return keep(await runtime.upload(request.type, request.dims, request.data));
      case "create": {
        const session = await runtime.createSession(request.model, request.options);
        const id = next++;
        sessions.set(id, session);
        return { id, inputNames: session.inputNames, outputNames: session.outputNames };
      }
      case "run": {
        const feeds = Object.entries(request.feeds).map(([name, id]) => [name, find(tensors, id, "tensor")] as const);
        const results = await find(sessions, request.session, "session").run(
          Object.fromEntries(feeds),
          request.outputs,
        );
        return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, keep(tensor)]));
      }
      case "read":
        return find(tensors, request.tensor, "tensor").read();
      case "dispose":
        tensors.get(request.tensor)?.free?.();
        tensors.get(request.tensor)?.dispose();
        tensors.delete(request.tensor);
        return null;
      case "release":
        await sessions.get(request.session)?.release();
        sessions.delete(request.session);
        return null;
    }
  }

  port.on("message", async (message: Call) => {
    const reply = await answer(message).then(
      (value): Answer => ({ call: message.call, value }),
      (error: unknown): Answer => ({ call: message.call, error: describe(error) }),
    );
    port.postMessage(reply);
  });
  port.postMessage(loaded);
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof WhyboxError) return { code: error.code, message: error.message };
  return { code: "internal", message: error instanceof Error ? error.message : String(error) };
}

if (parentPort) serve(parentPort);
