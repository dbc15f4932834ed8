// @module-tag long

import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { preview } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, launchChromium } from "./browser.js";
import { openPage, SLOW } from "./open-page.js";

const root = resolve(import.meta.dirname, "../../../..");
const site = join(root, "docs/.vitepress/dist");
const chromium = chromiumPath();

/** The pages that `npm run docs` built, by their address, without those of the playground. */
async function sitePages(): Promise<Map<string, string>> {
  const names = (await readdir(site, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  const pages = names.filter((name) => name.endsWith(".html") && !name.startsWith("play/"));
  const texts = pages.map(async (name) => [`/${name}`, await readFile(join(site, name), "utf8")] as const);
  return new Map(await Promise.all(texts));
}

it("has no link to a page or heading that does not exist", async () => {
  const pages = await sitePages();
  expect(pages.size).toBeGreaterThan(300);
  const ids = new Map(
    [...pages].map(([name, text]) => [name, new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!))]),
  );
  const files = new Set((await readdir(site, { recursive: true })).map((name) => `/${name.replaceAll("\\", "/")}`));
  const broken: string[] = [];
  for (const [name, text] of pages) {
    for (const [, href] of text.matchAll(/ (?:href|src)="([^"]+)"/g)) {
      const url = new URL(href!.replaceAll("&amp;", "&"), `http://site${name}`);
      if (url.host !== "site") continue;
      const path = decodeURIComponent(url.pathname);
      const target = [path, `${path}.html`, `${path}index.html`].find((file) => files.has(file) && file !== "/");
      const heading = decodeURIComponent(url.hash.slice(1));
      const found = target !== undefined && (heading === "" || !ids.has(target) || ids.get(target)!.has(heading));
      if (!found) broken.push(`${name}: ${href}`);
    }
  }
  expect(broken).toEqual([]);
});

it("links to files of the repository that exist", async () => {
  const blob = "https://github.com/whybox/whybox/blob/main/";
  const tracked = (await promisify(execFile)("git", ["ls-files"], { cwd: root, maxBuffer: 2 ** 24 })).stdout.split(
    "\n",
  );
  const folders = tracked.flatMap((name) => name.split("/").map((_, i, parts) => parts.slice(0, i).join("/")));
  const known = new Set([...tracked, ...folders]);
  const broken = [...(await sitePages())].flatMap(([name, text]) =>
    [...text.matchAll(/ href="([^"#]+)/g)]
      .filter(
        ([, href]) =>
          href!.startsWith(blob) && !known.has(decodeURIComponent(href!.slice(blob.length)).replace(/\/$/, "")),
      )
      .map(([, href]) => `${name}: ${relative(blob, href!)}`),
  );
  expect(broken).toEqual([]);
});

describe.skipIf(chromium === undefined)("in Chromium", () => {
  let browser: Browser;
  let server: { readonly httpServer: Server | { close(): unknown }; readonly resolvedUrls: { local: string[] } | null };
  let address: string;

  beforeAll(async () => {
    browser = await launchChromium(chromium!);
    server = (await preview({
      root: join(root, "docs"),
      configFile: false,
      build: { outDir: site },
      preview: { port: 0, host: "127.0.0.1" },
    })) as typeof server;
    address = server.resolvedUrls!.local[0]!;
  });

  afterAll(async () => {
    await browser?.close();
    server?.httpServer.close();
  });

  const looks: Record<string, BrowserContextOptions> = {
    light: {},
    dark: { colorScheme: "dark" },
    phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  };
  const examples = [
    "",
    "start.html",
    "guides/false-alarm.html",
    "cli.html",
    "methods/index.html",
    "models.html",
    "api/reference/whybox/functions/loadDetector.html",
  ];

  it.each(Object.keys(looks))("is accessible: %s", SLOW, async (look) => {
    for (const name of examples) {
      const { page, complaints, close } = await openPage(browser, `${address}${name}`, looks[look]);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, nodes }) => `${name} ${id}: ${nodes[0]?.html}`)).toEqual([]);
      expect(complaints, name).toEqual([]);
      await close();
    }
  });

  it("finds a word in the search", SLOW, async () => {
    const { page, close } = await openPage(browser, `${address}start.html`);
    await page.getByRole("button", { name: "Search" }).first().click();
    await page.getByRole("searchbox").fill("letterbox");
    await page.locator("#localsearch-list a", { hasText: "Preparation" }).first().click();
    await page.waitForURL(/\/inputs(\.html)?#preparation$/);
    await close();
  });

  it("shows the playground, which asks for a model", SLOW, async () => {
    const { page, close } = await openPage(browser, `${address}playground.html`);
    const frame = page.frameLocator('iframe[title="The Whybox playground"]');
    await frame.getByRole("button", { name: "Open a model" }).or(frame.getByText("Open a model")).first().waitFor();
    await close();
  });
});
