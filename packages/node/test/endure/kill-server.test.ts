// @module-tag long

import { readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { randomSource } from "../../../core/test/support/random.js";
import { isRunning } from "../../src/io/is-running.js";
import { putImages, runWorld } from "../runs/world.js";
import { Served } from "../serve/served.js";
import { rounds, signals } from "../support/kill.js";
import { record } from "./figures.js";

const seed = Number(process.env.WHYBOX_SEED ?? 20261127);
const clients = 6;
const kills = Math.ceil(0.3 * rounds);

let cwd: string;
let image: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, ["photo.png"]);
  image = new Uint8Array(readFileSync(join(cwd, "photo.png")));
});
afterAll(() => rm(cwd, { recursive: true }));

it.runIf(process.platform === "linux")(
  `answers whole or not at all, and leaves no process behind, when it gets ${kills} signals under load`,
  { timeout: kills * 60_000 },
  async () => {
    const random = randomSource(seed);
    const figures = { SIGKILL: 0, SIGTERM: 0, SIGINT: 0, answered: 0, refused: 0, "cut off": 0 };
    let expected: string | undefined;
    for (let round = 0; round < kills; round++) {
      const note = `seed ${seed}, round ${round}`;
      const signal = signals[round % signals.length]!;
      const served = await Served.start(["mini.onnx", "--workers", "2"], { cwd });
      const answers = Array.from({ length: clients }, () => askUntilItEnds(served));
      await setTimeout(1500 * random());
      const started = await childrenOf(served.child.pid!);
      expect(started.length, note).toBeGreaterThan(0);
      const code = await served.stop(signal);
      figures[signal]++;
      const all = (await Promise.all(answers)).flat();
      for (const answer of all) {
        if (answer === "cut off") figures["cut off"]++;
        else if (answer.status === 200) {
          figures.answered++;
          expected ??= answer.body;
          expect(answer.body, note).toBe(expected);
        } else {
          figures.refused++;
          expect([answer.status, JSON.parse(answer.body).code], note).toEqual([503, "draining"]);
        }
      }
      if (signal !== "SIGKILL") {
        // It stops in order: what it has answered has arrived. A request that it has not begun may be cut off.
        const arrived = all.filter((answer) => answer !== "cut off" && answer.status === 200).length;
        await served.until(() => served.log.some(({ msg }) => msg === "stopped"));
        const logged = served.log.filter(({ msg }) => msg === "request").map(({ status }) => status);
        expect([code, arrived], note).toEqual([0, logged.filter((status) => status === 200).length]);
        expect(
          logged.filter((status) => status !== 200 && status !== 503),
          note,
        ).toEqual([]);
      }
      await served.until(() => !started.some(isRunning));
    }
    record("signals to a server", figures);
  },
);

type Answer = { readonly status: number; readonly body: string } | "cut off";

/** Sends one request after another until one is not answered with a result. */
async function askUntilItEnds(served: Served): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (;;) {
    let answer: Response;
    try {
      answer = await served.form(image, { imageSize: "64", confidence: "0.01", maxDetections: "3", save: "npy" });
    } catch (error) {
      // Nobody listens any more: this request was not begun.
      if (isRefusal(error)) return answers;
      answers.push("cut off");
      return answers;
    }
    const { status } = answer;
    const body = await answer.text().catch(() => undefined);
    if (body === undefined) answers.push("cut off");
    else answers.push({ status, body: status === 200 ? withoutTimes(body) : body });
    // The server is stopping.
    if (status !== 200) return answers;
  }
}

function isRefusal(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: string } };
  return cause?.code === "ECONNREFUSED";
}

/** @throws for a torn document. */
function withoutTimes(body: string): string {
  const { timings: _, ...document } = JSON.parse(body) as Record<string, unknown>;
  return JSON.stringify(document);
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}
