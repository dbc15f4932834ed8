import { WhyboxError } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { readQueueAddress } from "../../src/fleet/address.js";
import { failureText, jobId, readFailure } from "../../src/fleet/jobs.js";

describe("the address of a queue", () => {
  it("is read, and shown without name and password", () => {
    expect(readQueueAddress("rediss://me:p%40ss@queue.example.org:7000/3", undefined)).toEqual({
      url: "rediss://me:p%40ss@queue.example.org:7000/3",
      password: "p@ss",
      shown: "rediss://queue.example.org:7000/3",
    });
    expect(readQueueAddress(undefined, "redis://[::1]")).toEqual({
      ...{ url: "redis://[::1]", password: "", shown: "redis://[::1]:6379" },
    });
  });

  it.each([
    "hunter2",
    "http://me:hunter2@127.0.0.1",
    "redis://me:hunter2@127.0.0.1/zero",
    "redis://me:hunter2@127.0.0.1?x=1",
    "redis://me:hunter2%@127.0.0.1",
    "redis:hunter2",
  ])("is refused when it is %s, without repeating it", (text) => {
    expect.assertions(2);
    try {
      readQueueAddress(text, undefined);
    } catch (error) {
      expect((error as WhyboxError).code).toBe("usage");
      expect(`${(error as Error).message} ${(error as Error).stack}`).not.toContain("hunter2");
    }
  });

  it("is asked for when there is none", () => {
    expect(() => readQueueAddress(undefined, "")).toThrow(/--queue is missing.*WHYBOX_QUEUE/);
  });
});

it("gives the same shard of the same run in the same folder one id, and no other", () => {
  const job = { run: "/data/night", manifest: "a".repeat(64), shard: 3 };
  expect(jobId({ ...job })).toBe(jobId(job));
  const others = [
    { ...job, shard: 4 },
    { ...job, run: "/data/day" },
    { ...job, manifest: "b".repeat(64) },
  ];
  expect(new Set([job, ...others].map(jobId)).size).toBe(4);
  // What BullMQ takes for a part of its own keys.
  expect(jobId(job)).not.toContain(":");
});

it("carries failures across the queue with their codes", () => {
  const text = failureText(new WhyboxError("output", "The disk is full: /data"));
  expect(readFailure(text)).toEqual({ code: "output", message: "The disk is full: /data" });
  expect(readFailure("job stalled more than allowable limit")).toEqual({
    code: "runtime",
    message: "job stalled more than allowable limit",
  });
});
