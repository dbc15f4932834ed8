import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Services } from "../images/services.js";
import type { Allowed } from "./allowed.js";
import type { DetectorCache } from "./detector-cache.js";

/** Maximum size of an image, in pixels. */
export const MAX_PIXELS = 50_000_000;

/** What the tools share. */
export interface ToolContext {
  readonly allowed: Allowed;
  readonly detectors: DetectorCache;
  readonly services: Services;
}

/** One call of a tool. */
export interface ToolCall {
  readonly signal: AbortSignal;
  /** Tells the client how far the call is. */
  onProgress(done: number, total: number, message: string): void;
}

/** An answer: a plain sentence, images, and the structured result. */
export function answer(
  sentence: string,
  structured: Readonly<Record<string, unknown>>,
  images: readonly Extract<CallToolResult["content"][number], { type: "image" }>[] = [],
): CallToolResult {
  return { content: [{ type: "text", text: sentence }, ...images], structuredContent: { ...structured } };
}
