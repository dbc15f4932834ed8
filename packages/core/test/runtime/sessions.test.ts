import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import type { Model } from "../../src/onnx/model.js";
import type { RuntimePort, RuntimeSession } from "../../src/runtime/port.js";
import { SessionCache } from "../../src/runtime/sessions.js";
import { modelOf } from "../onnx/support.js";

const build = (): Model => {
  const b = new GraphBuilder();
  b.input("x", [1]);
  b.node("Relu", ["x"], ["y"]);
  b.output("y", [1]);
  return modelOf(b);
};

/** A runtime that notes which of its sessions, numbered from 0, were made, run and released. */
function notingPort() {
  const log: string[] = [];
  let made = 0;
  const gates: (() => void)[] = [];
  const port = {
    description: "none",
    upload: () => Promise.reject(new Error("not used")),
    createSession: async (): Promise<RuntimeSession> => {
      const id = made++;
      log.push(`make ${id}`);
      return {
        inputNames: [],
        outputNames: [],
        run: async (_, outputs) => {
          if (outputs.includes("wait")) await new Promise<void>((resolve) => gates.push(resolve));
          log.push(`run ${id}`);
          return {};
        },
        release: async () => {
          log.push(`release ${id}`);
        },
      };
    },
  } satisfies RuntimePort;
  return { port, log, open: () => gates.splice(0).map((gate) => gate()) };
}

describe("SessionCache", () => {
  it("makes a session once, also for those who ask at the same time", async () => {
    const { port, log } = notingPort();
    const cache = new SessionCache(port, {});
    const sessions = await Promise.all([cache.get("a", build), cache.get("a", build)]);
    for (const session of sessions) await session.run({}, []);
    expect(log).toEqual(["make 0", "run 0", "run 0"]);
  });

  it("lets go of the one least recently used, and makes it again when it is run", async () => {
    const { port, log } = notingPort();
    const cache = new SessionCache(port, {}, 2);
    const a = await cache.get("a", build);
    await cache.get("b", build);
    await a.run({}, []);
    await cache.get("c", build);
    await Promise.resolve();
    expect(log).toEqual(["make 0", "make 1", "run 0", "make 2", "release 1"]);
    await (await cache.get("d", build)).run({}, []);
    await a.run({}, []);
    expect(log.slice(5).sort()).toEqual(["make 3", "make 4", "release 0", "release 2", "run 3", "run 4"]);
  });

  it("never releases one that runs", async () => {
    const { port, log, open } = notingPort();
    const cache = new SessionCache(port, {}, 1);
    const a = await cache.get("a", build);
    const running = a.run({}, ["wait"]);
    await new Promise((resolve) => setImmediate(resolve));
    await cache.get("b", build);
    expect(log).toEqual(["make 0", "make 1"]);
    open();
    await running;
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(["make 0", "make 1", "run 0", "release 0"]);
  });

  it("releases all on dispose, and does not keep one that failed", async () => {
    const { port, log } = notingPort();
    let fail = true;
    const flaky = {
      ...port,
      createSession: async () => (fail ? Promise.reject(new Error("full")) : port.createSession()),
    };
    const cache = new SessionCache(flaky, {});
    await expect(cache.get("a", build)).rejects.toThrow("full");
    fail = false;
    await cache.get("a", build);
    await cache.get("b", build);
    await cache.dispose();
    expect(log.sort()).toEqual(["make 0", "make 1", "release 0", "release 1"]);
  });
});
