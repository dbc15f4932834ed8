import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { decodeModel, encodeModel } from "@whybox/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { installPacked } from "../support/packed.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

const root = resolve(import.meta.dirname, "../../../..");
let folder: string;

/** A folder with the packed packages, the programs of the documentation and what they read. */
beforeAll(async () => {
  await yolov5sPath();
  folder = await realpath(await mkdtemp(join(tmpdir(), "whybox-packed-")));
  await installPacked(folder);
  for (const name of ["adding-an-op", "adding-a-method"]) {
    const page = await readFile(join(root, `docs/${name}.md`), "utf8");
    await writeFile(join(folder, `${name}.ts`), /```ts\n(.*?)```/s.exec(page)![1]!);
  }
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2023",
        module: "NodeNext",
        strict: true,
        noUncheckedIndexedAccess: true,
        exactOptionalPropertyTypes: true,
        typeRoots: [join(root, "node_modules/@types")],
        types: ["node"],
      },
    }),
  );
  for (const name of ["dog.jpg", "photo.jpg"])
    await copyFile(join(root, "fixtures/photos/dog.jpg"), join(folder, name));
  await writeFile(join(folder, "model.onnx"), await modelWithAsinh());
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A small detector whose first activation in the head for classes is an Asinh. */
async function modelWithAsinh(): Promise<Uint8Array> {
  const model = decodeModel(gunzipSync(await readFile(join(root, "fixtures/exports/v8-dynamic.onnx.gz"))));
  const replaced = "/model.22/cv3.0/cv3.0.0/act/Sigmoid";
  const nodes = model.graph.nodes.map((node) => (node.name === replaced ? { ...node, opType: "Asinh" } : node));
  return encodeModel({ ...model, graph: { ...model.graph, nodes } });
}

const run = async (...args: string[]) => (await promisify(execFile)(process.execPath, args, { cwd: folder })).stdout;

it("the documentation's programs compile against the packed packages and run", {
  tags: ["long"],
  timeout: 240_000,
}, async () => {
  await run(join(root, "node_modules/typescript/bin/tsc"), "-p", ".").catch(({ stdout }) => expect(stdout).toBe(""));
  expect(await run("adding-a-method.js")).toMatch(/^dog \d.*\n768 576\n$/s);
  expect(await run("adding-an-op.js")).toMatch(/^[1-9]\d* 768 576\n$/);
});
