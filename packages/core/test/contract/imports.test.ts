import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const core = resolve(import.meta.dirname, "../../src");

interface Import {
  readonly from: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function filesOf(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  return all.filter((file) => file.endsWith(".ts"));
}

function importsOf(folder: string): Import[] {
  return filesOf(folder).flatMap((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    const found = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gms);
    return [...found].map(([, type, target]) => ({ from: file, target: target!, typeOnly: type !== undefined }));
  });
}

const area = (file: string) => (file.includes("/") ? file.split("/")[0]! : file.replace(/\.ts$/, ""));

/** Who may import whom: docs/architecture.md says it in words. Types may be taken from more places than code. */
const code: Readonly<Record<string, readonly string[]>> = {
  "foreign-text": [],
  errors: ["foreign-text"],
  once: [],
  "keeps-nothing": [],
  tensor: ["errors"],
  boxes: [],
  kernels: ["errors", "once", "tensor"],
  algebra: ["errors", "tensor"],
  onnx: ["foreign-text", "errors", "tensor"],
  options: ["errors"],
  image: ["errors", "options", "tensor", "kernels"],
  methods: ["errors", "keeps-nothing", "tensor", "kernels", "algebra"],
  metrics: ["errors", "tensor", "kernels", "algebra"],
  scores: ["errors", "keeps-nothing", "tensor", "boxes"],
  autodiff: ["errors", "tensor", "algebra", "onnx"],
  detector: ["errors", "tensor", "boxes", "algebra", "onnx", "image", "runtime"],
  readers: ["errors", "tensor", "onnx", "detector"],
  runtime: ["errors", "tensor", "onnx"],
  explain: [
    ...["foreign-text", "errors", "once", "keeps-nothing", "tensor", "boxes", "kernels", "algebra", "onnx", "image"],
    ...["options", "methods", "metrics", "scores", "autodiff", "detector", "readers", "runtime"],
  ],
};
const types: Readonly<Record<string, readonly string[]>> = {
  scores: ["detector", "image"],
  image: ["detector"],
  methods: ["image"],
};

describe("imports of core", () => {
  const all = importsOf(core).filter(({ from }) => from !== "index.ts");

  it("reach no package, no Node and no runtime", () => {
    expect(all.filter(({ target }) => !target.startsWith("."))).toEqual([]);
  });

  it("go only down the table", () => {
    const wrong = all.filter(({ from, target, typeOnly }) => {
      const to = area(relative(core, resolve(core, dirname(from), target)).replace(/\.js$/, ".ts"));
      const mine = area(from);
      return to !== mine && !code[mine]?.includes(to) && !(typeOnly && types[mine]?.includes(to));
    });
    expect(wrong).toEqual([]);
  });

  it("of the folders of explain go only to folders before them", () => {
    const folders = [
      "progress",
      "options",
      "model",
      "plan",
      "result",
      "passes",
      "job",
      "targets",
      "evidence",
      "finish",
      "diagnosis",
    ];
    const place = (file: string) => folders.indexOf(file.split("/")[1]!.replace(/\.ts$/, ""));
    const wrong = all.filter(({ from, target }) => {
      const to = relative(core, resolve(core, dirname(from), target))
        .replaceAll("\\", "/")
        .replace(/\.js$/, ".ts");
      if (!from.startsWith("explain/") || !to.startsWith("explain/") || place(from) < 0) return false;
      return place(to) < 0 || place(to) > place(from);
    });
    expect(wrong).toEqual([]);
  });

  it("are seen by this test", () => {
    expect(all.length).toBeGreaterThan(300);
  });

  it("name no global of a page", () => {
    const pages = filesOf(core).filter((file) =>
      /(?<![-/\w])(document|localStorage|navigator)\.\w/.test(readFileSync(join(core, file), "utf8")),
    );
    expect(pages).toEqual([]);
  });
});
