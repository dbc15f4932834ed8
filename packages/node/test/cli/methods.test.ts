import { defaultMethodId, defaultMethods, methodCost, resolveMethod } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { main } from "../../src/cli/main.js";
import type { MethodFacts } from "../../src/cli/method-facts.js";
import { createWorld } from "./fake-world.js";

async function methods(...argv: string[]): Promise<string> {
  const world = createWorld();
  expect(await main(["methods", ...argv], { ...world.context, methods: defaultMethods })).toBe(0);
  expect([world.calls, world.stderr()]).toEqual([[], ""]);
  return world.stdout();
}

describe("whybox methods", () => {
  it("fits 100 columns, says which ones to start with, and has a line for each method", async () => {
    const [title, ...lines] = (await methods()).trimEnd().split("\n");
    expect(title).toBe("Which one?");
    const asked = lines.slice(0, 3).map((line) => line.trim().split(/ {2,}/));
    expect(asked.map(([what]) => what)).toEqual(["default", "fastest", "most faithful"]);
    for (const [, id] of asked) expect(defaultMethods.map((method) => method.id)).toContain(id);
    expect(asked[0]![1]).toBe(defaultMethodId({ per: "detection" }));
    expect(methodCost(resolveMethod(asked[1]![1]!)).cost).toBe("fast");
    expect(lines.slice(3, 5)).toEqual(["", expect.stringMatching(/^id +title +time +explains$/)]);
    expect(lines.slice(5).map((line) => line.split(" ")[0])).toEqual(defaultMethods.map((method) => method.id));
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.find((line) => line.startsWith("EigenCAM "))).toMatch(/ fast +a layer$/);
    expect(lines.find((line) => line.startsWith("D-RISE "))).toMatch(/ slow +a detection$/);
  });

  it("has with --verbose what each method needs, and what it runs", async () => {
    const [header, ...lines] = (await methods("--verbose")).trimEnd().split("\n").slice(5);
    expect(header).toMatch(/^id +title +needs +runs besides the forward pass +paper$/);
    expect(lines.map((line) => line.split(" ")[0])).toEqual(defaultMethods.map((method) => method.id));
    const line = (id: string) => lines.find((one) => one.startsWith(`${id} `));
    expect(line("GradCAM")).toMatch(
      /Grad-CAM +activations, gradientMeans +1 backward pass +Selvaraju et al\., ICCV 2017$/,
    );
    expect(line("D-RISE")).toMatch(/ masked +many forward passes /);
    expect(line("EigenCAM")).toMatch(/ none /);
    expect(line("gradient")).toMatch(/ 1 backward pass to the image /);
    expect(line("FullGrad")).toMatch(/ 1 backward pass to the image /);
    expect(line("AblationCAM")).toMatch(/ 1 score for each channel of the layer /);
    expect(line("ShapleyCAM")).toMatch(/ 1 backward pass, 2 to 4 passes after the layer /);
    expect(line("SmoothGrad")).toMatch(/ many forward and backward passes /);
  });

  it("prints the same as JSON", async () => {
    const { methods: list, ...rest } = JSON.parse(await methods("--json"));
    expect(rest).toEqual({ schemaVersion: 1, tool: { name: "whybox", version: "9.9.9" } });
    expect(list).toHaveLength(defaultMethods.length);
    expect(list.find((one: { id: string }) => one.id === "tap-fusion")).toMatchObject({
      title: "Tap fusion",
      needs: ["positiveGradientProducts"],
      reads: "layers",
      eigenSmooth: false,
      samples: null,
      usesSeed: false,
      hasCompat: false,
      ablates: false,
      backprop: ["row"],
    });
    const ids = (reads: (one: MethodFacts) => unknown) => list.filter(reads).map(({ id }: MethodFacts) => id);
    expect(ids((one) => one.samples === "masks")).toEqual(["D-RISE"]);
    expect(ids((one) => one.usesSeed)).toEqual(["RandomCAM", "D-RISE", "SmoothGrad", "search"]);
    expect(ids((one) => one.hasCompat)).toContain("XGradCAM");
  });
});
