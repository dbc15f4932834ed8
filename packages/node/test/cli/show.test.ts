import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { main } from "../../src/cli/main.js";
import { createWorld, emptyResult, putImages, resultPerDetection, temporaryFolder, type World } from "./fake-world.js";

let cwd: string;
beforeEach(async () => {
  cwd = await temporaryFolder();
  await putImages(cwd, "a.jpg", "b.jpg");
});

const opened = ({ calls }: World) => calls.filter((call) => call.startsWith("open "));
const folder = join("runs", "explain", "exp");

it("opens the result of one image, and the folder of several", async () => {
  const one = createWorld({ cwd, tty: true, result: () => resultPerDetection });
  expect(await one.run("explain", "a.jpg", "--show")).toBe(0);
  expect(opened(one)).toEqual([`open ${join(folder, "a.sheet.png")}`]);
  const several = createWorld({ cwd, tty: true });
  await several.run("explain", "a.jpg", "b.jpg", "--show");
  expect(opened(several)).toEqual([`open ${folder}2`]);
});

it("says what it would open where nobody looks: without a terminal, in CI, and on Linux without a display", async () => {
  const text = `--show would open ${join(folder, "a.png")}, but there is no terminal with a display.\n`;
  const pipe = createWorld({ cwd });
  await pipe.run("explain", "a.jpg", "--show");
  expect([pipe.stderr(), opened(pipe)]).toEqual([text, []]);
  for (const [env, platform] of [
    [{ CI: "true" }, "darwin"],
    [{}, "linux"],
  ] as const) {
    const world = createWorld({ cwd, tty: true, env });
    await main(["explain", "a.jpg", "--show"], { ...world.context, platform });
    expect(world.stderr()).toContain("--show would open");
    expect(opened(world)).toEqual([]);
  }
  const desktop = createWorld({ cwd, tty: true, env: { DISPLAY: ":0" } });
  await main(["explain", "a.jpg", "--show"], { ...desktop.context, platform: "linux" });
  expect(opened(desktop)).toHaveLength(1);
});

it("tells a person what to do next, and a script nothing", async () => {
  const person = createWorld({ cwd, tty: true });
  await person.run("explain", "a.jpg");
  expect(person.stderr()).toMatch(
    /^Next: whybox ui, or whybox explain a\.jpg --box LEFT TOP RIGHT BOTTOM --class NAME$/m,
  );
  const nothing = createWorld({ cwd, tty: true, result: () => emptyResult });
  await nothing.run("explain", "a.jpg");
  expect(nothing.stderr()).toContain("whybox explain a.jpg --conf 0.1");
  const pipe = createWorld({ cwd });
  await pipe.run("explain", "a.jpg");
  expect(pipe.stderr()).toBe("");
});
