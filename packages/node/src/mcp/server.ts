import { type CallToolResult, McpServer, type ServerContext, type ToolAnnotations } from "@modelcontextprotocol/server";
import type { z } from "zod";
import { failureMessage } from "../cli/failure.js";
import { compareInput, compareOutput, compareTool } from "./compare-tool.js";
import { explainImage, explainInput, explainOutput, whyNot, whyNotInput, whyNotOutput } from "./explain-tools.js";
import { inspectInput, inspectModel, inspectOutput } from "./inspect-tool.js";
import type { OneByOne } from "./one-by-one.js";
import type { ToolCall, ToolContext } from "./tool.js";

export interface ServerOptions extends ToolContext {
  readonly version: string;
  /** Fires when the server must stop. */
  readonly signal: AbortSignal;
  readonly queue: OneByOne;
  /** Gets a line of the log. */
  onLog(line: string): void;
}

interface Tool<Input extends z.ZodType> {
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodObject;
  run(given: z.infer<Input>, context: ToolContext, call: ToolCall): Promise<CallToolResult>;
}

/** Least time between two notices of progress, in ms. */
const PROGRESS_MS = 250;

/** Makes the server with its tools. */
export function createServer(options: ServerOptions): McpServer {
  const server = new McpServer(
    { name: "whybox", title: "Whybox", version: options.version },
    {
      capabilities: { tools: {} },
      instructions:
        "Explains what an object detector looked at. explain_image for detections, why_not for an object that was missed, inspect_model for layers and classes, compare_runs for two models on the same images.",
    },
  );
  add(server, options, "explain_image", {
    title: "Explain the detections in an image",
    description:
      "Detects objects in an image with a YOLO-like model and shows with a heatmap what the network looked at for each detection. Returns the image with heat and boxes, where the heat of each detection is, and a sentence.",
    input: explainInput,
    output: explainOutput,
    run: explainImage,
  });
  add(server, options, "why_not", {
    title: "Why is there no detection here?",
    description:
      "Takes a box and a class, and says why the model did or did not detect such an object there: below the threshold, another class, removed as a duplicate. Returns the image with the heat that supports the class in the box.",
    input: whyNotInput,
    output: whyNotOutput,
    run: whyNot,
  });
  add(server, options, "inspect_model", {
    title: "Describe a model",
    description: "Describes a model file: task, input, classes, levels, and the layers that can be explained.",
    input: inspectInput,
    output: inspectOutput,
    run: inspectModel,
  });
  add(server, options, "compare_runs", {
    title: "Compare two runs",
    description:
      "Compares the heatmaps of two models on the same images, from the folders of two runs: whether the attention moved, which detections are lost and gained. Returns both heatmaps of the detection that changed most.",
    input: compareInput,
    output: compareOutput,
    run: compareTool,
  });
  return server;
}

const readOnly: ToolAnnotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true };

function add<Input extends z.ZodType>(
  server: McpServer,
  options: ServerOptions,
  name: string,
  tool: Tool<Input>,
): void {
  const { title, description, input, output } = tool;
  const config = { title, description, inputSchema: input, outputSchema: output, annotations: readOnly };
  const call = async (given: z.infer<Input>, context: ServerContext): Promise<CallToolResult> => {
    const signal = AbortSignal.any([context.mcpReq.signal, options.signal]);
    const started = performance.now();
    try {
      const result = await options.queue.run(signal, () =>
        tool.run(given, options, { signal, onProgress: progressOf(context) }),
      );
      options.onLog(`${name}: ${Math.round(performance.now() - started)} ms`);
      return result;
    } catch (error) {
      const message = failureMessage(error);
      options.onLog(`${name}: ${message}`);
      return { content: [{ type: "text", text: message }], isError: true };
    }
  };
  server.registerTool(name, config, call as never);
}

/** Sends notices of progress if the client asked for them. They are dropped when the client has gone. */
function progressOf({ mcpReq }: ServerContext): ToolCall["onProgress"] {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let last = Number.NEGATIVE_INFINITY;
  return (progress, total, message) => {
    const now = performance.now();
    if (now - last < PROGRESS_MS && progress < total) return;
    last = now;
    const notification = { method: "notifications/progress", params: { progressToken, progress, total, message } };
    mcpReq.notify(notification).catch(() => undefined);
  };
}
