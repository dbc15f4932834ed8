import { spawn, spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { putImages, runWorld } from "../runs/world.js";
import { bin, launch, whybox } from "../support/launch.js";

const examples = resolve(import.meta.dirname, "../../../../examples/python");
const python = ["python3", "python"].find(
  (name) => spawnSync(name, ["-c", "import sys; assert sys.version_info >= (3, 9)"]).status === 0,
);
if (python === undefined) console.warn("\n!! The Python examples are SKIPPED: no Python of 3.9 or newer here.\n");

describe.skipIf(python === undefined)("the scripts of docs/python.md", () => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await runWorld();
    await putImages(cwd, ["p/a.png", "p/b.png"]);
  });

  const env = { WHYBOX: `'${process.execPath}' '${bin}'`, PYTHONDONTWRITEBYTECODE: "1" };
  const run = (script: string, ...words: string[]) => launch([python!, join(examples, script), ...words], { cwd, env });
  const mini = ["--imgsz", "64", "--max-det", "3", "--conf", "0.01"];

  it("explain an image with the command, and read its document", async () => {
    const { code, stdout, stderr } = await run("explain_json.py", "p/a.png", "mini.onnx", ...mini);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(\S+ 0\.\d\d: \d+% of the heat in the box\n)+$/);
    expect((await run("explain_json.py", "p/none.png", "mini.onnx")).code).not.toBe(0);
  });

  it("read an array with and without NumPy", async () => {
    const words = ["explain", "p/a.png", "--weights", "mini.onnx", "--save", "npy", "--out", "out", ...mini];
    expect((await whybox(words, { cwd })).code).toBe(0);
    const names = (await readdir(join(cwd, "out"))).filter((name) => name.endsWith(".npy"));
    const path = `out/${names[0]}`;
    const { stdout } = await run("read_npy.py", path);
    expect(stdout).toMatch(/^out\/a\S*\.npy: 64 x 64, hottest at \d+, \d+\n$/);
    const plain = "import sys; sys.modules['numpy'] = None; import read_npy; read_npy.main(sys.argv[1])";
    const same = await launch([python!, "-c", plain, path], { cwd, env: { ...env, PYTHONPATH: examples } });
    expect(same.stdout).toBe(stdout);
  });

  it("call the server", async () => {
    const words = [bin, "serve", "mini.onnx", "--port", "0", "--workers", "1"];
    const server = spawn(process.execPath, words, { cwd, stdio: ["ignore", "pipe", "ignore"] });
    try {
      const address = await new Promise<string>((found) => {
        server.stdout.once("data", (chunk: Buffer) => found(chunk.toString().trim()));
      });
      const { code, stdout, stderr } = await run("call_server.py", address, "p/a.png", "heat.png");
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/saved heat\.png\n$/);
      expect(await sharp(join(cwd, "heat.png")).metadata()).toMatchObject({ width: 64, height: 64 });
      const failed = await run("call_server.py", address, "mini.onnx", "x.png");
      expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/^4\d\d: /)]);
    } finally {
      server.kill("SIGTERM");
    }
  });

  it("open the export for FiftyOne, with heatmaps and tags", async () => {
    const options = ["--weights", "mini.onnx", "--workers", "1", ...mini];
    expect((await whybox(["run", "p", "--out", "night", ...options], { cwd })).code).toBe(0);
    const line = JSON.parse((await readFile(join(cwd, "night/results.jsonl"), "utf8")).split("\n")[0]!);
    const [first] = line.detections;
    const tag = { source: line.source, frame: null, detection: 0, name: first.name, box: first.box };
    const tags = { format: "whybox-tags", version: 1, run: { title: "night", root: cwd, model: "" } };
    await writeFile(
      join(cwd, "night/tags.json"),
      JSON.stringify({ ...tags, tags: [{ ...tag, tags: ["shortcut"], note: "" }] }),
    );
    expect((await whybox(["export", "night", "--to", "fiftyone"], { cwd })).code).toBe(0);
    const hidden =
      "import sys; sys.modules['fiftyone'] = None; import fiftyone_samples; fiftyone_samples.main(sys.argv[1])";
    const words = [python!, "-c", hidden, "night/export/fiftyone"];
    const { stdout, stderr } = await launch(words, { cwd, env: { ...env, PYTHONPATH: examples } });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^a\.png: [1-3] detections, with a heatmap \[shortcut\]\nb\.png: \d detections, with/);
  });

  it("explain validation images after an epoch, and never end the training", async () => {
    await mkdir(join(cwd, "train"));
    await copyFile(join(cwd, "mini.onnx"), join(cwd, "last.onnx"));
    const training = `
from types import SimpleNamespace as Facts
from ultralytics_callback import explain_after
files = ["p/a.png", "p/b.png", "p/a.png"]
trainer = Facts(epoch=0, save_dir="train", last="last.pt", test_loader=Facts(dataset=Facts(im_files=files)))
options = ${JSON.stringify([...mini, "--workers", "1"])}
callback = explain_after(every=2, images=2, options=options, export=lambda checkpoint: checkpoint.replace(".pt", ".onnx"))
callback(trainer)
trainer.epoch = 1
callback(trainer)
trainer.last = "none.pt"
trainer.epoch = 3
callback(trainer)
`;
    const { code, stdout } = await launch([python!, "-c", training], { cwd, env: { ...env, PYTHONPATH: examples } });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^whybox: epoch 4 is not explained: /)]);
    expect(await readFile(join(cwd, "train/whybox/epoch2/report.html"), "utf8")).toContain("<!doctype html>");
    const mark = JSON.parse(await readFile(join(cwd, "train/whybox/epoch2/_SUCCESS"), "utf8"));
    expect(mark.end).toBe(2);
  });
});

it("docs/python.md and the list of examples name each script", async () => {
  const docs = await readFile(resolve(examples, "../../docs/python.md"), "utf8");
  const list = await readFile(resolve(examples, "../README.md"), "utf8");
  for (const name of ["explain_json", "read_npy", "call_server", "fiftyone_samples", "ultralytics_callback"]) {
    expect(docs).toContain(`(../examples/python/${name}.py)`);
    expect(list).toContain(`${name}.py`);
  }
});
