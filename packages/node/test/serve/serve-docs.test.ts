import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { OptionRows } from "@whybox/core";
import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createMetrics } from "../../src/serve/metrics.js";
import { requestOptions } from "../../src/serve/request-options.js";

const path = resolve(import.meta.dirname, "../../../../docs/serve.md");
const page = () => readFileSync(path, "utf8");

it("docs/serve.md has the options of requests as the table has them", () => {
  const rows: OptionRows = requestOptions;
  const lines = Object.entries(rows).map(([name, { what, otherwise, default: standard, aliases = [] }]) => {
    const names = [name, ...aliases].map((one) => `\`${one}\``).join(", ");
    return `| ${names} | ${what.replaceAll("|", "\\|")} | ${otherwise ?? `\`${JSON.stringify(standard)}\``} |`;
  });
  const wanted = page().replace(/<!-- options -->\n.*?<!-- \/options -->/s, () => {
    return `<!-- options -->\n\n| option | what | default |\n| --- | --- | --- |\n${lines.join("\n")}\n\n<!-- /options -->`;
  });
  if (process.env.WHYBOX_UPDATE_DOCS === "1") writeFileSync(path, wanted);
  expect(
    page() === wanted,
    "run: WHYBOX_UPDATE_DOCS=1 npx vitest run packages/node/test/serve/serve-docs.test.ts",
  ).toBe(true);
});

it("docs/serve.md names every metric of the server", async () => {
  const metrics = createMetrics({ state: { ready: 0, busy: 0, waiting: 0 } });
  expect(metrics.contentType).toBe(new Registry().contentType);
  const there = [...(await metrics.text()).matchAll(/^# HELP (whybox_\w+)/gm)].map(([, name]) => name!);
  const named = [...page().matchAll(/^\| `(whybox_\w+)`/gm)].map(([, name]) => name!);
  expect(named.toSorted()).toEqual(there.toSorted());
});
