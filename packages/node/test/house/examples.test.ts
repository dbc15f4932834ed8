import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResultDocument } from "whybox";
import { exportBytes } from "../../../core/test/support/exports.js";
import { type Finished, launch } from "../support/launch.js";

const examples = resolve(import.meta.dirname, "../../../../examples");
const photo = resolve(examples, "../fixtures/photos/dog.jpg");
const entries = await readdir(examples, { withFileTypes: true });
// The Python scripts have a test of their own.
const names = entries.filter((entry) => entry.isDirectory() && entry.name !== "python").map(({ name }) => name);

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "whybox-examples-"));
  await writeFile(join(cwd, "tiny.onnx"), exportBytes("yolox"));
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (script: string, ...args: string[]): Promise<Finished> =>
  launch([process.execPath, join(examples, script), ...args], { cwd });

describe.each(names)("examples/%s", (name) => {
  const read = (file: string) => readFile(join(examples, name, file), "utf8");

  it("declares what it imports, and nothing else", async () => {
    const manifest = JSON.parse(await read("package.json"));
    expect(manifest).toMatchObject({ private: true, type: "module" });
    const files = (await readdir(join(examples, name))).filter((file) => file.endsWith(".js"));
    const text = (await Promise.all(files.map(read))).join("\n");
    const imported = [...text.matchAll(/ from "(?!node:|\.)((?:@[^/]+\/)?[^/"]+)/g)].map(([, target]) => target!);
    expect([...new Set(imported)].toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted());
  });

  it("is in the list", async () => {
    expect(await readFile(join(examples, "README.md"), "utf8")).toContain(`](${name})`);
  });
});

it("node-script explains a folder, and continues after a broken image", async () => {
  await sharp(photo).resize(200).toFile(join(cwd, "dog.png"));
  await writeFile(join(cwd, "broken.png"), "none");
  const { code, stdout, stderr } = await run("node-script/explain.js", "*.png", "tiny.onnx");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^\S*broken\.png: /)]);
  expect(stdout).toMatch(/^\S*dog\.png: 5 detections\n( {2}class\d 0\.\d\d\n){5}Results: /);
  const written = await readdir(/Results: (.*)\n/.exec(stdout)![1]!);
  expect(written).toEqual(expect.arrayContaining(["dog.json", "dog.png", "dog.sheet.png"]));
});

it("custom-method makes a heatmap that is not Grad-CAM's", async () => {
  const { code, stdout, stderr } = await run("custom-method/explain.js", photo, "tiny.onnx");
  expect([code, stderr]).toEqual([0, ""]);
  const answer = "([1-9]\\d* detections, hottest at \\d+, \\d+)";
  const [, first, second] = new RegExp(`^GradCAM: ${answer}\nPositiveEvidence: ${answer}\n$`).exec(stdout) ?? [];
  expect(first).toBeDefined();
  expect(second).not.toBe(first);
});

it("custom-score explains the shape of boxes", async () => {
  const { code, stdout, stderr } = await run("custom-score/explain.js", photo, "tiny.onnx");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^(class\d: \d+ × \d+, heat [1-9]\.\de[+-]\d\n){5}Sum of the scores: -?\d+\.\d{3}\n$/);
});

it.each(["node-script", "custom-method", "custom-score"])("%s says how it is used", async (name) => {
  const { code, stderr } = await run(`${name}/explain.js`);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^Usage: node explain\.js /)]);
});

describe("fastify-route", () => {
  let server: ChildProcess;
  let address: string;
  beforeAll(async () => {
    const script = join(examples, "fastify-route/server.js");
    const env = { ...process.env, PORT: "0" };
    server = spawn(process.execPath, [script, "tiny.onnx"], { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(server.stdout!.setEncoding("utf8"), "data");
    address = line.trim();
  });
  afterAll(async () => {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  });

  const post = (path: string, body: Uint8Array<ArrayBuffer>, type = "image/jpeg") =>
    fetch(`${address}${path}`, { method: "POST", body, headers: { "content-type": type } });
  const photoBytes = async () => new Uint8Array(await readFile(photo));
  const textBytes = (text: string) => new Uint8Array(Buffer.from(text));

  it("answers with the explanation as JSON", async () => {
    const answer = await post("/explain?className=class1&per=detection", await photoBytes());
    expect(answer.status).toBe(200);
    const { detections, explained, maps } = (await answer.json()) as ResultDocument;
    expect(explained.length).toBeGreaterThan(0);
    expect(maps).toHaveLength(explained.length);
    expect(explained.every((index) => detections[index]!.className === "class1")).toBe(true);
  });

  it("answers with the overlay as an image of the same size", async () => {
    const answer = await post("/overlay", await photoBytes());
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
    const facts = await sharp(await answer.arrayBuffer()).metadata();
    expect(facts).toMatchObject({ format: "png", width: 768, height: 576 });
  });

  it("tells clients what is wrong with what they send", async () => {
    const broken = await post("/explain", textBytes("none"));
    expect([broken.status, await broken.json()]).toEqual([400, expect.objectContaining({ code: "bad-input" })]);
    const unknown = await post("/explain?className=unicorn", await photoBytes());
    const message = expect.stringContaining("unicorn");
    expect([unknown.status, await unknown.json()]).toEqual([400, { code: "usage", message }]);
    expect((await post("/explain?per=pixel", await photoBytes())).status).toBe(400);
    const json = await post("/explain", textBytes("{}"), "application/json");
    expect([json.status, await json.json()]).toEqual([400, expect.objectContaining({ code: "usage" })]);
  });
});
