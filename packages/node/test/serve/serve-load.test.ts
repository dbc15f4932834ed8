import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { putImages, runWorld } from "../runs/world.js";
import { Served } from "./served.js";

it("answers 200 requests of mixed sizes, 20 at once, while workers are killed", {
  tags: ["long"],
  timeout: 200_000,
}, async () => {
  const cwd = await runWorld();
  await putImages(cwd, ["photo.png"]);
  const photo = readFileSync(join(cwd, "photo.png"));
  const images = await Promise.all(
    [64, 200, 700].map(async (width) => new Uint8Array(await sharp(photo).resize(width).png().toBuffer())),
  );
  const served = await Served.start(["mini.onnx", "--workers", "2"], { cwd });
  try {
    const statuses = new Map<number, number>();
    let sent = 0;
    const client = async () => {
      while (sent < 200) {
        const image = images[sent++ % images.length]!;
        const { status } = await served.form(image, { imageSize: "64", confidence: "0.01", maxDetections: "3" });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    clients.catch(() => undefined); // awaited below, unless the test fails before
    for (const [i, pid] of served.pids.entries()) {
      await served.until(() => sent > 60 + 50 * i);
      process.kill(pid, "SIGKILL");
    }
    await clients;
    // Each worker had at most one request.
    expect(statuses.get(503) ?? 0).toBeLessThanOrEqual(2);
    expect((statuses.get(200) ?? 0) + (statuses.get(503) ?? 0)).toBe(200);
    await served.until(async () => (await served.metric("whybox_workers_ready")) === 2);
    expect(await served.metric("whybox_worker_ends_total")).toBe(2);
    expect(await served.stop()).toBe(0);
  } finally {
    await served.stop("SIGKILL");
    await rm(cwd, { recursive: true });
  }
});
