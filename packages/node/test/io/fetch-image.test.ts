import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type FetchOptions, fetchImage } from "../../src/io/fetch-image.js";
import { isPrivateAddress, isPrivateHost } from "../../src/io/private-address.js";

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const bytes = Buffer.from("bytes");
const zeros = Buffer.alloc(1_000_000);
const MAX = 10_000;
const to = (location: string): Answer => {
  return (response) => response.writeHead(302, { location }).end();
};
const encoded = (encoding: string, body: Buffer): Answer => {
  return (response) => response.writeHead(200, { "content-encoding": encoding }).end(body);
};
/** Sends bytes as they are, below HTTP. */
const raw = (head: string, { end = true } = {}): Answer => {
  return ({ socket }) => (end ? socket!.end(head) : socket!.write(head));
};
async function forever(response: ServerResponse, chunk: Buffer): Promise<void> {
  const client = response.socket!;
  while (!client.destroyed) {
    response.write(chunk);
    await setTimeout(5);
  }
}

/** The answers of a server, and what a client gets: the bytes, or the code and the words of an error. */
const cases: Readonly<Record<string, readonly [Answer, Buffer | readonly [string, RegExp], FetchOptions?]>> = {
  "a file": [(response) => response.end(bytes), bytes],
  "a file in chunks": [(response) => response.writeHead(200).write("by", () => response.end("tes")), bytes],
  gzip: [encoded("gzip", gzipSync(bytes)), bytes],
  "deflate, in capitals": [encoded("Deflate", deflateSync(bytes)), bytes],
  brotli: [encoded("br", brotliCompressSync(bytes)), bytes],
  "an encoding that is not known": [encoded("zstd", bytes), ["download", /encoding "zstd", which is not supported/]],
  "two encodings": [encoded("gzip, gzip", gzipSync(bytes)), ["download", /not supported/]],
  "a name of every object": [encoded("constructor", bytes), ["download", /not supported/]],
  "gzip that is none": [encoded("gzip", bytes), ["download", /incorrect header check/]],
  "gzip that is cut": [encoded("gzip", gzipSync(bytes).subarray(0, 12)), ["download", /unexpected end of file/]],
  "a gzip bomb": [encoded("gzip", gzipSync(zeros)), ["limit", /larger than 10000 bytes/]],
  "a brotli bomb": [encoded("br", brotliCompressSync(zeros)), ["limit", /larger than 10000 bytes/]],
  "gzip without end, of nothing": [
    (response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      // Empty blocks: they never become bytes.
      response.write(gzipSync(bytes).subarray(0, 10));
      return forever(response, Buffer.alloc(5_000, Buffer.from([0, 0, 0, 255, 255])));
    },
    ["limit", /larger than/],
  ],
  "a file that is too large": [(response) => response.end(zeros), ["limit", /larger than 10000 bytes/]],
  "a length that is too large": [
    (response) => response.writeHead(200, { "content-length": "1000000" }).write("b"),
    ["limit", /larger than/],
  ],
  "a body without end": [(response) => forever(response, Buffer.alloc(1_000)), ["limit", /larger than/]],
  "a file that is longer than it tells": [raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbytes and more"), bytes],
  "a file that is shorter than it tells": [
    raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    ["download", /the connection ended before the answer did/],
  ],
  "chunks that are cut": [
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbytes\r\n"),
    ["download", /the connection ended/],
  ],
  "two lengths": [
    raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nbytes"),
    ["download", /Parse Error/],
  ],
  "a length below zero": [raw("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nbytes"), ["download", /Parse Error/]],
  "chunks and a length": [
    raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n"),
    ["download", /Parse Error/],
  ],
  "headers without end": [raw(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(10_000)}`), ["download", /overflow/i]],
  "what is no HTTP": [raw("I am a teapot\r\n\r\n"), ["download", /Parse Error/]],
  "no answer": [() => undefined, ["download", /no complete answer within 0\.2 s/], { timeoutMs: 200 }],
  "an answer that comes byte by byte": [
    (response) => {
      response.writeHead(200);
      return forever(response, Buffer.from("b"));
    },
    ["download", /no complete answer within 0\.3 s/],
    { timeoutMs: 300 },
  ],
  "silence before the answer": [() => undefined, ["download", /no data for 0\.1 s/], { idleMs: 100 }],
  "silence inside the answer": [
    (response) => response.writeHead(200).write("by"),
    ["download", /no data for 0\.1 s/],
    { idleMs: 100 },
  ],
  nothing: [(response) => response.end(), ["download", /the answer is empty/]],
  "nothing, compressed": [encoded("gzip", gzipSync("")), ["download", /the answer is empty/]],
  "no file": [(response) => response.writeHead(404).end("<html>"), ["download", /the server answered 404 Not Found/]],
  "a redirect": [to("/a%20file"), bytes],
  "redirects without end": [to("/redirects%20without%20end"), ["download", /more than 5 redirects/]],
  "a redirect to nowhere": [to("http://"), ["download", /a redirect to an invalid URL/]],
  "a redirect to a file": [to("file:///etc/hostname"), ["download", /scheme "file:"/]],
  "a redirect with a password": [to("http://me:secret@127.0.0.1/"), ["download", /a user name or password/]],
  "a redirect without an address": [(response) => response.writeHead(302).end(), ["download", /answered 302/]],
};

const servers: Server[] = [];
async function serve(answer: Answer, host = "127.0.0.1"): Promise<{ readonly port: number; readonly seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    void answer(response, request);
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, seen };
}

let base: string;
beforeAll(async () => {
  const { port } = await serve((response, request) => {
    const [answer] = cases[decodeURIComponent(request.url!.slice(1))]!;
    return answer(response, request);
  });
  base = `http://127.0.0.1:${port}`;
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

it.each(Object.keys(cases))("gets %s, or says what is wrong", async (name) => {
  const [, expected, options] = cases[name]!;
  const fetched = fetchImage(new URL(`${base}/${encodeURIComponent(name)}`), { maxBytes: MAX, ...options });
  if (Buffer.isBuffer(expected)) return expect(Buffer.from(await fetched)).toEqual(expected);
  const [code, words] = expected as readonly [string, RegExp];
  const error = await fetched.catch((error: unknown) => error);
  expect(error).toMatchObject({ name: "WhyboxError", code, message: expect.stringMatching(words) });
  expect((error as Error).message).not.toContain("secret");
  expect((error as Error).message.length).toBeLessThan(400);
});

it("stops when it is told to, also while it looks up the host", async () => {
  await expect(fetchImage(new URL(base), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
  const stop = new AbortController();
  const network = { addresses: () => new Promise<never>(() => undefined), isPrivate: () => false };
  const fetched = fetchImage(new URL("http://slow.test/"), { signal: stop.signal, network });
  stop.abort();
  await expect(fetched).rejects.toMatchObject({ code: "aborted" });
});

it("refuses other schemes and passwords", async () => {
  for (const url of ["ftp://example.org/x.jpg", "http://user:secret@127.0.0.1/x.jpg"]) {
    await expect(fetchImage(new URL(url))).rejects.toMatchObject({
      code: "usage",
      message: expect.not.stringContaining("secret"),
    });
  }
});

describe("private networks", () => {
  /** A resolver whose answers change. 127.0.0.2 counts as public. */
  function network(...found: readonly string[]) {
    const asked: string[] = [];
    const addresses = async (host: string) => {
      asked.push(host);
      return found[asked.length - 1]!.split(" ").map((address) => ({ address, family: 4 }));
    };
    return { asked, network: { addresses, isPrivate: (address: string) => address !== "127.0.0.2" } };
  }

  it("connects to the address that it checked, not to what the name leads to next", async () => {
    const { port, seen } = await serve((response) => response.end(bytes), "127.0.0.2");
    const resolver = network("127.0.0.2", "127.0.0.1");
    const url = new URL(`http://rebound.test:${port}/x`);
    expect(Buffer.from(await fetchImage(url, { ...resolver, allowPrivate: false }))).toEqual(bytes);
    expect([resolver.asked, seen]).toEqual([["rebound.test"], ["/x"]]);
  });

  it.each([
    ["an address", "http://127.0.0.1", [], {}, /^http:\/\/127\.0\.0\.1:\d+\/x is an address in a private network\.$/],
    ["a name", "http://inner.test", ["127.0.0.1"], {}, /is an address in a private network\.$/],
    ["a name with a public address too", "http://both.test", ["127.0.0.2 127.0.0.1"], {}, /private network\.$/],
  ])("refuses %s", async (_, host, found, options, words) => {
    const { port, seen } = await serve((response) => response.end(bytes));
    const url = new URL(`${host}:${port}/x`);
    await expect(fetchImage(url, { ...network(...found), allowPrivate: false, ...options })).rejects.toMatchObject({
      code: "download",
      message: expect.stringMatching(words),
    });
    expect(seen).toEqual([]);
  });

  it("follows no redirect into one from the public internet, whatever the name led to before", async () => {
    const inner = await serve((response) => response.end(bytes));
    for (const host of ["outer.test", "inner.test", "127.0.0.1"]) {
      const start = await serve(to(`http://${host}:${inner.port}/x`), "127.0.0.2");
      const resolver = network("127.0.0.2", "127.0.0.1");
      await expect(fetchImage(new URL(`http://outer.test:${start.port}/`), resolver)).rejects.toMatchObject({
        code: "download",
        message: expect.stringContaining("a redirect to an address in a private network"),
      });
    }
    expect(inner.seen).toEqual([]);
  });

  it("follows redirects inside one", async () => {
    const inner = await serve((response) => response.end(bytes));
    const start = await serve(to(`http://127.0.0.1:${inner.port}/x`));
    expect(Buffer.from(await fetchImage(new URL(`http://127.0.0.1:${start.port}/`)))).toEqual(bytes);
  });
});

it("follows no redirect from https to http", async () => {
  const start = await serve(to(`${base}/a%20file`));
  const spy = vi
    .spyOn(https, "request")
    .mockImplementation(((url: URL, options: RequestOptions) =>
      request(new URL(url.href.replace("https", "http")), options)) as typeof https.request);
  syncBuiltinESMExports();
  await expect(fetchImage(new URL(`https://127.0.0.1:${start.port}/`))).rejects.toMatchObject({
    code: "download",
    message: expect.stringContaining("a redirect from https to http"),
  });
  expect(spy).toHaveBeenCalledOnce();
  spy.mockRestore();
  syncBuiltinESMExports();
});

it("tells a server with TLS the name, not the address", async () => {
  const hellos: Buffer[] = [];
  const server = createTcpServer((socket: Socket) => {
    socket
      .on("error", () => undefined)
      .once("data", (hello) => {
        hellos.push(hello);
        socket.end();
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const network = { addresses: async () => [{ address: "127.0.0.1", family: 4 }], isPrivate: () => false };
  const url = new URL(`https://photos.test:${(server.address() as AddressInfo).port}/x`);
  await expect(fetchImage(url, { network })).rejects.toMatchObject({ code: "download" });
  expect(hellos[0]!.includes("photos.test")).toBe(true);
  server.close();
});

it.each([
  ["127.0.0.1", true],
  ["10.1.2.3", true],
  ["172.31.255.1", true],
  ["172.32.0.1", false],
  ["169.254.169.254", true],
  ["100.64.0.1", true],
  ["192.0.0.8", true],
  ["198.18.0.1", true],
  ["239.1.1.1", true],
  ["255.255.255.255", true],
  ["0.0.0.0", true],
  ["140.82.121.4", false],
  ["::1", true],
  ["::", true],
  ["fd00::1", true],
  ["fe80::1", true],
  ["fec0::1", true],
  ["ff02::1", true],
  ["::ffff:192.168.1.1", true],
  ["::ffff:140.82.121.4", false],
  ["::192.168.1.1", true],
  ["::ffff:0:192.168.1.1", true],
  ["64:ff9b::192.168.1.1", true],
  ["64:ff9b::140.82.121.4", false],
  ["64:ff9b:1::140.82.121.4", true],
  ["2002:c0a8:101::1", true],
  ["2001:0:4136:e378::1", true],
  ["2001:db8::1", true],
  ["2606:50c0:8000::153", false],
])("the address %s is private: %s", async (address, expected) => {
  expect(isPrivateAddress(address)).toBe(expected);
  const host = address.includes(":") ? `[${address}]` : address;
  expect(await isPrivateHost(new URL(`http://${host}/x`))).toBe(expected);
});

it.each(["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0xa9.254.43518", "①②⑦.0.0.1", "127.0.0.1."])(
  "the host %s is private, however it is written",
  async (host) => {
    expect(await isPrivateHost(new URL(`http://${host}/x`))).toBe(true);
  },
);

it("an address with a zone is private, and no part of a URL", () => {
  expect(isPrivateAddress("fe80::1%eth0")).toBe(true);
  expect(URL.canParse("http://[fe80::1%25eth0]/")).toBe(false);
});

it("a name is as private as where it leads; one that leads nowhere is left to the request", async () => {
  expect(await isPrivateHost(new URL("http://localhost/"))).toBe(true);
  expect(await isPrivateHost(new URL("http://nowhere.invalid/"))).toBe(false);
});
