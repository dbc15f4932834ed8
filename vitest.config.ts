import { configDefaults, defineConfig } from "vitest/config";

const all = "packages/*/test/**/*.test.ts";
const images = "packages/*/test/**/*.images.test.ts";
const isolated = "packages/*/test/**/*.isolated.test.ts";

export default defineConfig(({ mode }) => {
  // npm run test:update-images
  const updatesImages = mode === "update-images";
  const common = {
    setupFiles: "vitest.equality.ts",
    env: { WHYBOX_UPDATE_IMAGES: updatesImages ? "1" : "0" },
    tags: [{ name: "long", description: "Run by npm run test:long, left out by npm test." }],
    testTimeout: 60_000,
    hookTimeout: 300_000,
    pool: "forks" as const,
  };
  return {
    test: {
      // One for each core. Vitest leaves one core out by default.
      maxWorkers: "100%",
      globalSetup: "vitest.setup.ts",
      projects: [
        {
          // The files of a process share what node_modules loads, ONNX Runtime above all. Each file loads the repository's modules anew.
          test: {
            ...common,
            name: "shared",
            isolate: false,
            include: [updatesImages ? images : all],
            exclude: [...configDefaults.exclude, isolated],
          },
        },
        // A file that replaces modules by vi.mock has a process of its own.
        { test: { ...common, name: "isolated", include: updatesImages ? [] : [isolated] } },
      ],
    },
  };
});
