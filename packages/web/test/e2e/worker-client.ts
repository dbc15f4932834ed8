import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@whybox/browser";
import type { ExplainOptions } from "@whybox/core";
import type { Browser, Page } from "playwright-core";
import { built, PATIENCE } from "./open-page.js";

type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: { readonly code: string; readonly message: string } };

/** A map from the worker. */
export interface WorkerMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** The built worker without the page, for tests of numbers with small networks and small images. */
export interface WorkerClient {
  readonly page: Page;
  open(model: Uint8Array, device: Device, threads?: number): Promise<Answer<unknown>>;
  decode(image: Uint8Array, type: string): Promise<Answer<{ width: number; height: number }>>;
  /** The map of all requested detections together. */
  explain(request: ExplainOptions): Promise<Answer<WorkerMap>>;
  /** The decoded image as PNG. */
  pixels(): Promise<Uint8Array>;
  close(): Promise<void>;
}

type InPage = typeof globalThis & {
  call(name: string, ...values: readonly unknown[]): Promise<Answer<unknown>>;
  bytes(base64: string): Uint8Array<ArrayBuffer>;
};

/** @param address URL of a server of the built page. */
export async function startWorker(browser: Browser, address: string): Promise<WorkerClient> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  // A document of the same host, so it is isolated. It has no script.
  await page.goto(`${address}icon.svg`);
  const script = readdirSync(join(built, "assets")).find((name) => /^worker-.*\.js$/.test(name))!;
  await page.evaluate(listen, `${address}assets/${script}`);
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return {
    page,
    open: (model, device, threads = 0) =>
      page.evaluate(
        ([text, wanted, count, base]) => {
          const { call, bytes } = globalThis as InPage;
          const weights = { kind: "file", name: "model", file: new Blob([bytes(text)]), beside: [] };
          const ort = (name: string) => `${base}ort/ort-wasm-simd-threaded.asyncify.${name}`;
          const runtime = { mjs: ort("mjs"), wasm: ort("wasm") };
          const request = { model: 1, weights, device: wanted, threads: count, runtime, options: {} };
          return call("open", 1, request, "progress") as never;
        },
        [base64(model), device, threads, address] as const,
      ),
    decode: (image, type) =>
      page.evaluate(
        async ([text, mime]) => {
          const { call, bytes } = globalThis as InPage;
          const image = { id: 1, sent: { file: new Blob([bytes(text)], { type: mime }) } };
          const answer = await call("ask", 2, { kind: "image", image }, "progress");
          if (answer.ok) Object.assign(globalThis, { size: answer.value });
          return answer as never;
        },
        [base64(image), type] as const,
      ),
    explain: async (request) => {
      const answer = await page.evaluate(async (asked) => {
        const { call } = globalThis as InPage;
        const question = { kind: "heat", model: 1, image: { id: 1 }, options: asked };
        const found = (await call("ask", 3, question, "progress")) as Answer<{ whole: WorkerMap }>;
        if (!found.ok) return found;
        const { width, height, data } = found.value.whole;
        return { ok: true, value: { width, height, data: [...data] } } as const;
      }, request);
      if (!answer.ok) return answer;
      return { ok: true, value: { ...answer.value, data: Float32Array.from(answer.value.data) } };
    },
    pixels: async () => {
      const base64 = await page.evaluate(async () => {
        const { call } = globalThis as InPage;
        const heat = { detections: [], className: "", width: 1, height: 1, data: new Float32Array(1) };
        const size = (globalThis as unknown as { size: { width: number; height: number } }).size;
        Object.assign(heat, size, { data: new Float32Array(size.width * size.height) });
        const drawing = { heat, colormap: "jet", opacity: 0, detections: [] };
        const question = { kind: "png", image: { id: 1 }, drawing };
        const answer = (await call("ask", 4, question, "progress")) as Answer<Blob>;
        if (!answer.ok) throw new Error(answer.failure.message);
        const bytes = new Uint8Array(await answer.value.arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      });
      return new Uint8Array(Buffer.from(base64, "base64"));
    },
    close: () => context.close(),
  };
}

/** Runs in the page: starts the worker and exchanges comlink's messages with it, like the page's own script. */
function listen(script: string): void {
  const worker = new Worker(script, { type: "module" });
  const waiting = new Map<string, (value: Answer<unknown>) => void>();
  const failed = (message: string) => {
    for (const done of waiting.values()) done({ ok: false, failure: { code: "worker", message } });
  };
  worker.onerror = (event) => failed(event.message);
  worker.onmessage = ({ data }) => {
    if (data.name === "throw") failed(String(data.value?.value?.message));
    waiting.get(data.id)?.(data.value);
  };
  const call: InPage["call"] = (name, ...values) =>
    new Promise((resolve) => {
      const id = `${name} ${Math.random()}`;
      waiting.set(id, resolve);
      const { port1, port2 } = new MessageChannel();
      port1.start();
      const argumentList = values.map((value) =>
        value === "progress" ? { type: "HANDLER", name: "proxy", value: port2 } : { type: "RAW", value },
      );
      worker.postMessage({ id, type: "APPLY", path: [name], argumentList }, [port2]);
    });
  const bytes: InPage["bytes"] = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  Object.assign(globalThis, { call, bytes });
}
