import { describe, expect, it } from "vitest";
import type { Detector } from "../../src/api.js";
import { DetectorCache } from "../../src/mcp/detector-cache.js";
import { OneByOne } from "../../src/mcp/one-by-one.js";

function world(max: number) {
  const events: string[] = [];
  const load = async (weights: string): Promise<Detector> => {
    if (weights === "bad") throw new Error("bad");
    events.push(`load ${weights}`);
    return { dispose: async () => void events.push(`dispose ${weights}`) } as unknown as Detector;
  };
  return { events, cache: new DetectorCache(load, max) };
}

describe("DetectorCache", () => {
  it("keeps the last models and disposes of the others", async () => {
    const { events, cache } = world(2);
    for (const name of ["a", "b", "a", "c", "a", "b"]) await cache.use(name, async () => undefined);
    expect(events).toEqual(["load a", "load b", "load c", "dispose b", "load b", "dispose c"]);
    expect(cache.size).toBe(2);
    await cache.close();
    expect(events.slice(6).sort()).toEqual(["dispose a", "dispose b"]);
  });

  it("never disposes of a model in use", async () => {
    const { events, cache } = world(1);
    await cache.use("a", async () => {
      await cache.use("b", async () => undefined);
      expect(events).toEqual(["load a", "load b", "dispose b"]);
    });
    expect(cache.size).toBe(1);
  });

  it("loads a model again after a failure", async () => {
    const { cache } = world(1);
    await expect(cache.use("bad", async () => undefined)).rejects.toThrow("bad");
    expect(cache.size).toBe(0);
  });
});

describe("OneByOne", () => {
  it("runs calls in order, one at a time, and refuses too many", async () => {
    const queue = new OneByOne();
    const { signal } = new AbortController();
    const seen: string[] = [];
    const slow = (name: string) => async () => {
      seen.push(`${name} starts`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    };
    const all = ["a", "b"].map((name) => queue.run(signal, slow(name)));
    const rest = Array.from({ length: 14 }, () => queue.run(signal, async () => undefined));
    await expect(queue.run(signal, async () => undefined)).rejects.toThrow("16 calls are waiting");
    await Promise.all([...all, ...rest]);
    expect(seen).toEqual(["a starts", "a ends", "b starts", "b ends"]);
    await queue.idle();
  });

  it("does not start a call that was cancelled while it waited", async () => {
    const queue = new OneByOne();
    const first = queue.run(new AbortController().signal, async () => undefined);
    await expect(queue.run(AbortSignal.abort(), async () => "ran")).rejects.toMatchObject({ code: "aborted" });
    await first;
  });
});
