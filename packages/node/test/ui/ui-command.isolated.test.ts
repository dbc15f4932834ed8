import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PageFile } from "../../src/ui/page-files.js";
import { createWorld, type WorldOptions } from "../cli/fake-world.js";

const opened: string[] = [];
vi.mock("../../src/ui/open-browser.js", () => ({
  openBrowser: async (address: string) => void opened.push(address),
}));
vi.mock("../../src/ui/page-files.js", async () => {
  const folder = await mkdtemp(join(tmpdir(), "whybox-ui-"));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.html"), "the page");
  const index: PageFile = { path: join(folder, "index.html"), type: "text/html" };
  return { listPageFiles: async () => new Map([["/", index]]) };
});
vi.mock("../../src/ui/page-weights.js", async () => {
  const { WhyboxError } = await import("@whybox/core");
  return { findPageWeights: () => Promise.reject(new WhyboxError("download", "No network here.")) };
});

describe("whybox ui", () => {
  let stop: AbortController;
  beforeEach(() => {
    stop = new AbortController();
    opened.length = 0;
  });
  afterEach(() => stop.abort());

  /** Starts the command; gives its address once it is printed. */
  async function start(argv: readonly string[], options: WorldOptions = {}) {
    const world = createWorld({ signal: stop.signal, ...options });
    const ended = world.run("ui", ...argv);
    await vi.waitFor(() => expect(world.stdout()).toMatch(/^http.*\n/));
    return { world, ended, address: world.stdout().trim() };
  }

  const get = (address: string, host?: string) =>
    new Promise<number | string>((resolve) => {
      const headers = host === undefined ? {} : { host };
      request(address, { headers, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on("error", (error: NodeJS.ErrnoException) => resolve(error.code!))
        .end();
    });

  it("serves on loopback to names of this machine, until Ctrl-C", async () => {
    const { ended, address } = await start([]);
    expect(new URL(address).hostname).toBe("127.0.0.1");
    expect(await get(address)).toBe(200);
    expect(await get(address, "evil.example")).toBe(403);
    stop.abort();
    expect(await ended).toBe(0);
    expect(await get(address)).toBe("ECONNREFUSED");
  });

  it("opens the browser in a terminal", async () => {
    const { address } = await start([], { tty: true });
    await vi.waitFor(() => expect(opened).toEqual([address]));
  });

  it.each([
    [["--no-open"], true],
    [[], false],
  ])("opens none with %j in a terminal: %s", async (argv, tty) => {
    const { ended } = await start(argv, { tty });
    stop.abort();
    await ended;
    expect(opened).toEqual([]);
  });

  it("says what is missing, and serves the page without weights", async () => {
    const { world, address } = await start([]);
    expect(world.stderr()).toContain("No network here.");
    expect(await get(`${address}weights/default.json`)).toBe(404);
  });

  it("takes a port, and refuses what is none", async () => {
    const { address } = await start([]);
    const { port } = new URL(address);
    const world = createWorld({ signal: stop.signal });
    expect(await world.run("ui", "--port", port)).toBe(8);
    expect(world.stderr()).toContain(`port ${port}`);
    for (const bad of ["65536", "-1", "x"]) expect(await createWorld().run("ui", `--port=${bad}`)).toBe(2);
  });
});
