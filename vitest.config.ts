import { defineConfig } from "vitest/config";

export default defineConfig(({ mode }) => {
  // npm run test:update-images
  const updatesImages = mode === "update-images";
  return {
    test: {
      include: [`packages/*/test/**/*${updatesImages ? ".images" : ""}.test.ts`],
      env: { WHYBOX_UPDATE_IMAGES: updatesImages ? "1" : "0" },
      tags: [{ name: "long", description: "Run by npm run test:long, left out by npm test." }],
      testTimeout: 60_000,
      hookTimeout: 300_000,
      pool: "forks",
      // One for each core. Vitest leaves one core out by default.
      maxWorkers: "100%",
      globalSetup: "vitest.setup.ts",
    },
  };
});
