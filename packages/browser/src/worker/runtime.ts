import { createOrtPort, type OrtModule, type RuntimePort } from "@whybox/core";
import type { OnProgress, Provider, RuntimeFiles } from "../protocol.js";
import { needsChannelsFirst } from "./layout.js";
import { failOnLostThreads } from "./lost-threads.js";

/** Loads ONNX Runtime Web for a provider. */
export async function loadRuntime({ device, threads }: Provider, files: RuntimeFiles): Promise<OrtModule> {
  failOnLostThreads();
  const ort = await import("onnxruntime-web/webgpu");
  ort.env.logLevel = "fatal";
  ort.env.wasm.numThreads = threads;
  // The code already runs in a worker.
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmPaths = { ...files };
  const plain = ort as unknown as OrtModule;
  return {
    Tensor: plain.Tensor,
    ...(plain.env === undefined ? {} : { env: plain.env }),
    InferenceSession: {
      create: (model, options) =>
        device === "webgpu" && needsChannelsFirst(model)
          ? plain.InferenceSession.create(model, { ...options, executionProviders: [channelsFirst] })
          : plain.InferenceSession.create(model, options),
    },
  };
}

const channelsFirst = { name: "webgpu", preferredLayout: "NCHW" } as const;

/** A port that reports each session. It handles messages before each session and run, so that a job can be cancelled. */
export function reportingPort(ort: OrtModule, tell: OnProgress): RuntimePort {
  const port = createOrtPort(ort);
  return {
    ...port,
    createSession: async (model, options) => {
      tell({ stage: "session", done: undefined, total: undefined });
      await yieldToMessages();
      const session = await port.createSession(model, options);
      return {
        ...session,
        run: async (...args) => {
          await yieldToMessages();
          return session.run(...args);
        },
      };
    },
  };
}

/** Waits until incoming messages are handled. `session.run` on WebAssembly blocks the thread. */
function yieldToMessages(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
