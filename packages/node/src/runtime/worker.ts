import { parentPort, workerData } from "node:worker_threads";
import type { ExplainProgress } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { withDeviceHints } from "./devices.js";
import { errorData } from "./error-data.js";
import { type Gate, gatedPort } from "./gate.js";
import { createOrtPort } from "./ort-port.js";
import { type Answer, loaded, type Message, type Reply, type Report, type Request } from "./protocol.js";
import { type CallControl, serveDetector } from "./serve-detector.js";
import { serveRuntime } from "./serve-runtime.js";
import { shareSessions } from "./share-sessions.js";

/** Runs a detector and its sessions in this thread: `session.run` of onnxruntime-node blocks the calling thread. */
function serve(port: NonNullable<typeof parentPort>): void {
  // Errors are returned to the caller. The runtime's own log lines would mix with the command's output.
  ort.env.logLevel = "fatal";
  const backends = () => ort.listSupportedBackends().map(({ name }) => name);
  const runtime = shareSessions(withDeviceHints(gatedPort(createOrtPort(ort as never), workerData as Gate)));
  const [toDetector, toRuntime] = [serveDetector(runtime, backends), serveRuntime(runtime, backends)];
  const running = new Map<number, AbortController>();

  const reply = (request: Request, control: CallControl): Promise<Reply> => {
    switch (request.kind) {
      case "open":
      case "inspect":
      case "prepare":
      case "detect":
      case "explain":
        return toDetector(request, control);
      default:
        return toRuntime(request);
    }
  };

  port.on("message", async (message: Message) => {
    const { call } = message;
    if (message.kind === "abort") return running.get(call)?.abort();
    const controller = new AbortController();
    running.set(call, controller);
    try {
      const onProgress = (progress: ExplainProgress) => port.postMessage({ call, progress } satisfies Report);
      const control = { signal: controller.signal, ...(message.reports && { onProgress }) };
      const { transfer = [], ...answer } = await reply(message, control);
      port.postMessage({ call, ...answer } satisfies Answer, transfer);
    } catch (error) {
      port.postMessage({ call, error: errorData(error) } satisfies Answer);
    } finally {
      running.delete(call);
    }
  });
  port.postMessage(loaded);
}

if (parentPort) serve(parentPort);
