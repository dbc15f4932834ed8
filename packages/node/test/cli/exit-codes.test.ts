import { WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { describe, expect, it } from "vitest";
import type { CliContext } from "../../src/cli/context.js";
import { exitCodeMeanings, exitCodeOf, exitCodes, worstExitCode } from "../../src/cli/exit-codes.js";
import { reportFailure } from "../../src/cli/failure.js";

describe("exit codes", () => {
  it.each<[WhyboxErrorCode, number]>([
    ["internal", 1],
    ["usage", 2],
    ["bad-input", 3],
    ["limit", 3],
    ["unsupported-model", 4],
    ["no-gradient", 4],
    ["output", 6],
    ["download", 7],
    ["runtime", 8],
    ["aborted", 130],
  ])("%s is %i", (code, exit) => {
    expect(exitCodeOf(new WhyboxError(code, "x"))).toBe(exit);
  });

  it.each([[new Error("x")], ["text"], [undefined], [{ code: "usage" }]])(
    "maps everything else to a bug: %j",
    (thrown) => {
      expect(exitCodeOf(thrown)).toBe(1);
    },
  );

  it("has a meaning and a place in the order for each code, once", () => {
    const listed = exitCodeMeanings.map(([code]) => code);
    expect(listed.toSorted((a, b) => a - b)).toEqual(Object.values(exitCodes).toSorted((a, b) => a - b));
  });

  it("returns the worst code", () => {
    expect(worstExitCode([])).toBe(0);
    expect(worstExitCode([0, 5])).toBe(5);
    expect(worstExitCode([5, 3, 0])).toBe(3);
    expect(worstExitCode([3, 4, 7])).toBe(7);
    expect(worstExitCode([7, 8, 6])).toBe(6);
    expect(worstExitCode([6, 1])).toBe(1);
    expect(worstExitCode([1, 130])).toBe(130);
  });
});

it.each([
  ["The option anchors is set, and the option names gives 3 names.", "--anchors is set, and --names gives 3 names."],
  ["imageSize is 100; expected a multiple of 32.", "--image-size is 100; expected a multiple of 32."],
])("calls the library's options by their flags: %s", (message, shown) => {
  const written: string[] = [];
  const stderr = { write: (text: string) => written.push(text) };
  reportFailure(new WhyboxError("usage", message), { stderr, env: {} } as unknown as CliContext);
  expect(written).toEqual([`error: ${shown}\n`]);
});
