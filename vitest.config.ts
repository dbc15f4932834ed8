import { defineConfig } from "vitest/config";

/** What each command runs: `npm test`, `npm run test:long`, `npm run test:update-images`. */
const files: Record<string, { include: string; exclude: string[] }> = {
  test: { include: "*.test.ts", exclude: ["**/*.long.test.ts"] },
  long: { include: "*.long.test.ts", exclude: [] },
  "update-images": { include: "*.images.test.ts", exclude: [] },
};

export default defineConfig(({ mode }) => {
  const chosen = files[mode];
  if (chosen === undefined)
    throw new Error(`There is no mode "${mode}". The modes are ${Object.keys(files).join(", ")}.`);
  return {
    test: {
      include: [`packages/*/test/**/${chosen.include}`],
      exclude: ["**/node_modules/**", ...chosen.exclude],
      env: { WHYBOX_UPDATE_IMAGES: mode === "update-images" ? "1" : "0" },
      testTimeout: 60_000,
      hookTimeout: 300_000,
      pool: "forks",
      globalSetup: "vitest.setup.ts",
    },
  };
});
