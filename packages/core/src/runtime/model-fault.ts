import { WhyboxError } from "../errors.js";
import { GraphBuilder } from "../onnx/builder.js";
import { encodeModel } from "../onnx/encode.js";
import type { RuntimePort } from "./port.js";

/** True for the out-of-memory messages of browsers and of the runtime. */
export function isOutOfMemory(message: string): boolean {
  return /out of memory|\bOOM\b|allocation failed|failed to allocate|bad_alloc|enlarge memory|invalid array (buffer )?length/i.test(
    message,
  );
}

/**
 * The error of a runtime that refuses a model, as a reason why the model is not supported. Anything else is thrown: it says nothing about the
 * model. A runtime that cannot start, or has no memory, refuses every model, so it is asked for a session of a model with a single node.
 * @throws the error, unless it is the runtime's and about this model; runtime when the runtime does not work.
 */
export async function modelFault(error: unknown, runtime: RuntimePort): Promise<WhyboxError> {
  if (!(error instanceof WhyboxError) || error.code !== "runtime" || isOutOfMemory(error.message)) throw error;
  const session = await runtime.createSession(encodeModel(smallest()), { threads: 1 });
  await session.release();
  return error;
}

function smallest() {
  const build = new GraphBuilder("");
  build.input("x", [1]);
  build.node("Identity", ["x"], ["y"]);
  build.output("y", [1]);
  return {
    irVersion: 8,
    opsets: new Map([["", 17]]),
    producerName: "whybox",
    producerVersion: "",
    metadata: new Map<string, string>(),
    graph: build.graph("smallest"),
  };
}
