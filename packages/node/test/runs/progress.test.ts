import { describe, expect, it } from "vitest";
import type { CliContext } from "../../src/cli/context.js";
import { createRate, createRunProgress, progressText } from "../../src/cli/run-progress.js";

describe("the progress of a run", () => {
  it("tells rate, time left, frames and failures", () => {
    const state = { done: 120, total: 20_000, failures: 3, frames: 0 };
    expect(progressText(state, undefined)).toBe("120 of 20000, 3 failed");
    expect(progressText(state, 7.914)).toBe("120 of 20000, 7.91/s, 42 min left, 3 failed");
    expect(progressText({ ...state, failures: 0 }, 1.5)).toBe("120 of 20000, 1.50/s, 3 h 41 min left");
    expect(progressText({ done: 0, total: 2, failures: 0, frames: 17 }, 11.4)).toBe("0 of 2, 11/s, 1 s left, frame 17");
  });

  it("has the rate of the last half minute", () => {
    let now = 0;
    const rate = createRate(() => now);
    expect(rate(100)).toBeUndefined();
    now = 10_000;
    expect(rate(200)).toBe(10);
    for (let i = 1; i <= 40; i++) {
      now += 1000;
      rate(200 + 2 * i);
    }
    expect(rate(280)).toBeCloseTo(2, 1);
  });

  it("is a line a minute where there is no terminal, and nothing with --quiet", () => {
    let now = 0;
    const told: string[] = [];
    const context = {
      stderr: { write: (text: string) => told.push(text) },
      barStream: undefined,
    } as unknown as CliContext;
    const [loud, quiet] = [false, true].map((quiet) => createRunProgress(context, { quiet, now: () => now }));
    for (let done = 0; done <= 1300; done++, now += 100) {
      for (const progress of [loud!, quiet!]) progress.show({ done, total: 5000, failures: 0, frames: 0 });
    }
    expect(told).toEqual(["600 of 5000, 10/s, 7 min left\n", "1200 of 5000, 10/s, 6 min left\n"]);
  });
});
