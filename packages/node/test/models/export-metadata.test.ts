import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { metadataBeside } from "../../src/models/export-metadata.js";
import { temporaryFolder } from "../cli/fake-world.js";

const onnx = Uint8Array.of(8, 8);
const checkpoint = Uint8Array.of(0x50, 0x4b, 3, 4);

async function folderWith(text: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "metadata.yaml"), text);
  return folder;
}

it("reads the entries of an export beside an ONNX file, and of no other file", async () => {
  const folder = await folderWith(
    'author: Ultralytics\nstride: 32\ntask: pose\nimgsz: [64, 96]\nargs: {a: 1}\nnames: {0: 猫, 1: "it\'s", 2: 1}\nkpt_names: {0: [a, b]}\nend2end: true\n',
  );
  expect(await metadataBeside(join(folder, "m.onnx"), onnx)).toEqual({
    author: "Ultralytics",
    stride: "32",
    task: "pose",
    imgsz: "[64, 96]",
    names: '["猫","it\'s","1"]',
    kpt_names: '{"0":["a","b"]}',
    end2end: "true",
  });
  expect(await metadataBeside(join(folder, "m.pt"), checkpoint)).toBeUndefined();
});

it("passes over a folder without the file, and the metadata.yaml of another program", async () => {
  expect(await metadataBeside(join(await temporaryFolder(), "m.onnx"), onnx)).toBeUndefined();
  for (const text of ["title: Data\n", "", "- a\n"]) {
    expect(await metadataBeside(join(await folderWith(text), "m.onnx"), onnx)).toBeUndefined();
  }
});

it("names a file that is not valid or too large", async () => {
  const refused = async (text: string) => metadataBeside(join(await folderWith(text), "m.onnx"), onnx);
  await expect(refused("names: [a, b\n")).rejects.toThrow(/metadata\.yaml: .* at line/);
  await expect(refused("names: {0: a, 2: b}\n")).rejects.toThrow(/metadata\.yaml: the indices of "names" are 0, 2/);
  await expect(refused(" ".repeat(4 * 2 ** 20 + 1))).rejects.toThrow(/metadata\.yaml: it has 4194305 bytes/);
});
