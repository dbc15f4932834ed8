import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { preprocessorBeside } from "../../src/models/preprocessor-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "whybox-preprocessor-"));
  await mkdir(join(folder, "onnx"));
  await mkdir(join(folder, "other"));
});
afterAll(() => rm(folder, { recursive: true }));

it("finds the file beside a model, and above a folder named onnx", async () => {
  expect(await preprocessorBeside(join(folder, "model.onnx"))).toBeUndefined();
  await writeFile(join(folder, "preprocessor_config.json"), '{ "do_resize": false }');
  expect(await preprocessorBeside(join(folder, "model.onnx"))).toEqual({ do_resize: false });
  expect(await preprocessorBeside(join(folder, "onnx", "model.onnx"))).toEqual({ do_resize: false });
  expect(await preprocessorBeside(join(folder, "other", "model.onnx"))).toBeUndefined();
});

it("refuses a file that is no JSON, or too large", async () => {
  const path = join(folder, "other", "preprocessor_config.json");
  await writeFile(path, "{");
  await expect(preprocessorBeside(join(folder, "other", "m.onnx"))).rejects.toThrow(/cannot be read: .*JSON/);
  await writeFile(path, " ".repeat(300_000));
  await expect(preprocessorBeside(join(folder, "other", "m.onnx"))).rejects.toThrow(
    /300000 bytes, and the maximum is 262144/,
  );
});
