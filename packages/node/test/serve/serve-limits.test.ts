import { once } from "node:events";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { putImages, runWorld } from "../runs/world.js";
import { FileServer } from "../support/file-server.js";
import { whybox } from "../support/launch.js";
import { Served } from "./served.js";

let cwd: string;
let image: Uint8Array<ArrayBuffer>;
/** A server with tight limits, for the tests that leave it as it is. */
let common: Served;
const running: Served[] = [];

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, ["photo.png"]);
  image = new Uint8Array(readFileSync(join(cwd, "photo.png")));
  const limits = ["--queue", "1", "--max-body", "0.1", "--max-pixels", "1", "--timeout", "20"];
  common = await Served.start(["mini.onnx", "--workers", "1", ...limits], { cwd });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((served) => served.stop("SIGKILL")));
});
afterAll(async () => {
  await common.stop("SIGKILL");
  await rm(cwd, { recursive: true });
});

async function start(argv: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const served = await Served.start(["mini.onnx", ...argv], { cwd, env });
  running.push(served);
  return served;
}

/** A request that takes minutes. */
const slow = { imageSize: "64", confidence: "0.01", method: "D-RISE", samples: "1000000" };
const quick = { imageSize: "64", confidence: "0.01", maxDetections: "2" };
const problem = async (answer: Response) => {
  const { code, detail } = (await answer.json()) as { code: string; detail: string };
  return { status: answer.status, code, detail };
};
const busy = (served: Served, count: number) =>
  served.until(async () => (await served.metric("whybox_workers_busy")) === count);

describe("a full queue", () => {
  it("answers 429 and when to come again, before the body is read", async () => {
    const served = common;
    const stop = new AbortController();
    const first = served.form(image, slow, { signal: stop.signal });
    await busy(served, 1);
    const second = served.form(image, quick);
    await served.until(async () => (await served.metric("whybox_jobs_waiting")) === 1);
    const third = await served.form(image, quick);
    expect(await problem(third)).toMatchObject({ status: 429, code: "queue-full" });
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await served.metric('whybox_refused_total{reason="queue-full"}')).toBe(1);
    // The client of the first goes away. Its work stops, and the second gets the worker.
    stop.abort();
    await expect(first).rejects.toThrow(/abort/);
    expect((await second).status).toBe(200);
    expect(served.pids).toHaveLength(1);
    expect(await served.metric("whybox_worker_ends_total")).toBe(0);
    await served.until(() => served.log.some(({ status, msg }) => msg === "request" && status === 499));
  });
});

describe("the time limit", () => {
  it("answers 504, stops the work, and 408 when the body does not come", { tags: ["long"] }, async () => {
    const served = await start(["--workers", "1", "--timeout", "3"]);
    expect(await problem(await served.form(image, slow))).toMatchObject({ status: 504, code: "timeout" });
    await busy(served, 0);
    expect(await served.metric("whybox_worker_ends_total")).toBe(0);
    const head =
      "POST /v1/explain HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    expect(await raw(served, head)).toMatch(/^HTTP\/1\.1 408 /);
    await served.until(async () => (await served.form(image, quick)).status === 200);
  });
});

