import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Plugin, parseSync } from "vite";
import { coreFolder, packageFolder } from "./places.js";

/** A node of the syntax tree, and what is read of some. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly value?: unknown;
  readonly operator?: string;
  readonly key?: Node & { readonly name?: string };
  readonly quasis?: readonly { readonly value: { readonly cooked: string } }[];
  readonly expressions?: readonly Node[];
}

/** A sentence where it stands in a source: its text, with a NUL for each value, and the values. */
interface Sentence extends Node {
  readonly text: string;
  readonly expressions: readonly Node[];
}

/** What of the engine runs in the page, too, and what it says of most maps; the rest runs in the worker alone and is seldom heard. */
const KEPT = ["errors.js", "image/colormap.js", "metrics/", "tensor/npy.js", "explain/diagnose.js"];

/** Shorter ones cost less than the call. */
const LEAST_LETTERS = 12;
const LEAST_SPACES = 2;

/** Where a text is not said, but compared, looked up or taken apart. */
const NO_SPEECH = ["MemberExpression", "SwitchCase", "TaggedTemplateExpression", "ImportDeclaration"];

/** Properties that every visit shows: what a model's predictions are. */
const ALWAYS_SAID = ["source"];

/**
 * Takes the sentences of the engine, most of them what it says when something is wrong, out of the script into a file, which is loaded
 * when the first is to be shown: a twelfth of the script. `src/worker/sentences.ts` tells what stands in their place.
 */
export function sentencesAsFile(): Plugin {
  const runtime = join(packageFolder, "src/worker/sentences.ts");
  let texts: string[] = [];
  return {
    name: "sentences-as-file",
    apply: "build",
    buildStart() {
      const found = sourcesOfEngine().flatMap((file) => findSentences(readFileSync(file, "utf8")));
      texts = [...new Set(found.map(({ text }) => text))].sort();
    },
    resolveId: (id) => (id === "virtual:sentences" ? `\0${id}` : undefined),
    load: {
      filter: { id: /^\0virtual:sentences$/ },
      handler() {
        const file = this.emitFile({ type: "asset", name: "sentences.json", source: JSON.stringify(texts) });
        return `export const sentencesAddress = import.meta.ROLLUP_FILE_URL_${file};`;
      },
    },
    transform: {
      filter: { id: /\.js$/ },
      handler(code, id) {
        if (!isOfEngine(id)) return undefined;
        const replaced = withoutSentences(code, texts);
        return { code: `import { sentence } from ${JSON.stringify(runtime)};\n${replaced}`, map: null };
      },
    },
  };
}

function sourcesOfEngine(): string[] {
  const names = readdirSync(coreFolder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".js"))
    .map((name) => join(coreFolder, name))
    .filter(isOfEngine);
}

export function isOfEngine(file: string): boolean {
  const name = relative(coreFolder, file).replaceAll("\\", "/");
  return !name.startsWith("..") && !KEPT.some((kept) => name.startsWith(kept));
}

/** The source with calls of `sentence` in the place of those sentences that are in the list. */
export function withoutSentences(code: string, texts: readonly string[]): string {
  const known = findSentences(code).filter(({ text }) => texts.includes(text));
  const within = (from: number, to: number): string => {
    let [out, at] = ["", from];
    for (const { start, end, text, expressions } of known) {
      if (start < at || end > to) continue;
      const values = expressions.map((value) => `, (${within(value.start, value.end)})`).join("");
      out += `${code.slice(at, start)}sentence(${texts.indexOf(text)}${values})`;
      at = end;
    }
    return out + code.slice(at, to);
  };
  return within(0, code.length);
}

/** In the order of their beginnings: those around others come first. */
export function findSentences(code: string): Sentence[] {
  const found: Sentence[] = [];
  const look = (node: Node, parent: Node | undefined): void => {
    if (node.type === "Property" && ALWAYS_SAID.includes(node.key?.name ?? "")) return;
    const text = textOf(node);
    if (text !== undefined && isSentence(text) && !isData(node, parent)) {
      found.push({ ...node, text, expressions: node.expressions ?? [] });
    }
    for (const child of childrenOf(node)) look(child, node);
  };
  look(parseSync("engine.js", code).program as unknown as Node, undefined);
  return found.sort((a, b) => a.start - b.start);
}

function textOf({ type, value, quasis }: Node): string | undefined {
  if (type === "Literal") return typeof value === "string" ? value : undefined;
  return type === "TemplateLiteral" ? quasis!.map((part) => part.value.cooked).join("\0") : undefined;
}

function isSentence(text: string): boolean {
  return text.length >= LEAST_LETTERS && text.split(" ").length > LEAST_SPACES;
}

function isData(node: Node, parent: Node | undefined): boolean {
  if (parent === undefined) return false;
  const compared = parent.type === "BinaryExpression" && parent.operator !== "+";
  return compared || NO_SPEECH.includes(parent.type) || parent.key === node;
}

export function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((value): value is Node => typeof value?.type === "string");
}
