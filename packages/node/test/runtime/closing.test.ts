import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { encodeModel } from "@whybox/core";
import { beforeAll, describe, expect, it } from "vitest";
import { tameModel } from "../../../core/test/support/mini-detector.js";
import { createGate, gatedPort, shutGate, waitOutside } from "../../src/runtime/gate.js";
import { type Finished, launch } from "../support/launch.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

// A thread that is ended inside of ONNX Runtime takes the process with it, so each case has a process of its own.

const root = resolve(import.meta.dirname, "../../../..");
const photo = resolve(root, "fixtures/photos/dog.jpg");
let cwd: string;
let yolov5s: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "whybox-closing-"));
  await writeFile(join(cwd, "mini.onnx"), encodeModel(tameModel()));
  yolov5s = await yolov5sPath();
});

/** Runs a module in a process of its own; `given` is what it knows. */
function script(body: string, given: Readonly<Record<string, unknown>>): Promise<Finished> {
  const dist = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
  const head = `import { setTimeout } from "node:timers/promises";
    import { createPool } from ${dist("runs/pool.js")};
    import { createWorkerPort, loadDetector } from ${dist("index.js")};
    const { ${Object.keys(given).join(", ")} } = ${JSON.stringify(given)};
    const fill = { layer: "auto", classNames: [], backwardPerClass: false, topk: 10, scale: "each", seed: 0 };
    // The runtime is at work nearly all the time: thousands of images go through the network.
    const explain = { ...fill, method: "D-RISE", samples: 5000, per: "detection", maxDetections: 3, confidence: 0.25, iou: 0.45 };
    const settings = { device: "cpu", save: [], frame: "image", explain };
    const start = (model) => createPool({ model, weights: model, threads: 1, settings, allowPrivate: false }, 2);
    const task = (item) => ({ kind: "image", item, source: "p", location: photo, folder: "." });`;
  return launch([process.execPath, "--input-type=module", "-e", `${head}\n${body}`], { cwd });
}

describe("a run's threads", () => {
  it("may be ended in the middle of their work, and what waits is dropped", {
    tags: ["long"],
    timeout: 240_000,
  }, async () => {
    const body = `for (const wait of [300, 900]) {
        const pool = start(yolov5s);
        await pool.report();
        const asked = [0, 1, 2, 3, 4, 5].map((item) => pool.explain(task(item)));
        await setTimeout(wait);
        await pool.close();
        const outcomes = await Promise.allSettled(asked);
        console.log(outcomes.map(({ value }) => value?.[0].code).join());
      }`;
    const { code, stdout, stderr } = await script(body, { yolov5s, photo });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(`${Array(6).fill("aborted").join()}\n`.repeat(2));
  });

  it("may be ended while they load, even before their first line", { tags: ["long"], timeout: 240_000 }, async () => {
    const body = `for (let wait = 0; wait <= 240; wait += 80) {
        const pool = start("mini.onnx");
        if (wait > 0) await setTimeout(wait);
        await pool.close();
      }
      console.log("closed");`;
    expect(await script(body, { photo })).toEqual({ code: 0, stdout: "closed\n", stderr: "" });
  });

  it("may be ended while one loads and the other could not", { tags: ["long"], timeout: 240_000 }, async () => {
    const body = `for (let i = 0; i < 2; i++) {
        const pool = start("gone.onnx");
        const told = await pool.report().catch(({ message }) => message);
        await pool.close();
        console.log(/ENOENT/.test(told));
      }`;
    expect(await script(body, { photo })).toEqual({ code: 0, stdout: "true\n".repeat(2), stderr: "" });
  });

  it("do not stand in the way of a process that ends", { timeout: 120_000 }, async () => {
    const body = `const pool = start(yolov5s);
      await pool.report();
      for (const item of [0, 1]) pool.explain(task(item));
      await setTimeout(1_000);
      process.exit(3);`;
    expect(await script(body, { yolov5s, photo })).toEqual({ code: 3, stdout: "", stderr: "" });
  });
});

describe("a detector", () => {
  const load = `const detector = await loadDetector(yolov5s, { threads: 1 });
    const asked = detector.explain(photo, { method: "D-RISE", samples: 5000 }).then(() => "done", ({ code }) => code);
    await setTimeout(700);`;

  it("may be disposed of while it explains", { tags: ["long"], timeout: 120_000 }, async () => {
    const body = `${load} await Promise.all([detector.dispose(), detector.dispose()]); console.log(await asked);`;
    expect(await script(body, { yolov5s, photo })).toEqual({ code: 0, stdout: "runtime\n", stderr: "" });
  });

  it("does not stand in the way of a process that ends", { timeout: 120_000 }, async () => {
    const body = `${load} process.exit(3);`;
    expect(await script(body, { yolov5s, photo })).toEqual({ code: 3, stdout: "", stderr: "" });
  });

  it("listens for the end of the process once, however many there are", { timeout: 120_000 }, async () => {
    const body = `const before = process.listenerCount("exit");
      const ports = Array.from({ length: 12 }, () => createWorkerPort());
      console.log(process.listenerCount("exit") - before);
      await Promise.all(ports.map((port) => port.close()));
      console.log(process.listenerCount("exit") - before);`;
    expect(await script(body, { photo })).toEqual({ code: 0, stdout: "1\n0\n", stderr: "" });
  });

  it("may be given up while its thread loads", { tags: ["long"], timeout: 120_000 }, async () => {
    const body = `for (let wait = 0; wait < 200; wait += 40) {
        const port = createWorkerPort();
        await setTimeout(wait);
        await port.close();
      }
      console.log("closed");`;
    expect(await script(body, { photo })).toEqual({ code: 0, stdout: "closed\n", stderr: "" });
  });
});

describe("the gate", () => {
  const session = { inputNames: [], outputNames: [], release: async () => undefined };
  const port = (run: () => Promise<Record<string, never>>) => ({
    description: "fake",
    upload: () => Promise.reject(new Error("not used")),
    createSession: async () => ({ ...session, run }),
  });

  it("lets what is inside end, and nothing begin, once it is shut", async () => {
    const gate = createGate();
    let finish: (() => void) | undefined;
    const running = new Promise<Record<string, never>>((resolve) => {
      finish = () => resolve({});
    });
    const gated = gatedPort(
      port(() => running),
      gate,
    );
    const open = await gated.createSession(new Uint8Array(), {});
    const inside = open.run({}, []);
    shutGate(gate);
    waitOutside(gate, 20); // gives up: it is inside still
    finish?.();
    await expect(inside).resolves.toEqual({});
    await expect(open.run({}, [])).rejects.toMatchObject({ code: "aborted" });
    await expect(gated.createSession(new Uint8Array(), {})).rejects.toMatchObject({ code: "aborted" });
    waitOutside(gate, 1e9);
  });

  it("is left by what fails inside", async () => {
    const gate = createGate();
    const gated = gatedPort(
      port(() => Promise.reject(new Error("no"))),
      gate,
    );
    await expect((await gated.createSession(new Uint8Array(), {})).run({}, [])).rejects.toThrow("no");
    waitOutside(gate, 1e9);
  });
});