describe("hostile input", () => {
  /** A PNG whose header tells a size that its data does not have. */
  const bomb = (side: number) => {
    const bytes = Buffer.from(image);
    bytes.writeUInt32BE(side, 16);
    bytes.writeUInt32BE(side, 20);
    bytes.writeUInt32BE(crc(bytes.subarray(12, 29)), 29);
    return new Uint8Array(bytes);
  };

  it("is answered, and costs no worker", async () => {
    const served = common;
    const before = served.log.length;
    const large = new Uint8Array(200_000);
    const zeros = deflateSync(Buffer.alloc(1_000_000)); // what a decoder would inflate
    const damaged = (boundary: string) =>
      served.fetch("/v1/explain", {
        method: "POST",
        body: '--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n123',
        headers: { "content-type": `multipart/form-data${boundary}` },
      });
    const cases: readonly (readonly [string, () => Promise<Response>, number])[] = [
      ["many pixels", () => served.form(bomb(20_000)), 413],
      ["a size that is a lie", () => served.form(bomb(900)), 422],
      ["a file that is too large", () => served.form(large), 413],
      ["a body that is too large", () => served.json("/v1/explain", { image: { b64: "A".repeat(200_000) } }), 413],
      ["compressed zeros", () => served.form(new Uint8Array(zeros)), 422],
      ["nothing", () => served.form(new Uint8Array()), 422],
      [
        "a prototype",
        () =>
          served.fetch("/v1/explain", {
            method: "POST",
            body: '{"__proto__":{"a":1}}',
            headers: { "content-type": "application/json" },
          }),
        400,
      ],
      [
        "deep lists",
        () =>
          served.fetch("/v1/explain", {
            method: "POST",
            body: "[".repeat(20_000),
            headers: { "content-type": "application/json" },
          }),
        400,
      ],
      ["a name with a path", () => served.fetch("/v1/models/..%2f..%2fetc"), 404],
      [
        "too many fields",
        () => served.form(image, Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`f${i}`, "1"]))),
        413,
      ],
      ["a form without an end", () => damaged("; boundary=b"), 400],
      ["a form without a boundary", () => damaged(""), 400],
      ["a long option", () => served.form(image, { versus: "x".repeat(5_000) }), 400],
    ];
    for (const [name, call, status] of cases) expect([name, (await call()).status]).toEqual([name, status]);
    // A body that is shorter than it tells ends with its connection. One that is longer is the start of another request.
    const post = "POST /v1/explain HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n";
    await raw(served, `${post}content-length: 500\r\n\r\n{}`, { end: true });
    expect(await raw(served, `${post}content-length: 2\r\n\r\n{}{}{}{}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw(served, `${post}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
    expect((await served.form(image, quick)).status).toBe(200);
    expect(await served.metric("whybox_worker_ends_total")).toBe(0);
    expect(served.log.slice(before).filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("an answer to a client that still sends", () => {
  it.each<[string, string, number]>([
    ["a body that is too large", "application/json", 200_000],
    ["a body that is too large, of unknown length", "application/json", Number.NaN],
    ["a file that is too large", "multipart/form-data; boundary=b", 200_000],
    ["a body of another type", "image/png", 200_000],
  ])("arrives: %s", async (_, type, length) => {
    const answer = await sendFirst(common, { type, length });
    expect(answer).toMatch(type === "image/png" ? /^HTTP\/1\.1 415 / : /^HTTP\/1\.1 413 /);
    expect((await common.form(image, quick)).status).toBe(200);
  });
});

describe("a worker that is killed", () => {
  it("costs its own request only, and is replaced", { tags: ["long"] }, async () => {
    const served = await start(["--workers", "2"]);
    const stop = new AbortController();
    const both = [1, 2].map(() => served.form(image, slow, { signal: stop.signal }));
    await busy(served, 2);
    const [victim] = served.pids;
    process.kill(victim!, "SIGKILL");
    const answer = await Promise.race(both);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await problem(answer)).toEqual({ status: 503, code: "runtime", detail: expect.stringMatching(/SIGKILL/) });
    await served.until(async () => (await served.metric("whybox_workers_ready")) === 2);
    // The other request goes on, and the new worker takes the next one.
    expect(await served.metric("whybox_workers_busy")).toBe(1);
    expect((await served.form(image, quick)).status).toBe(200);
    expect(await served.metric("whybox_worker_ends_total")).toBe(1);
    expect(served.log).toContainEqual(expect.objectContaining({ level: "error", how: "SIGKILL", pid: victim }));
    stop.abort();
    await Promise.allSettled(both);
  });
});

describe("a server that is told to stop", () => {
  it("finishes what is in progress, takes nothing new, and ends with 0", { tags: ["long"] }, async () => {
    const served = await start(["--workers", "1", "--queue", "4"]);
    const first = served.form(image, { ...slow, samples: "800" });
    await busy(served, 1);
    const second = served.form(image, quick);
    await served.until(async () => (await served.metric("whybox_jobs_waiting")) === 1);
    const finish = await halfSent(served, { image: { b64: Buffer.from(image).toString("base64") } });
    const ended = served.stop("SIGTERM");
    await served.until(async () => (await served.fetch("/readyz")).status === 503);
    expect((await served.fetch("/healthz")).status).toBe(200);
    expect(await problem(await served.form(image, quick))).toMatchObject({ status: 503, code: "draining" });
    expect(await sendFirst(served, { type: "application/json", length: 200_000 })).toMatch(/^HTTP\/1\.1 503 /);
    expect([(await first).status, (await second).status, await finish()]).toEqual([200, 200, 200]);
    expect(await ended).toBe(0);
    for (const pid of served.pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it("stops what takes longer than the time to drain", { tags: ["long"] }, async () => {
    const served = await start(["--workers", "1", "--drain-timeout", "0.2"]);
    const asked = served.form(image, slow);
    await busy(served, 1);
    expect(await served.stop("SIGINT")).toBe(0);
    expect(await problem(await asked)).toMatchObject({ status: 503, code: "aborted" });
  });

  it("takes its workers with it when it is killed", { tags: ["long"] }, async () => {
    const served = await start(["--workers", "1"]);
    await served.stop("SIGKILL");
    await served.until(() => served.pids.every((pid) => !lives(pid)));
  });
});

describe("access", () => {
  const token = "0123456789abcdef0123";

  it("needs the token, but for health and the description", async () => {
    await writeFile(join(cwd, "token"), `${token}\n`);
    const served = await start(["--workers", "1", "--token-file", "token", "--host", "0.0.0.0"]);
    const own = new URL(served.address);
    own.hostname = "127.0.0.1";
    const get = (path: string, authorization?: string) =>
      fetch(new URL(path, own), authorization === undefined ? {} : { headers: { authorization } });
    for (const path of ["/healthz", "/readyz", "/openapi.json", "/docs"]) expect((await get(path)).status).toBe(200);
    for (const path of ["/v1/models", "/v1/models/mini", "/metrics"]) {
      const refused = await get(path);
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect((await get(path, `Bearer ${token}x`)).status).toBe(401);
      expect((await get(path, `Bearer ${token}`)).status).toBe(200);
    }
    expect((await fetch(new URL("/v1/explain", own), { method: "POST" })).status).toBe(401);
  });

  it("is for this machine only, and for no page of another site", async () => {
    const status = (headers: Record<string, string>, path = "/v1/models") =>
      new Promise<number | undefined>((resolve, reject) => {
        httpRequest(`${common.address}${path}`, { headers }, ({ statusCode }) => resolve(statusCode))
          .on("error", reject)
          .end();
      });
    expect(await status({ host: "localhost:9" })).toBe(200);
    expect(await status({ host: "rebound.example.org" })).toBe(403);
    expect(await status({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await status({ "sec-fetch-site": "cross-site" }, "/docs")).toBe(200);
  });

  it("fetches images only where it may", async () => {
    const files = await FileServer.start();
    try {
      files.files.set("/photo.png", image);
      const body = { image: { url: `${files.url}/photo.png` } };
      expect(await problem(await common.json("/v1/explain", body))).toMatchObject({
        status: 400,
        detail: /fetches no images/,
      });
      const open = await start(["--workers", "1", "--urls", "public"]);
      expect(await problem(await open.json("/v1/explain", body))).toMatchObject({ status: 422, code: "download" });
      expect(files.requests).toEqual([]);
    } finally {
      await files.stop();
    }
  });

  it.each<[string, readonly string[], Readonly<Record<string, string>>, RegExp, number]>([
    ["an open port without a token", ["--host", "0.0.0.0"], {}, /Other machines reach 0\.0\.0\.0\. Set a token/, 2],
    ["a short token", [], { WHYBOX_TOKEN: "short" }, /WHYBOX_TOKEN has 5 characters; expected at least 16/, 2],
    ["a token file that is missing", ["--token-file", "gone"], {}, /Cannot read the token/, 2],
    ["two models with one name", ["mini.onnx"], {}, /Two models have the name "mini"/, 2],
    [
      "options of one model for two",
      ["b=mini.onnx", "--padding", "end"],
      {},
      /--padding: these options describe one model/,
      2,
    ],
    ["a model that is none", ["photo.png"], {}, /photo/, 3],
    ["an option that there is not", ["--works", "2"], {}, /Did you mean "--workers"\?/, 2],
  ])("refuses %s", async (_, argv, env, words, code) => {
    const run = await whybox(["serve", "mini.onnx", "--workers", "1", "--port", "0", ...argv], { cwd, env });
    expect([run.code, run.stdout]).toEqual([code, ""]);
    expect(run.stderr).toMatch(words);
  });

  it("says that a port is taken", async () => {
    const { port } = new URL(common.address);
    const run = await whybox(["serve", "mini.onnx", "--workers", "1", "--port", port], { cwd });
    expect([run.code, run.stderr]).toEqual([8, expect.stringMatching(/Cannot listen on 127\.0\.0\.1, port \d+/)]);
  });
});

/** Sends bytes and gives what comes back until the connection ends. */
function raw(served: Served, text: string, { end = false } = {}): Promise<string> {
  const { hostname, port } = new URL(served.address);
  return new Promise((resolve) => {
    let found = "";
    const socket = connect(Number(port), hostname, () => (end ? socket.end(text) : socket.write(text)));
    socket.on("data", (chunk) => {
      found += chunk;
      if (!end && found.includes("\r\n\r\n")) socket.destroy();
    });
    socket.on("close", () => resolve(found)).on("error", () => undefined);
  });
}

/** A request that has entered, and waits for its body. Gives the function that sends it, with the status of the answer. */
async function halfSent(served: Served, body: object): Promise<() => Promise<number | undefined>> {
  const headers = { "content-type": "application/json", expect: "100-continue" };
  const request = httpRequest(`${served.address}/v1/explain`, { method: "POST", headers });
  request.flushHeaders();
  await once(request, "continue");
  return async () => {
    request.end(JSON.stringify(body));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
}

/** Sends a body slowly, and reads nothing before all is sent, as many clients do. A length that is no number: in chunks. */
async function sendFirst(
  served: Served,
  { type, length }: { readonly type: string; readonly length: number },
): Promise<string> {
  const { hostname, port } = new URL(served.address);
  const framing = Number.isNaN(length) ? "transfer-encoding: chunked" : `content-length: ${length}`;
  const socket = new Socket().pause().connect(Number(port), hostname);
  const closed = once(socket, "close").catch(() => undefined);
  let found = "";
  socket.on("data", (chunk) => {
    found += chunk;
    if (found.includes("\r\n\r\n")) socket.destroy();
  });
  socket.pause();
  socket.write(`POST /v1/explain HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\n${framing}\r\n\r\n`);
  const file = '--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n';
  const pieces = [
    file.padEnd(50_000, "1"),
    ...Array(2).fill("1".repeat(50_000)),
    "\r\n--b--\r\n".padStart(50_000, "1"),
  ];
  for (const piece of pieces) {
    socket.write(Number.isNaN(length) ? `c350\r\n${piece}\r\n` : piece);
    await setTimeout(100);
  }
  if (Number.isNaN(length)) socket.write("0\r\n\r\n");
  socket.resume();
  await closed;
  return found;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** CRC-32 of a part of a PNG. */
function crc(bytes: Uint8Array): number {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}
