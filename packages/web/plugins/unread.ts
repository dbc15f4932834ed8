import { type Plugin, parseSync } from "vite";
import { childrenOf, isOfEngine, type Node } from "./sentences.js";

/**
 * Leaves out of the worker what the engine says for programs and the page has elsewhere or never shows: the `details` of errors, of which
 * only code and message cross over, and the `paper` of a method, which stands in the page's own facts.
 */
export function withoutUnread(): Plugin {
  return {
    name: "without-unread",
    apply: "build",
    enforce: "pre",
    transform: {
      filter: { id: /\.js$/ },
      handler: (code, id) => (isOfEngine(id) ? { code: leaveOutUnread(code), map: null } : undefined),
    },
  };
}

/** The source with an empty `paper`, and without `details` where an error is made. */
export function leaveOutUnread(code: string): string {
  const cuts: { readonly start: number; readonly end: number; readonly put: string }[] = [];
  const look = (node: Node, inError: boolean): void => {
    const isPair = node.type === "Property";
    if (isPair && inError && node.key?.name === "details") return void cuts.push({ ...node, put: "" });
    if (isPair && node.key?.name === "paper" && typeof (node.value as Node).value === "string") {
      return void cuts.push({ ...node, put: 'paper: ""' });
    }
    const makesError =
      node.type === "NewExpression" && (node as { callee?: { name?: string } }).callee?.name === "WhyboxError";
    for (const child of childrenOf(node)) look(child, makesError || (inError && node.type === "ObjectExpression"));
  };
  look(parseSync("engine.js", code).program as unknown as Node, false);
  let [out, at] = ["", 0];
  for (const { start, end, put } of cuts.sort((a, b) => a.start - b.start)) {
    out += code.slice(at, start) + put;
    // A pair that is gone takes its comma along.
    at = put === "" ? end + (/^\s*,/.exec(code.slice(end))?.[0].length ?? 0) : end;
  }
  return out + code.slice(at);
}
