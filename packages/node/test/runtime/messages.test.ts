import { createDetector, encodeModel, type RuntimePort, WhyboxError } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { countingPort, MINI_SIZE, makeImage, tameModel } from "../../../core/test/support/mini-detector.js";
import { errorData, errorFrom } from "../../src/runtime/error-data.js";
import { plainCopy } from "../../src/runtime/plain-copy.js";
import { shareSessions } from "../../src/runtime/share-sessions.js";
import { WorkerCaller } from "../../src/runtime/worker-caller.js";

describe("options", () => {
  it("are plain data, or not", () => {
    const plain = {
      layer: [17, "x"],
      box: { x1: 1, className: "a" },
      per: undefined,
      ahead: { topk: null, seed: NaN },
    };
    expect(plainCopy(plain)).toEqual(plain);
    expect(plainCopy(plain)).not.toBe(plain);
    expect(plainCopy({ method: { id: "mine", map: () => undefined } })).toBeUndefined();
    expect(plainCopy({ backprop: ["class", { id: "mine", evaluate: () => undefined }] })).toBeUndefined();
    expect(plainCopy({ ahead: { method: { map: () => undefined } } })).toBeUndefined();
    expect(plainCopy({ layer: Symbol("x") })).toBeUndefined();
    const circular: Record<string, unknown> = {};
    circular.layer = circular;
    expect(plainCopy(circular)).toBeUndefined();
  });

  it("may be wrapped in a proxy, which cannot be cloned", () => {
    const wrapped = new Proxy({ layer: new Proxy([17], {}) }, {});
    expect(structuredClone(plainCopy(wrapped))).toEqual({ layer: [17] });
  });
});

describe("an error", () => {
  it("keeps its code, details, stack and causes", () => {
    const cause = new RangeError("too far", { cause: new WhyboxError("limit", "deep") });
    const error = new WhyboxError("runtime", "no", { details: { output: "x" }, cause });
    const found = errorFrom(structuredClone(errorData(error)));
    expect(found).toBeInstanceOf(WhyboxError);
    expect(found).toMatchObject({ code: "runtime", message: "no", details: { output: "x" }, stack: error.stack });
    expect(found.cause).toMatchObject({ name: "RangeError", message: "too far" });
    expect((found.cause as Error).cause).toMatchObject({ code: "limit", message: "deep" });
  });

  it("of another class becomes an internal one", () => {
    expect(errorFrom(errorData(new TypeError("oops")))).toMatchObject({ code: "internal", message: "oops" });
    expect(errorFrom(errorData("text"))).toMatchObject({ code: "internal", message: "text" });
  });
});

describe("the thread", () => {
  const start = (onMessage: string) =>
    new WorkerCaller(
      new URL(
        `data:text/javascript,${encodeURIComponent(`import { parentPort } from "node:worker_threads";
          parentPort.postMessage("loaded"); parentPort.on("message", (message) => { ${onMessage} });`)}`,
      ),
    );
  const ask = (caller: WorkerCaller) => caller.call({ kind: "backends" }).catch((error: unknown) => error);

  it.each([
    ['throw new Error("boom")', /thread failed: Error: boom/],
    ["process.exit(3)", /ended unexpectedly, with exit code 3/],
  ])("that dies (%s) fails the calls in flight and all later ones", async (body, message) => {
    const caller = start(body);
    for (const error of [...(await Promise.all([ask(caller), ask(caller)])), await ask(caller)]) {
      expect(error).toBeInstanceOf(WhyboxError);
      expect(error).toMatchObject({ code: "runtime", message: expect.stringMatching(message) });
    }
    await caller.close();
  });

  it("gets one message for an abort, and none after the answer", async () => {
    const caller = start(`
      globalThis.aborts ??= 0;
      if (message.kind === "abort") {
        globalThis.aborts++;
        parentPort.postMessage({ call: message.call, error: { name: "WhyboxError", code: "aborted", message: "" } });
      } else if (message.kind === "backends") parentPort.postMessage({ call: message.call, value: globalThis.aborts });`);
    const [late, early] = [new AbortController(), new AbortController()];
    expect(await caller.call({ kind: "backends" }, { signal: late.signal })).toBe(0);
    const waiting = caller.call({ kind: "inspect" }, { signal: early.signal });
    early.abort("enough");
    late.abort();
    await expect(waiting).rejects.toMatchObject({ code: "aborted", cause: "enough" });
    expect(await caller.call({ kind: "backends" })).toBe(1);
    await expect(caller.call({ kind: "backends" }, { signal: late.signal })).rejects.toMatchObject({ code: "aborted" });
    await caller.close();
  });
});

describe("sessions with a key", () => {
  const image = makeImage();
  const options = { imageSize: MINI_SIZE, layer: 17 } as const;

  it("are shared by two engines of one model, and released by the last", async () => {
    let open = 0;
    const counting = countingPort();
    const port: RuntimePort = {
      ...counting,
      createSession: async (model, given) => {
        const session = await counting.createSession(model, given);
        if (given.key !== undefined) open++;
        return {
          ...session,
          release: async () => {
            if (given.key !== undefined) open--;
            await session.release();
          },
        };
      },
    };
    const shared = shareSessions(port);
    const engine = () => createDetector(encodeModel(tameModel()), shared, { threads: 1 });
    const [first, second] = [await engine(), await engine()];
    const wanted = await first.explain(image, options);
    expect(open).toBe(2);
    expect((await second.explain(image, options)).heatmap).toEqual(wanted.heatmap);
    expect(open).toBe(2);
    await first.dispose();
    await first.dispose();
    expect(open).toBe(2);
    expect((await second.explain(image, options)).heatmap).toEqual(wanted.heatmap);
    await second.dispose();
    expect(open).toBe(0);
  });

  it("are created again after a failure", async () => {
    let isBroken = true;
    const port = shareSessions({
      ...countingPort(),
      createSession: async () => {
        if (isBroken) throw new WhyboxError("runtime", "no");
        return { inputNames: [], outputNames: ["y"], run: async () => ({}), release: async () => undefined };
      },
    });
    const create = () => port.createSession(new Uint8Array(), { key: "k" });
    await expect(create()).rejects.toMatchObject({ code: "runtime" });
    isBroken = false;
    await expect(create()).resolves.toMatchObject({ outputNames: ["y"] });
  });
});
