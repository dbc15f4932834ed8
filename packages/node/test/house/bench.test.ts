import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { launch } from "../support/launch.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
const node = (...args: string[]) => launch([process.execPath, ...args], { cwd: root });

/** A part of `npm run bench`, as bench/parts defines it. */
interface Part {
  readonly name: string;
  readonly rows: readonly { readonly name: string; readonly of: string }[];
  open?(side: object, subject: object): Promise<Opened>;
}

interface Opened {
  readonly actions: Readonly<Record<string, () => Promise<unknown>>>;
  close(): Promise<unknown>;
}

/** Whether each heatmap of each result was read. */
let results: boolean[][];

function resultOf({ maxDetections = 1 }: { maxDetections?: number } = {}): object {
  const read: boolean[] = [];
  results.push(read);
  const lazy = () => {
    const at = read.push(false) - 1;
    return {
      get data() {
        read[at] = true;
        return new Float32Array(1);
      },
    };
  };
  const maps = Array.from({ length: maxDetections }, () => ({ heatmap: lazy() }));
  return { heatmap: lazy(), maps, timings: { forward: 1, backward: 1 } };
}

const detector = {
  explain: async (_: unknown, question?: object) => resultOf(question),
  detect: async () => ({ detections: [] }),
  dispose: async () => {},
};
const side = {
  root,
  api: { createDetector: async () => detector, loadDetector: async () => detector, createOrtPort: () => ({}) },
};
const subject = { bytes: new Uint8Array(), image: {}, path: "model.onnx", photo: "photo.jpg" };
/** They run the command, and so have no heatmaps of their own. */
const PROGRAMS = ["command", "memory"];

describe("npm run bench", () => {
  let parts: readonly Part[];
  beforeAll(async () => {
    ({ parts } = (await import(pathToFileURL(join(root, "bench/parts/index.mjs")).href)) as { parts: Part[] });
  });

  it("reads every heatmap of every row, except where a row says that it does not", async () => {
    const unread: string[] = [];
    let actions = 0;
    for (const part of parts.filter(({ name }) => !PROGRAMS.includes(name))) {
      const opened = await part.open?.(side, subject);
      for (const [name, action] of Object.entries(opened?.actions ?? {})) {
        results = [];
        await action();
        actions += 1;
        if (!results.flat().every(Boolean)) unread.push(`${part.name}: ${name}`);
      }
      await opened?.close();
    }
    expect(actions).toBeGreaterThan(40);
    expect(unread).toEqual(["calls: unread"]);
    const row = parts.flatMap(({ rows }) => rows).find(({ of }) => of === "unread");
    expect(row!.name).toContain("heatmap not read");
  });

  it("has rows of its own actions, with names of their own in a part", async () => {
    for (const { name: part, rows, open } of parts.filter(({ name }) => !PROGRAMS.includes(name))) {
      const actions = Object.keys((await open?.(side, subject))?.actions ?? { plain: true });
      for (const { name, of } of rows) expect(actions, `${part}: ${name}`).toContain(of);
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    }
  });

  it("names its parts when there is none of a name", async () => {
    const { code, stderr } = await node("bench/run.mjs", "--only", "nothing");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/No part "nothing"\. Expected calls, .*checkpoints/);
  });

  it("measures beside another checkout, in turns", { tags: ["long"], timeout: 300_000 }, async () => {
    await yolov5sPath();
    const args = ["--quick", "--only", "calls", "--only", "command", "--against", root];
    const { code, stdout, stderr } = await node("bench/run.mjs", ...args);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/decoding included +\d\S* · before \d\S* · now\/before \d\S* · aim 1\.25 \(\d+ ×\)/);
    expect(stdout).toMatch(/command, start to files written.* · aim 12 \(\d+ ×\)/);
  });
});

it("has tables in the docs that are those of bench/results", async () => {
  expect(await node("bench/write-tables.mjs", "--check")).toMatchObject({ code: 0, stderr: "" });
});
