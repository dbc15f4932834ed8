import { copyFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "vite";
import { outDir, packageFolder, photos, runtimeFiles, runtimeFolder } from "./places.js";

/** Copies ONNX Runtime's files, the sample photos and the licence of the letters next to the page, under fixed names. */
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
      copyAll("assets", resolve(packageFolder, "../core"), ["DEJAVU-LICENSE.txt"]);
    },
  };
}
