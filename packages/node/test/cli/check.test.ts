import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeImage, tameModel } from "../../../core/test/support/mini-detector.js";
import { checkSchema } from "../../src/check/check-schema.js";
import { loadServices } from "../../src/images/load-services.js";
import { encodeModel, encodePng } from "../../src/index.js";
import { createWorld, temporaryFolder } from "./fake-world.js";

let cwd: string;
beforeAll(async () => {
  cwd = await temporaryFolder();
  await mkdir(join(cwd, "photos"));
  await writeFile(join(cwd, "mini.onnx"), encodeModel(tameModel(1)));
  await writeFile(join(cwd, "photos", "bad.png"), "no image");
  for (const seed of [3, 4, 5, 6, 7]) {
    await writeFile(join(cwd, "photos", `${seed}.png`), await encodePng(makeImage(seed)));
  }
});

const common = () => ["check", join(cwd, "mini.onnx"), "--images", "photos", "--methods", "GradCAM", "EigenCAM"];

async function world(signal?: AbortSignal) {
  const { resolveMethod } = await import("@whybox/core");
  // The worker of a detector is a built file.
  const { loadDetector } = await import("../../dist/index.js");
  const services = { ...(await loadServices()), loadDetector };
  const made = createWorld({ cwd, services, ...(signal && { signal }) });
  const methods = ["GradCAM", "EigenCAM", "RandomCAM"].map((id) => resolveMethod(id));
  return { ...made, context: { ...made.context, methods } };
}

describe("whybox check", () => {
  it("prints one document with --json, in which the control fails", async () => {
    const run = await world();
    expect(await run.run(...common(), "--confidence", "0.01", "--limit", "6", "--json")).toBe(0);
    const document = checkSchema.parse(JSON.parse(run.stdout()));
    expect(document).toMatchObject({ kind: "check", tool: { version: "9.9.9" }, control: "fail" });
    expect(document.model.source).toBe(join(cwd, "mini.onnx"));
    expect(document.images).toMatchObject({ found: 6, empty: [] });
    expect(document.images.checked).toHaveLength(5);
    for (const { sha256 } of document.images.checked) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(document.images.failures).toMatchObject([{ source: join("photos", "bad.png") }]);
    expect(document.detections).toHaveLength(6);
    const [gradCam, eigenCam, control] = document.methods;
    expect(gradCam).toMatchObject({ method: "GradCAM", title: "Grad-CAM", isControl: false });
    expect(gradCam!.checks.weights.verdict).toBe("pass");
    expect(gradCam!.checks.repeat).toMatchObject({ verdict: "pass", same: 6 });
    expect(eigenCam!.checks["class-swap"].verdict).not.toBe("pass");
    expect(control).toMatchObject({ method: "gaussian", isControl: true, verdict: "fail" });
    expect(control!.checks.weights).toMatchObject({ verdict: "fail", correlation: { mean: 1, low: 1, high: 1 } });
    expect(control!.checks["class-swap"]).toMatchObject({ verdict: "fail", changed: { mean: 0, high: 0 } });
    expect(run.stderr()).toMatch(/^note: the check makes \d+ heatmaps\.\n$/);
  });

  it("prints tables and what they mean, and ends with 9 with --strict", async () => {
    const run = await world();
    expect(await run.run(...common(), "RandomCAM", "--confidence", "0.01", "--limit", "5", "--strict")).toBe(9);
    const lines = run.stdout().split("\n");
    expect(lines[0]).toBe("5 detections of 5 images. Figures are mean rank correlations with the original heatmap.");
    expect(lines[1]).toMatch(
      /^ {2}method +random weights +class swap +box swap +noise +another seed +repeat +verdict$/,
    );
    expect(run.stdout()).toMatch(/\n {2}GradCAM +pass -?\d\.\d\d .* pass 5\/5 /);
    expect(run.stdout()).toMatch(/\n {2}gaussian \(control\) +FAIL 1\.00 +FAIL 1\.00 .* FAIL\n/);
    expect(run.stdout()).toMatch(/\n {2}RandomCAM .* FAIL 1\.00 .* FAIL\n/);
    expect(run.stdout()).toMatch(/\n {2}random weights +head +1\/3 +2\/3 +all +all, in the box\n/);
    expect(run.stdout()).toMatch(/\nThe control, a Gaussian at the box, fails as it must/);
    expect(run.stdout()).toMatch(/\nphotos.bad\.png: /);
  });

  it("says that few images decide nothing, before it starts, and does not pass with --strict", async () => {
    const run = await world();
    const few = ["check", join(cwd, "mini.onnx"), "--images", "photos/[34].png", "--methods", "GradCAM"];
    expect(await run.run(...few, "--confidence", "0.01", "--limit", "2", "--strict")).toBe(9);
    expect(run.stderr()).toMatch(/note: 2 images decide only the check "repeat"; the others need at least 5\.\n/);
    expect(run.stdout()).toMatch(/\n {2}GradCAM +\? .* undecided \(n = 2; at least 5 images needed\)\n/);
    expect(run.stdout()).toMatch(/\n {2}\? undecided\n/);
    expect(run.stdout()).not.toMatch(/did not fail/);
  });

  it("asks for images, and stops at Ctrl-C", async () => {
    const run = await world();
    expect(await run.run("check", "mini.onnx")).toBe(2);
    expect(run.stderr()).toMatch(/--images is missing/);
    const none = await world();
    expect(await none.run(...common(), "--confidence", "1")).toBe(3);
    expect(none.stderr()).toMatch(/None of 6 images has a detection/);
    const aborted = await world(AbortSignal.abort());
    expect(await aborted.run(...common())).toBe(130);
  });
});
