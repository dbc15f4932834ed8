import { copyFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "vite";
import { outDir, packageFolder, photos, runtimeFiles, runtimeFolder } from "./places.js";

/** ONNX Runtime's own files and the sample photos go beside the page, under names that stay. */
export function copyFiles(): Plugin {
  const copyAll = (folder: string, from: string, names: readonly string[]) => {
    mkdirSync(join(outDir, folder), { recursive: true });
    for (const name of names) copyFileSync(join(from, name), join(outDir, folder, name));
  };
  return {
    name: "copy-files",
    apply: "build",
    writeBundle() {
      copyAll("ort", runtimeFolder, runtimeFiles);
      copyAll("photos", resolve(packageFolder, "../../fixtures/photos"), photos);
    },
  };
}
