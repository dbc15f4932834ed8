// @module-tag long

import { createReadStream } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listPageFiles, type PageFile } from "../../../node/src/ui/page-files.js";
import { findPageWeights } from "../../../node/src/ui/page-weights.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { built, choosePhoto, mapIsDone, openPage, SLOW } from "./open-page.js";

const chromium = chromiumPath();

/** A static file server that sets no headers. The page is in a subfolder. */
async function plainHost(folder: string): Promise<{ server: Server; address: string }> {
  const files = await listPageFiles(built);
  const { file, facts } = await findPageWeights();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const name = path.startsWith(folder) ? path.slice(folder.length) : "";
    const found: PageFile | undefined = name === "/weights/default.onnx" ? file : files.get(name);
    if (name === "/weights/default.json") {
      response.setHeader("Content-Type", "application/json").end(JSON.stringify(facts));
    } else if (found === undefined) response.writeHead(404).end();
    else createReadStream(found.path).pipe(response.setHeader("Content-Type", found.type));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${folder}/` };
}

describe.skipIf(chromium === undefined)("the page in a folder of a static host", SLOW, () => {
  let host: Awaited<ReturnType<typeof plainHost>>;
  beforeAll(async () => {
    host = await plainHost("/some/where");
  });
  afterAll(() => void host?.server.close());

  it("isolates itself, and works when the host is offline", async () => {
    const browser = await launchChromium(chromium!);
    try {
      const { page, complaints } = await openPage(browser, `${host.address}#device=wasm&method=GradCAM`);
      await page.waitForFunction(() => self.crossOriginIsolated);
      const cores = await page.evaluate(() => navigator.hardwareConcurrency);
      const threads = cores === 1 ? "1 thread" : `${Math.min(cores, 16)} threads`;
      await page.locator(".model-chip", { hasText: threads }).waitFor();
      host.server.closeAllConnections();
      await new Promise((resolve) => host.server.close(resolve));
      await page.reload();
      await page.locator(".model-chip", { hasText: "YOLOv5s" }).waitFor();
      await page.locator(".sample").first().click();
      await mapIsDone(page);
      await choosePhoto(page, "chelsea.png");
      await mapIsDone(page);
      expect(await page.locator(".box").count()).toBeGreaterThan(0);
      // The failed request for the list of weights is expected offline.
      expect(complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"))).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
