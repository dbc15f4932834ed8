import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { minifySync, type Plugin } from "vite";
import { packageFolder, photos, runtimeFiles, runtimeFolder } from "./places.js";

/** Emits the service worker with the list of files that the page needs offline. The version is a hash of their contents. */
export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    async generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
      const copied = [...runtimeFiles.map((name) => `ort/${name}`), ...photos.map((name) => `photos/${name}`)];
      const files = [
        "./",
        ...built.filter((name) => name !== "index.html"),
        ...copied,
        "icon.svg",
        "manifest.webmanifest",
      ];
      const hash = createHash("sha256");
      for (const part of Object.values(bundle)) hash.update(part.type === "chunk" ? part.code : part.source);
      for (const name of runtimeFiles) hash.update(readFileSync(join(runtimeFolder, name)).subarray(0, 65_536));
      const version = hash.digest("hex").slice(0, 16);
      const source = readFileSync(join(packageFolder, "src/service-worker.js"), "utf8")
        .replace('"__VERSION__"', JSON.stringify(version))
        .replace("__FILES__", JSON.stringify(files));
      this.emitFile({
        type: "asset",
        fileName: "service-worker.js",
        source: minifySync("service-worker.js", source).code,
      });
    },
  };
}
