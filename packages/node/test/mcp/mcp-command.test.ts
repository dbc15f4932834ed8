import { copyFile, mkdir, readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_IMAGE_BYTES } from "../../src/mcp/png-content.js";
import { putImages, runWorld } from "../runs/world.js";
import { bin, whybox } from "../support/launch.js";

let cwd: string;
let client: Client;
let log = "";

beforeAll(async () => {
  cwd = await realpath(await runWorld());
  await putImages(cwd, ["in/a.png", "in/b.png", "out/secret.png"]);
  await symlink(join(cwd, "out/secret.png"), join(cwd, "in/link.png"));
  await writeFile(join(cwd, "in/text.png"), "I am no image.");
  for (const name of ["r1", "r2"]) {
    const options = ["--weights", "mini.onnx", "--imgsz", "64", "--max-det", "3", "--conf", "0.01"];
    const words = ["run", "in/a.png", "in/b.png", "--out", `runs/${name}`, ...options, "--workers", "1"];
    expect(await whybox(words, { cwd })).toMatchObject({ code: 0 });
  }
  await mkdir(join(cwd, "runs/bad"));
  await mkdir(join(cwd, "models"));
  await copyFile(join(cwd, "mini.onnx"), join(cwd, "models/mini.onnx"));
  const classifier = await readFile(new URL("../../../../fixtures/classifiers/v8-cls.onnx.gz", import.meta.url));
  await writeFile(join(cwd, "models/v8-cls.onnx"), gunzipSync(classifier));
  await symlink(join(cwd, "out/secret.png"), join(cwd, "runs/bad/manifest.json"));
  client = await connect();
}, 60_000);
afterAll(() => client.close());

async function connect(...argv: string[]): Promise<Client> {
  const args = [bin, "mcp", "--allow", "in", "runs", "models", ...argv];
  const transport = new StdioClientTransport({ command: process.execPath, args, cwd, stderr: "pipe" });
  transport.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const made = new Client({ name: "test", version: "1.0.0" });
  await made.connect(transport);
  return made;
}

const mini = { weights: "models/mini.onnx", imageSize: 64, confidence: 0.01, maxDetections: 3 };

interface Answer {
  readonly isError?: boolean;
  readonly content: readonly { type: string; text?: string; data?: string; mimeType?: string }[];
  readonly structuredContent?: Record<string, unknown>;
}

async function call(name: string, given: Record<string, unknown>, from = client): Promise<Answer> {
  return (await from.callTool({ name, arguments: given })) as unknown as Answer;
}

function texts({ content }: Answer): string {
  return content.flatMap(({ text }) => text ?? []).join("\n");
}

async function sizes({ content }: Answer): Promise<(readonly [number | undefined, number | undefined])[]> {
  const images = content.filter(({ type }) => type === "image");
  for (const image of images) expect(image.mimeType).toBe("image/png");
  return Promise.all(
    images.map(async ({ data }) => {
      const bytes = Buffer.from(data!, "base64");
      expect(bytes.length).toBeLessThanOrEqual(MAX_IMAGE_BYTES);
      const { width, height } = await sharp(bytes).metadata();
      return [width, height] as const;
    }),
  );
}

