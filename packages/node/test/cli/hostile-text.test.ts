import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "@whybox/core";
import { beforeAll, expect, it } from "vitest";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import { putImages, runWorld } from "../runs/world.js";
import { whybox } from "../support/launch.js";

/** Texts that act where they are shown: on a terminal, in a line, in a page, in a spreadsheet. */
const clear = "\u001b[2J\u001b[31m\u001b]0;evil\u0007\u009b31m";
const evil = [clear, `a\u202egpj\u2066\u200b\u2028`, `<script>alert(1)</script>${clear}`, "狗👩‍💻\r\nerror: forged"];
const endless = `${clear}${"n".repeat(70_000)}`;

const acting = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

let cwd: string;
beforeAll(async () => {
  cwd = await runWorld();
  await mkdir(join(cwd, "p"));
  await putImages(cwd, ["p/a.png", "p/b.png"]);
  await rename(join(cwd, "p/a.png"), join(cwd, `p/=1+1${clear}\u202e.png`));
  await writeFile(join(cwd, `p/x${clear}.jpg`), "I am no image.");
  const model = tameModel();
  const nodes = model.graph.nodes.map((node, i) => ({ ...node, name: `${evil[i % 4]}${i === 7 ? endless : ""}${i}` }));
  const names = `{${Array.from({ length: 4 }, (_, i) => `${i}: ${JSON.stringify(`=cmd();@x${evil[i % 4]}${i}`)}`).join(", ")}}`;
  const metadata = new Map([
    ["description", clear],
    ["author", evil[1]!],
    ["names", names],
    ["license", endless],
  ]);
  const hostile = { ...model, producerName: endless, metadata, graph: { ...model.graph, nodes, name: clear } };
  await writeFile(join(cwd, "mini.onnx"), encodeModel(hostile));
  // The same with an operator that nobody knows.
  const broken = nodes.map((node, i) => (i === 5 ? { ...node, opType: `Evil${endless}`, domain: clear } : node));
  await writeFile(join(cwd, "broken.onnx"), encodeModel({ ...hostile, graph: { ...hostile.graph, nodes: broken } }));
});

const mini = ["--weights", "mini.onnx", "--imgsz", "64", "--conf", "0.01", "--max-det", "3", "--method", "GradCAM"];

/** Asserts that a text shows everything as text. */
function inert(text: string, longest = 6000): void {
  expect(text.replace(/[\n\u200d]/g, "")).not.toMatch(acting);
  for (const line of text.split("\n")) expect(line.length).toBeLessThan(longest);
}

type Command = readonly [argv: readonly string[], code: number];

/** Runs commands beside each other, and asserts that their output is inert. */
async function check(commands: readonly Command[]): Promise<void> {
  const all = await Promise.all(commands.map(async ([argv]) => ({ argv, ...(await whybox(argv, { cwd })) })));
  expect(all.map(({ argv, code, stderr }) => [argv[0], code, stderr])).toEqual(
    commands.map(([[name], code]) => [name, code, expect.any(String)]),
  );
  for (const { argv, stdout, stderr } of all) {
    inert(stderr);
    inert(stdout, argv.includes("--json") ? 200_000 : 6000);
  }
}

it("never lets a name of a model or a file act, whatever the command", async () => {
  await check([
    [["inspect", "mini.onnx"], 0],
    [["inspect", "mini.onnx", "--json"], 0],
    [["inspect", "broken.onnx"], 8],
    [["explain", "p", ...mini, "--out", "e"], 3],
    [["explain", "p/b.png", ...mini, "--json", "--out", "f"], 0],
    [["explain", "p/b.png", ...mini, "--layer", clear], 2],
    [["explain", "p/b.png", "--weights", "broken.onnx"], 8],
    [["run", "p", "--out", "out", ...mini], 0],
    [["run", "p", "--out", "other", ...mini], 0],
  ]);
  await check([
    [["report", "out", "--truth", "none"], 0],
    [["compare", "out", "other", "--html", "compare.html"], 0],
    [["export", "out", "--to", "csv", "coco", "fiftyone", "yolo"], 0],
    [["evidence", "out", "--out", "bundle", "--question", clear], 0],
  ]);
  for (const path of ["out/report.html", "compare.html", "bundle/index.html"]) {
    const page = await readFile(join(cwd, path), "utf8");
    const data = page.replace(/<style>.*?<\/style>|<script>.*?<\/script>\n/gs, "");
    inert(data, Number.POSITIVE_INFINITY);
    expect(data).not.toContain("<script>alert");
  }
  const csv = await readFile(join(cwd, "out/export/detections.csv"), "utf8");
  inert(csv.replaceAll("\r\n", "\n"));
  expect(csv).toMatch(/,'=cmd\(\);'@x/);
  expect(csv).not.toMatch(/(^|[,;])"?[=+@]/m);
  for (const name of await readdir(join(cwd, "e"))) expect(name).not.toMatch(acting);
}, 120_000);
