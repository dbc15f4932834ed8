import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import {
  type Detector,
  defaultMethods,
  type ExplainOptions,
  encodeModel,
  loadDetector,
  type RgbImage,
  type WhyboxError,
} from "whybox";
import { MINI_SIZE, makeImage, tameModel } from "../../../core/test/support/mini-detector.js";

const image: RgbImage = makeImage(3, [80, 90]);
const small = { imageSize: MINI_SIZE, maxDetections: 3 } as const;
const slow = { ...small, method: "D-RISE", samples: 100_000, per: "detection" } as const;
/** A method of the caller. */
const ownMethod = { ...defaultMethods.find(({ id }) => id === "GradCAM")!, id: "mine" };
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    ({ code }: WhyboxError) => code,
  );
/** A result without its times. */
const plain = (result: unknown) => JSON.stringify({ ...(JSON.parse(JSON.stringify(result)) as object), timings: 0 });

/** The worker threads that got a message, the newest last. */
const threads = new Set<Worker>();
/** Makes the newest thread throw. (A thread that is terminated inside of ONNX Runtime takes the process with it.) */
const kill = () => [...threads].at(-1)!.postMessage(null);
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);

let detector: Detector;
let wanted: string;
beforeAll(async () => {
  process.on("unhandledRejection", note);
  const send = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (this: Worker, ...message) {
    threads.add(this);
    return send.apply(this, message as Parameters<typeof send>);
  });
  detector = await loadDetector(encodeModel(tameModel()), { threads: 1 });
  wanted = plain(await detector.explain(image, small));
});
afterEach(() => expect(unhandled).toEqual([]));
afterAll(async () => {
  await detector.dispose();
  vi.restoreAllMocks();
  process.off("unhandledRejection", note);
});

it("a thread that ends fails the calls in flight, and the next calls get a new one", async () => {
  for (let round = 1; round <= 2; round++) {
    const calls = [detector.explain(image, slow), detector.explain(image, slow), detector.detect(image, small)];
    const codes = Promise.all(calls.map(codeOf));
    for (let i = 0; i < 5; i++) await setImmediate();
    kill();
    expect((await codes).slice(0, 2)).toEqual(["runtime", "runtime"]);
    const found = await Promise.all([1, 2, 3].map(() => detector.explain(image, small)));
    expect(found.map(plain)).toEqual([wanted, wanted, wanted]);
    expect(threads.size).toBe(1 + round);
  }
});

it("a method of the caller goes on with the sessions of the new thread", async () => {
  const options = { ...small, method: ownMethod };
  const before = plain(await detector.explain(image, options));
  const lost = codeOf(detector.explain(image, slow));
  kill();
  expect(await lost).toBe("runtime");
  expect(plain(await detector.explain(image, options))).toBe(before);
});

it("100 calls at once are all answered right", async () => {
  const found = await Promise.all(Array.from({ length: 100 }, () => detector.explain(image, small)));
  expect(new Set(found.map(plain))).toEqual(new Set([wanted]));
});

it("an abort at any time ends a call with its result or with aborted, and disturbs no other", async () => {
  const options = fc.constantFrom<ExplainOptions>(
    small,
    { ...small, per: "detection" },
    { ...small, method: "D-RISE", samples: 40 },
    { ...small, method: ownMethod },
  );
  const aborted = fc.record({ options, turns: fc.integer({ min: 0, max: 60 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(aborted, { minLength: 1, maxLength: 3 }), async (calls) => {
      const codes = calls.map(async ({ options, turns }) => {
        const stop = new AbortController();
        const code = codeOf(detector.explain(image, { ...options, signal: stop.signal }));
        for (let i = 0; i < turns; i++) await setImmediate();
        stop.abort();
        return code;
      });
      const other = detector.explain(image, small);
      for (const code of await Promise.all(codes)) expect(["done", "aborted"]).toContain(code);
      expect(plain(await other)).toBe(wanted);
    }),
    { seed: 18, numRuns: 40 },
  );
});

it("a detector that is disposed of says so, whatever is asked, and stays so", async () => {
  const own = await loadDetector(encodeModel(tameModel()), { threads: 1 });
  const asked = codeOf(own.explain(image, slow));
  await Promise.all([own.dispose(), own.dispose()]);
  expect(await asked).toBe("runtime");
  for (const call of [
    () => own.explain(image, small),
    () => own.detect(image, small),
    () => own.inspect(),
    () => own.explain(image, { ...small, method: ownMethod }),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringContaining("the detector was disposed"),
    });
  }
});