describe("whybox mcp", () => {
  it("lists its tools with schemas from the table of options", async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["explain_image", "why_not", "inspect_model", "compare_runs"]);
    const [explain, whyNot] = tools;
    expect(explain!.inputSchema).toMatchObject({
      required: ["image"],
      properties: {
        confidence: {
          minimum: 0,
          maximum: 1,
          description: "Minimum confidence of a detection (0.1 for the classes of a classifier). Default: 0.25.",
        },
      },
    });
    expect(whyNot!.inputSchema.required).toEqual(["image", "box"]);
    // Clients that read an older JSON Schema take its tuples for arrays without entries.
    expect(JSON.stringify(tools)).not.toContain("prefixItems");
    for (const { annotations, outputSchema } of tools) {
      expect([annotations?.readOnlyHint, outputSchema?.type]).toEqual([true, "object"]);
    }
  });

  it("explains the classes of a classifier, each with a sentence and without heat in a box", async () => {
    const found = await call("explain_image", { image: "in/a.png", weights: "models/v8-cls.onnx" });
    expect(texts(found)).toMatch(
      /^\d class(es)?; the most confident is .* \(\d+ %\)\. The heat shows which parts of the image support the class /,
    );
    const detections = found.structuredContent!.detections as { heat: unknown; sentence: string }[];
    expect(detections.length).toBeGreaterThan(0);
    for (const { heat, sentence } of detections) expect([heat, typeof sentence]).toEqual([null, "string"]);
  });

  it("explains an image: a sentence, an image, and where the heat is", async () => {
    const found = await call("explain_image", { image: "in/a.png", ...mini });
    expect(found.isError ?? false).toBe(false);
    expect(texts(found)).toMatch(
      /^\d detections?; the most confident is .* \(\d+ %\)\. The detector's confidence in this /,
    );
    expect(await sizes(found)).toEqual([[64, 64]]);
    const detections = found.structuredContent!.detections as { heat: { inBox: number } }[];
    expect(detections.length).toBeGreaterThan(0);
    expect(detections[0]!.heat.inBox).toBeGreaterThan(0);
    expect(JSON.stringify(found.structuredContent).length).toBeLessThan(20_000);
  });

  it("says why there is no detection in a box", async () => {
    const box = { x1: 4, y1: 4, x2: 30, y2: 30, className: "0" };
    const { structuredContent: model } = await call("inspect_model", { weights: mini.weights });
    const [className] = model!.classNames as string[];
    const found = await call("why_not", { image: "in/b.png", ...mini, box: { ...box, className } });
    const { asked } = found.structuredContent as { asked: { verdict: string; className: string } };
    expect(asked.className).toBe(className);
    expect(texts(found)).toBe(asked.verdict);
    expect(await sizes(found)).toHaveLength(1);
  });

  it("describes a model in a sentence", async () => {
    const found = await call("inspect_model", { weights: mini.weights });
    expect(texts(found)).toMatch(/mini\.onnx is a model for detection with \d+ classes and \d levels?/);
    expect(found.structuredContent).toMatchObject({ task: "detect", format: "onnx" });
  });

  it("compares two runs, with both heatmaps of the worst detection", async () => {
    const found = await call("compare_runs", { runA: "runs/r1", runB: "runs/r2" });
    expect(texts(found)).toMatch(/^The attention did not move\. 2 images: /);
    expect(await sizes(found)).toHaveLength(2);
    expect(found.structuredContent).toMatchObject({ passed: true, images: { compared: 2 } });
    const failed = await call("compare_runs", { runA: "runs/r1", runB: "runs/r2", minOverlap: 2 });
    expect([failed.isError, texts(failed)]).toEqual([true, expect.stringContaining("from 0 to 1")]);
  });

  it.each([
    ["explain_image", { image: "out/secret.png" }, /outside the folders that are allowed/],
    ["explain_image", { image: "in/link.png" }, /outside the folders that are allowed/],
    ["explain_image", { image: "in/../out/secret.png" }, /outside the folders/],
    ["explain_image", { image: "/etc/passwd" }, /outside the folders/],
    ["explain_image", { image: "/no/such/file" }, /outside the folders/],
    ["explain_image", { image: "in/none.png" }, /in\/none\.png cannot be read \(ENOENT\)/],
    ["explain_image", { image: "in/text.png" }, /contains text/],
    ["explain_image", { image: "https://example.org/a.png" }, /Addresses are not allowed/],
    ["explain_image", { image: "file:///etc/passwd" }, /expected a path or an http\(s\) address/],
    ["explain_image", { image: "in/a.png", weights: "mini.onnx" }, /outside the folders/],
    ["inspect_model", { weights: "https://example.org/m.onnx" }, /Addresses are not allowed/],
    ["compare_runs", { runA: "runs/r1", runB: "runs/bad" }, /outside the folders/],
    ["compare_runs", { runA: "runs/r1", runB: "in" }, /outside the folders|is not the folder of a run/],
  ])("%s refuses %j", async (name, given, message) => {
    const found = await call(name, { ...(name === "explain_image" ? mini : {}), ...given });
    expect(found.isError).toBe(true);
    expect(texts(found)).toMatch(message);
    expect(found.content).toHaveLength(1);
  });

  it("refuses private addresses where addresses are allowed", async () => {
    const other = await connect("--allow-urls");
    const found = await call("explain_image", { image: "http://127.0.0.1:9/a.png", ...mini }, other);
    expect(texts(found)).toMatch(/is an address in a private network/);
    await other.close();
  });

  it("reports progress, and stops a call that is cancelled", async () => {
    const given = { image: "in/a.png", ...mini, method: "D-RISE", layer: "auto" };
    const seen: { progress: number; total?: number | undefined }[] = [];
    const controller = new AbortController();
    const cancelled = client.callTool(
      { name: "explain_image", arguments: given },
      {
        signal: controller.signal,
        onprogress: (state) => {
          seen.push(state);
          controller.abort();
        },
      },
    );
    await expect(cancelled).rejects.toThrow();
    expect(seen[0]!.total).toBeGreaterThan(1);
    // The next call does not wait for the whole of the cancelled one.
    expect(texts(await call("inspect_model", { weights: mini.weights }))).toMatch(/is a model/);
    await expect.poll(() => log).toMatch(/explain_image: .*aborted/);
  });

  it("logs to stderr only", () => {
    // A line that is not of the protocol on stdout would have closed the connection.
    expect(log).toMatch(/^whybox mcp .*: serving 4 tools on stdin and stdout\.\n/);
  });

  it("refuses a folder that does not exist", async () => {
    const { code, stdout, stderr } = await whybox(["mcp", "--allow", "nowhere"], { cwd });
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(/--allow: nowhere is no folder/);
  });
});
