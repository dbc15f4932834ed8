import type { TestOptions } from "vitest";

/** For a test over many cases: `npm test` runs it for the typical ones, `npm run test:long` for the others. */
export function longUnless(isTypical: boolean): TestOptions {
  return isTypical ? {} : { tags: ["long"] };
}
