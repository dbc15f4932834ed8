// @module-tag long

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
const pagesWithCode = readdirSync(join(root, "docs/guides"))
  .map((name) => `guides/${name}`)
  .filter((page) => /^```/m.test(readFileSync(join(root, "docs", page), "utf8")));
let folder = "";

afterEach(() => rm(folder, { recursive: true, force: true }));

/** A user's folder with the built packages, and the photos, dataset and model that the guides name. */
async function userFolder(): Promise<void> {
  folder = await realpath(await mkdtemp(join(tmpdir(), "whybox-guide-")));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const photos = join(root, "fixtures/photos");
  await mkdir(join(folder, "photos"));
  for (const name of ["dog.jpg", "chelsea.png"]) await copyFile(join(photos, name), join(folder, "photos", name));
  for (const name of ["photo.jpg", "cat.jpg"]) await copyFile(join(photos, "dog.jpg"), join(folder, name));
  await copyFile(await yolov5sPath(), join(folder, "best.onnx"));
  const unpack = async (from: string, to: string) =>
    writeFile(join(folder, to), gunzipSync(await readFile(join(root, "fixtures", from))));
  await unpack("torch/yolo11-cls.pt.gz", "best-cls.pt");
  await unpack("classifiers/resnet.onnx.gz", "model.onnx");
  await writeFile(join(folder, "names.txt"), "cat\ndog\nfox\nowl\nbat\nelk\nrat\n");
  await mkdir(join(folder, "data/images/val"), { recursive: true });
  await mkdir(join(folder, "data/labels/val"), { recursive: true });
  await copyFile(join(photos, "dog.jpg"), join(folder, "data/images/val/dog.jpg"));
  // A dog, and a person that is not there: a miss.
  await writeFile(join(folder, "data/labels/val/dog.txt"), "1 0.29 0.66 0.23 0.56\n0 0.68 0.77 0.31 0.33\n");
  await writeFile(join(folder, "data.yaml"), "path: data\nval: images/val\nnames: [person, dog]\n");
  const npx = join(folder, "bin/npx");
  await mkdir(join(folder, "bin"));
  await writeFile(npx, `#!/bin/sh\nshift\nexec node "${join(root, "packages/node/bin/whybox.js")}" "$@"\n`);
  await chmod(npx, 0o755);
}

/** Runs a script in the user's folder. `npx whybox` is the built command. */
async function run(command: string, args: readonly string[]): Promise<string> {
  const PATH = [join(folder, "bin"), process.env.PATH].join(delimiter);
  const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: folder, env: { ...process.env, PATH } });
  return stdout + stderr;
}

it.skipIf(process.platform === "win32").each(["start.md", "library.md", ...pagesWithCode])(
  "%s has commands and programs that run, in their order",
  { timeout: 300_000 },
  async (page) => {
    await userFolder();
    const text = readFileSync(join(root, "docs", page), "utf8");
    // A block that a test cannot run says so: "sh no-run".
    const blocks = [...text.matchAll(/^```(sh|js)\n(.*?)^```/gms)];
    expect(blocks.length).toBeGreaterThan(0);
    for (const [, language, code] of blocks) {
      const output = await (language === "sh"
        ? run("bash", ["-ec", code!])
        : run(process.execPath, ["--input-type=module", "-e", code!]));
      expect(output, code).not.toBe("");
    }
  },
);
