import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import type { PageServer } from "../../../node/src/ui/page-server.js";
import { chromiumPath, launchChromium } from "./browser.js";
import { openPage, SLOW, startServer, type Watched } from "./open-page.js";

const chromium = chromiumPath();

/** What the tests of a suite share. */
export interface PageSuite {
  readonly browser: Browser;
  /** URL of the page. */
  readonly address: string;
  /** Opens a path of the server, `#…` for the page itself. At the end of the test nothing may have been complained. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
}

interface SuiteOptions {
  /** Whether the page has its default weights. Default true. */
  readonly weights?: boolean;
  /** Complaints that are no faults. */
  readonly expected?: RegExp;
}

/** Tests of the built page in Chromium, with a server of their own. Without Chromium they are skipped. */
export function describePage(
  name: string,
  { weights = true, expected }: SuiteOptions,
  tests: (suite: PageSuite) => void,
): void {
  describe.skipIf(chromium === undefined)(name, SLOW, () => {
    let server: PageServer;
    let browser: Browser;
    let watched: Watched | undefined;
    beforeAll(async () => {
      server = await startServer(weights);
      browser = await launchChromium(chromium!);
    });
    afterAll(async () => {
      await browser?.close();
      await server?.close();
    });
    afterEach(async () => {
      expect(watched?.complaints.filter((text) => !expected?.test(text)) ?? []).toEqual([]);
      await watched?.close();
      watched = undefined;
    });
    tests({
      get browser() {
        return browser;
      },
      get address() {
        return server.address;
      },
      open: async (path, options = {}) => {
        watched = await openPage(browser, `${server.address}${path}`, options);
        return watched.page;
      },
    });
  });
}
