// @module-tag long

import { type ChildProcess, spawn } from "node:child_process";
import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { merged, planOptions } from "../runs/shards/world.js";
import { imageNames, miniOptions, putImages, runWorld } from "../runs/world.js";
import { rounds } from "../support/kill.js";
import { bin, launch, whybox } from "../support/launch.js";
import { freePort, RedisServer, until, whyNoRedis } from "../support/redis.js";

const noRedis = whyNoRedis();
if (noRedis !== undefined) console.warn(`SKIPPED: the tests of queues: ${noRedis}`);

const images = 60;
const shards = 6;

const title = `whybox worker and submit${noRedis ? ` (SKIPPED: ${noRedis})` : ""}`;

// Minutes, where many things are done at once: each test starts some ten processes.
describe.skipIf(noRedis !== undefined)(title, { timeout: 600_000 }, () => {
  let cwd: string;
  let whole: Record<string, string>;
  let redis: RedisServer;
  const secret = "s3cret-of-tests";
  const started = new Set<ChildProcess>();

  beforeAll(async () => {
    cwd = await runWorld();
    await putImages(cwd, imageNames(images));
    await writeFile(join(cwd, "p/bad.png"), "I am no image.");
    const one = await whybox(["run", "p", "--out", "whole", "--save", "png", ...miniOptions], { cwd });
    expect(one).toMatchObject({ code: 0 });
    whole = await merged(join(cwd, "whole"));
    const argv = [
      "shard",
      "plan",
      "p",
      "--out",
      "planned",
      "--save",
      "png",
      ...planOptions,
      "--shards",
      String(shards),
    ];
    expect(await whybox(argv, { cwd })).toMatchObject({ code: 0 });
    redis = await RedisServer.start(secret);
  }, 600_000);
  afterEach(async () => {
    await Promise.all([...started].map((child) => end(child, "SIGKILL")));
  });
  afterAll(() => redis?.kill());

  const env = () => ({ WHYBOX_QUEUE: `redis://:${secret}@127.0.0.1:${redis.port}` });

  async function fresh(): Promise<string> {
    await rm(join(cwd, "out"), { recursive: true, force: true });
    await cp(join(cwd, "planned"), join(cwd, "out"), { recursive: true });
    const client = redis.client();
    await client.flushall();
    client.disconnect();
    return join(cwd, "out");
  }

  interface Started {
    readonly child: ChildProcess;
    text(): string;
  }

  /** A worker with one thread. @param stalledAfter seconds after its death, or after it was starved of time, until its shards go to others. */
  function worker(stalledAfter = 60): Started {
    const argv = [bin, "worker", "--workers", "1", "--stalled-after", String(stalledAfter)];
    const child = spawn(process.execPath, argv, { cwd, env: { ...process.env, NO_COLOR: "1", ...env() } });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        text += chunk;
      });
    }
    started.add(child);
    child.on("exit", () => started.delete(child));
    return { child, text: () => text };
  }

  function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    child.kill(signal);
    return ended;
  }

  /** How many shards have begun to write lines, or are done. */
  const begun = async (out: string) =>
    (await readdir(join(out, "shards"), { recursive: true }).catch(() => [])).filter((path) =>
      path.endsWith("results.jsonl"),
    ).length;

  /** Watches as long as there is something to watch; not for ever, should a test fail. */
  const submit = (...argv: string[]) =>
    launch(["timeout", "1200", process.execPath, bin, "submit", "out", "--merge", ...argv], { cwd, env: env() });

  it("make what one machine makes, though a worker and the Redis are killed", async () => {
    const out = await fresh();
    const workers = [worker(2), worker(2), worker(2)];
    // At its start a worker wants its Redis to be there.
    await until(() => {
      for (const { child, text } of workers) expect(child.exitCode, text()).toBeNull();
      return workers.every(({ text }) => text().includes("Waiting for shards"));
    });
    const submitted = submit();
    await until(async () => (await begun(out)) >= 1);
    await end(workers[0]!.child, "SIGKILL");
    await redis.kill();
    await setTimeout(500);
    await redis.start();
    const { code, stdout, stderr } = await submitted;
    expect([code, stderr, stdout]).toEqual([0, expect.stringContaining(`${shards} shards put into the queue`), ""]);
    expect(stderr).toMatch(/\d+ sources: \d+ detections, 1 failed; results in out\n$/);
    expect(await merged(out)).toEqual(whole);
    expect(await Promise.all(workers.slice(1).map(({ child }) => end(child, "SIGTERM")))).toEqual([0, 0]);
    // What is done is left alone, whatever the queue says.
    const again = await submit();
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining(`0 shards put into the queue`)]);
    expect(await merged(out)).toEqual(whole);
  });

  it("give a shard back when a worker is stopped, and never tell the password", async () => {
    const out = await fresh();
    const first = worker();
    const sent = await whybox(["submit", "out", "--no-wait"], { cwd, env: env() });
    expect(sent).toMatchObject({ code: 0 });
    await until(async () => (await begun(out)) >= 1);
    expect(await end(first.child, "SIGTERM")).toBe(0);
    expect(first.text()).toMatch(/Stopping after the sources in progress/);
    // Nothing is active, and nothing has failed: another worker takes it at once.
    const client = redis.client();
    const counts = [await client.llen("bull:whybox:active"), await client.zcard("bull:whybox:failed")];
    const stored = await everything(client);
    client.disconnect();
    expect(counts).toEqual([0, 0]);
    const second = worker();
    const { code, stderr } = await submit();
    expect([code, stderr]).toEqual([0, expect.stringContaining("0 shards put into the queue")]);
    expect(await merged(out)).toEqual(whole);
    await end(second.child, "SIGTERM");
    const files = Object.values(await merged(out)).map((hex) => Buffer.from(hex, "hex").toString("latin1"));
    for (const text of [first.text(), second.text(), stderr, sent.stderr, stored, ...files])
      expect(text).not.toContain(secret);
  });

  it("tell what failed for good, and try it again when it is asked for", async () => {
    const out = await fresh();
    worker();
    const broken = join(out, "shards/00001");
    await cp(join(cwd, "whole"), broken, { recursive: true });
    await rm(join(broken, "_SUCCESS"));
    await writeFile(
      join(broken, "shard.json"),
      JSON.stringify({ schemaVersion: 1, manifest: "0".repeat(64), first: 0, end: 1 }),
    );
    const { code, stderr } = await submit("--attempts", "1");
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/1 of \d+ shards failed: 1\. Shard 1: .*00001 is a shard of another run/),
    ]);
    await rm(broken, { recursive: true });
    expect(await submit()).toMatchObject({ code: 0 });
    expect(await merged(out)).toEqual(whole);
  });

  it("say when nothing answers, or the password is wrong, without it", async () => {
    const port = await freePort();
    await fresh();
    for (const [argv, url, why] of [
      [["submit", "out"], `redis://me:hunter2@127.0.0.1:${port}`, /ECONNREFUSED/],
      [["worker"], `redis://:hunter2@127.0.0.1:${redis.port}`, /WRONGPASS/],
      [["worker"], redis.url, /NOAUTH/],
    ] as const) {
      const { code, stderr } = await whybox([...argv, "--queue", url], { cwd, env: { WHYBOX_DEBUG: "1" } });
      expect([code, stderr]).toEqual([7, expect.stringMatching(why)]);
      expect(stderr).toContain("redis://127.0.0.1:");
      expect(stderr).not.toContain("hunter2");
    }
  });

  it(`lose nothing when they are killed ${rounds} times`, { timeout: rounds * 60_000 }, async () => {
    const seed = Number(process.env.WHYBOX_SEED ?? 20261126);
    const random = randomSource(seed);
    let killed = 0;
    while (killed < rounds) {
      const out = await fresh();
      const workers = [worker(2), worker(2), worker(2)];
      let done = false;
      const submitted = submit().then((result) => {
        done = true;
        return result;
      });
      // Commands that start without a Redis fail: this one has to be connected, and workers that failed so are started again.
      await until(async () => done || (await begun(out)) >= 1);
      while (!done) {
        await Promise.race([submitted, setTimeout(1_000 + 4_000 * random())]);
        if (done) break;
        for (const [i, { child }] of workers.entries()) if (child.exitCode !== null) workers[i] = worker(2);
        if (random() < 0.3) {
          await redis.kill();
          await setTimeout(2_000 * random());
          await redis.start();
        } else {
          const i = Math.floor(3 * random());
          await end(workers[i]!.child, "SIGKILL");
          workers[i] = worker(2);
        }
        killed++;
      }
      const { code, stderr } = await submitted;
      expect([code, stderr], `seed ${seed}`).toEqual([0, expect.any(String)]);
      expect(await merged(out), `seed ${seed}`).toEqual(whole);
      await Promise.all(workers.map(({ child }) => end(child, "SIGTERM")));
    }
  });

  it("say what to install when the packages are not there", async () => {
    const source =
      'export async function resolve(name, context, next) { if (name === "bullmq") throw Object.assign(new Error("gone"), { code: "ERR_MODULE_NOT_FOUND" }); return next(name, context); }';
    const loader = `data:text/javascript,${encodeURIComponent(source)}`;
    const register = `data:text/javascript,${encodeURIComponent(`import { register } from "node:module"; register(${JSON.stringify(loader)});`)}`;
    const { code, stderr } = await launch(
      [process.execPath, "--import", register, bin, "worker", "--queue", redis.url],
      { cwd },
    );
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/Queues need bullmq and ioredis.*npm install bullmq ioredis/),
    ]);
  });
});

/** All that a Redis holds, as text. */
async function everything(client: import("ioredis").Redis): Promise<string> {
  const keys = await client.keys("*");
  const dumps = await Promise.all(keys.map((key) => client.dump(key)));
  return [...keys, ...dumps].join("\n");
}
