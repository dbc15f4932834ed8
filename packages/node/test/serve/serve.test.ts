import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Detector, decodeNpy, loadDetector, type ResultDocument } from "whybox";
import { resultSchema } from "../../src/io/result-schema.js";
import { putImages, runWorld } from "../runs/world.js";
import { FileServer } from "../support/file-server.js";
import { Served } from "./served.js";

type Answer = ResultDocument & { readonly attachments: Readonly<Record<string, string>> };

let cwd: string;
let served: Served;
let files: FileServer;
let detector: Detector;
let image: Uint8Array<ArrayBuffer>;
let b64: string;
/** The small model finds something with these options. */
const options = { imageSize: 64, maxDetections: 3, confidence: 0.01 } as const;
const fields = { imageSize: "64", maxDetections: "3", confidence: "0.01" };

beforeAll(async () => {
  cwd = await runWorld();
  await putImages(cwd, ["photo.png"]);
  image = new Uint8Array(readFileSync(join(cwd, "photo.png")));
  b64 = Buffer.from(image).toString("base64");
  [served, files, detector] = await Promise.all([
    Served.start(["mini.onnx", "second=mini.onnx", "--workers", "2", "--urls", "any", "--log-level", "debug"], { cwd }),
    FileServer.start(),
    loadDetector(join(cwd, "mini.onnx"), { threads: 1 }),
  ]);
});
afterAll(async () => {
  await Promise.all([served.stop(), files.stop(), detector.dispose()]);
  await rm(cwd, { recursive: true });
});

describe("POST /v1/explain", () => {
  it("answers a form with the document and the files that the library gives", async () => {
    const answer = await served.form(image, { ...fields, save: '["png","sheet","maps","npy"]', colormap: "viridis" });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json; charset=utf-8"]);
    const { attachments, ...document } = (await answer.json()) as Answer;
    resultSchema.parse(document);
    const wanted = await detector.explain(join(cwd, "photo.png"), { ...options, per: "detection" });
    expect(wanted.maps.length).toBeGreaterThan(1);
    expect(document.detections).toEqual(JSON.parse(JSON.stringify(wanted)).detections);
    expect(document.image.source).toBe("photo.png");
    expect(document.options).toMatchObject({ per: "detection", colormap: "viridis", ...options, imageSize: [64, 64] });
    const named = [document.files, ...document.maps.map((map) => map.files)].flatMap(Object.values).filter(Boolean);
    expect(Object.keys(attachments).toSorted()).toEqual(named.toSorted());
    for (const [i, { files: names }] of document.maps.entries()) {
      const { data } = decodeNpy(Buffer.from(attachments[names.npy!]!, "base64"));
      expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toEqual(
        Buffer.from(wanted.maps[i]!.heatmap.data.buffer),
      );
    }
    const png = await sharp(Buffer.from(attachments[document.files.png!]!, "base64")).metadata();
    expect(png).toMatchObject({ format: "png", width: 64, height: 64 });
    expect(document.files.sheet).not.toBeNull();
    const one = (await (await served.form(image, { ...fields, save: "png" })).json()) as Answer;
    expect([one.files.sheet, Object.keys(one.attachments)]).toEqual([null, [one.files.png]]);
  });

  it("gives the same answer to JSON, with the image in base64, as a data URL, and by address", async () => {
    files.files.set("/photo.png", image);
    const given = [{ b64 }, { b64: `data:image/png;base64,${b64}` }, { url: `${files.url}/photo.png` }];
    const answers = await Promise.all(
      given.map(async (one) => {
        const answer = await served.json("/v1/explain", { image: one, model: "second", options });
        expect(answer.status).toBe(200);
        const { timings: _, image: __, ...document } = (await answer.json()) as Answer;
        return document;
      }),
    );
    expect(answers[0]).toMatchObject({ model: { source: "second" }, attachments: {} });
    expect(answers[0]!.detections.length).toBeGreaterThan(0);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it("answers with the image when the client accepts PNG", async () => {
    const answer = await served.form(image, fields, { headers: { accept: "image/png,*/*;q=0.1" } });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(await sharp(await answer.arrayBuffer()).metadata()).toMatchObject({ format: "png", width: 64 });
  });

  it("reads the fields of a form as the options of JSON", async () => {
    const form = new FormData();
    const texts = {
      classNames: ["class0", "class1"],
      layer: ["0"],
      conf: ["0.01"],
      imgsz: ["[64,64]"],
      sideBySide: ["true"],
    };
    for (const [name, all] of Object.entries(texts)) for (const text of all) form.append(name, text);
    form.append("image", new Blob([image]), "a.png");
    const byForm = await served.fetch("/v1/explain", { method: "POST", body: form });
    const same = { classNames: ["class0", "class1"], layer: 0, conf: 0.01, imgsz: [64, 64], sideBySide: true };
    const byJson = await served.json("/v1/explain", { image: { b64 }, options: same });
    const [first, second] = [(await byForm.json()) as Answer, (await byJson.json()) as Answer];
    expect([byForm.status, byJson.status]).toEqual([200, 200]);
    expect(first.options).toEqual(second.options);
    expect(first.options).toMatchObject({
      classNames: ["class0", "class1"],
      layer: [0],
      confidence: 0.01,
      imageSize: [64, 64],
    });
  });

  it("explains a drawn box, for which the image has one map", async () => {
    const box = { x1: 4, y1: 4, x2: 40, y2: 40, className: "class0" };
    const answer = await served.json("/v1/explain", { image: { b64 }, options: { ...options, box } });
    expect(await answer.json()).toMatchObject({ options: { per: "image" }, asked: { className: "class0" } });
  });
});

describe("KServe's V1 protocol", () => {
  it("lists and describes the models", async () => {
    expect(await (await served.fetch("/v1/models")).json()).toEqual({ models: ["mini", "second"] });
    const card = await (await served.fetch("/v1/models/mini")).json();
    expect(card).toMatchObject({ name: "mini", ready: true, task: "detect", licence: null });
  });

  it("predicts and explains instances in order, as a client of the protocol calls it", async () => {
    const other = await sharp(image).flop().png().toBuffer();
    const instances = [
      { image: { b64 }, options },
      { image: { b64: other.toString("base64") }, options },
    ];
    const predicted = await served.json("/v1/models/mini:predict", { instances });
    const { predictions } = (await predicted.json()) as { predictions: Pick<Answer, "detections" | "letterbox">[] };
    const explained = await served.json("/v1/models/mini:explain", { instances });
    const { explanations } = (await explained.json()) as { explanations: Answer[] };
    expect([predicted.status, explained.status]).toEqual([200, 200]);
    expect(predictions).toHaveLength(2);
    expect(explanations).toHaveLength(2);
    expect(predictions.map(({ detections }) => detections)).toEqual(explanations.map(({ detections }) => detections));
    expect(predictions[0]!.detections).not.toEqual(predictions[1]!.detections);
    // The short form of an instance.
    const short = await served.json("/v1/models/mini:predict", { instances: [{ b64 }] });
    expect(short.status).toBe(200);
  });
});

describe("errors", () => {
  const png = () => Buffer.from(image);
  it.each<[string, () => Promise<Response>, number, string, RegExp]>([
    ["an unknown address", () => served.fetch("/v1/nothing"), 404, "not-found", /There is no GET \/v1\/nothing/],
    [
      "an unknown model",
      () => served.json("/v1/models/min:predict", { instances: [{ b64 }] }),
      404,
      "not-found",
      /Did you mean "mini"\?/,
    ],
    [
      "an option out of range",
      () => served.form(image, { confidence: "2" }),
      400,
      "usage",
      /confidence: expected a number from 0 to 1/,
    ],
    ["an unknown option", () => served.form(image, { confidense: "0.5" }), 400, "usage", /Did you mean "confidence"\?/],
    ["an unknown class", () => served.form(image, { classNames: "unicorn" }), 400, "usage", /unicorn/],
    [
      "options that exclude each other",
      () => served.form(image, { crop: "true", cropKeep: "true" }),
      400,
      "usage",
      /opposites/,
    ],
    ["an option that is for the library", () => served.form(image, { frames: "both" }), 400, "usage", /frames/],
    ["too many detections", () => served.form(image, { maxDetections: "5000" }), 413, "limit", /at most 100/],
    ["a large input", () => served.form(image, { imgsz: "[64, 8192]" }), 413, "limit", /at most 1280/],
    ["no image", () => served.json("/v1/explain", {}), 400, "usage", /image: expected \{ "b64"/],
    [
      "base64 that is none",
      () => served.json("/v1/explain", { image: { b64: "%%%" } }),
      400,
      "usage",
      /not valid base64/,
    ],
    [
      "base64 with a gap",
      () => served.json("/v1/explain", { image: { b64: b64.replace(/(?<=^.{40})./, " ") } }),
      400,
      "usage",
      /base64/,
    ],
    [
      "what is no image",
      () => served.json("/v1/explain", { image: { b64: btoa("I am no image.") } }),
      422,
      "bad-input",
      /The image contains text/,
    ],
    ["half an image", () => served.form(image.slice(0, image.length / 2)), 422, "bad-input", /truncated or damaged/],
    [
      "JSON that is none",
      () => served.fetch("/v1/explain", { method: "POST", body: "{", headers: { "content-type": "application/json" } }),
      400,
      "usage",
      /JSON/,
    ],
    [
      "another type",
      () => served.fetch("/v1/explain", { method: "POST", body: png(), headers: { "content-type": "image/png" } }),
      415,
      "usage",
      /multipart/,
    ],
    [
      "an address that fails",
      () => served.json("/v1/explain", { image: { url: `${files.url}/none.png` } }),
      422,
      "download",
      /404/,
    ],
    [
      "a scheme",
      () => served.json("/v1/explain", { image: { url: "file:///etc/passwd" } }),
      400,
      "usage",
      /only http and https/,
    ],
    [
      "too many instances",
      () => served.json("/v1/models/mini:predict", { instances: Array(40).fill({ b64 }) }),
      400,
      "usage",
      /instances/,
    ],
    [
      "a form without a file",
      () => served.fetch("/v1/explain", { method: "POST", body: Object.assign(new FormData()) }),
      400,
      "usage",
      /./,
    ],
  ])("%s", async (_, call, status, code, words) => {
    const answer = await call();
    const problem = (await answer.json()) as Record<string, unknown>;
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      status,
      "application/problem+json; charset=utf-8",
    ]);
    expect(problem).toMatchObject({ status, code, type: `urn:whybox:error:${code}` });
    expect(problem.detail).toMatch(words);
    expect(problem.instance).toBe(answer.headers.get("x-request-id"));
    expect(JSON.stringify(problem)).not.toContain(cwd);
  });
});

describe("the description of the API", () => {
  it("is what the server answers", async () => {
    const document = (await (await served.fetch("/openapi.json")).json()) as {
      paths: Record<
        string,
        Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
      >;
    };
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const calls: readonly (readonly [string, string, () => Promise<Response>])[] = [
      ["/v1/explain", "post", () => served.form(image, { ...fields, save: "png" })],
      ["/v1/models", "get", () => served.fetch("/v1/models")],
      ["/v1/models/{name}", "get", () => served.fetch("/v1/models/mini")],
      ["/v1/models/{name}:explain", "post", () => served.json("/v1/models/mini:explain", { instances: [{ b64 }] })],
      ["/v1/models/{name}:predict", "post", () => served.json("/v1/models/mini:predict", { instances: [{ b64 }] })],
    ];
    expect(Object.keys(document.paths).toSorted()).toEqual(calls.map(([path]) => path).toSorted());
    for (const [path, method, call] of calls) {
      const { responses } = document.paths[path]![method]!;
      const good = await call();
      const validate = ajv.compile(responses["200"]!.content["application/json"]!.schema);
      expect([path, good.status, validate(await good.json()), validate.errors]).toEqual([path, 200, true, null]);
      const bad = await served.json(path.replace("{name}", "none"), {});
      const validateProblem = ajv.compile(responses.default!.content["application/problem+json"]!.schema);
      expect([path, bad.ok, validateProblem(await bad.json())]).toEqual([path, false, true]);
    }
    const body = JSON.stringify(document.paths["/v1/explain"]);
    for (const words of ["multipart/form-data", "keepTopPercent", '"maximum":1', "imgsz"])
      expect(body).toContain(words);
  });

  it("is shown by a page that loads nothing from elsewhere", async () => {
    const page = await served.fetch("/docs");
    const text = await page.text();
    const named = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(named.length).toBeGreaterThan(3);
    for (const path of named) {
      expect(path).toMatch(/^\/docs\//);
      expect((await served.fetch(path)).status).toBe(200);
    }
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(text).not.toMatch(/<script>|<script [^>]*>[^<\s]/);
  });
});

describe("health, metrics and the log", () => {
  it("tells whether the server lives and is ready", async () => {
    const answers = await Promise.all(["/healthz", "/readyz"].map((path) => served.fetch(path)));
    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual([
      { status: "alive" },
      { status: "ready" },
    ]);
  });

  it("counts requests, stages and detections", async () => {
    const before = await served.metric('whybox_detections_total{model="second"}');
    const answer = await served.form(image, { ...fields, model: "second" });
    const { detections } = (await answer.json()) as Answer;
    expect(await served.metric('whybox_detections_total{model="second"}')).toBe(before + detections.length);
    expect(await served.metric("whybox_workers_ready")).toBe(2);
    expect(await served.metric('whybox_stage_seconds_count{model="second",stage="explain"}')).toBeGreaterThan(0);
    const route = 'route="/v1/models/:name:predict"';
    expect(await served.metric(`whybox_request_seconds_count{method="POST",${route},status="200"}`)).toBeGreaterThan(0);
  });

  it("logs a line for each request, with its id and without the image", async () => {
    const init = { headers: { "x-request-id": "my-id.1" } };
    const answer = await served.json("/v1/explain", { image: { b64 }, options }, init);
    expect(answer.headers.get("x-request-id")).toBe("my-id.1");
    const line = () => served.log.find(({ reqId, msg }) => reqId === "my-id.1" && msg === "request");
    await served.until(() => line() !== undefined);
    expect(line()).toMatchObject({ level: "info", route: "/v1/explain", status: 200, model: "mini", images: 1 });
    expect(JSON.stringify(served.log)).not.toContain(b64.slice(0, 40));
    const odd = await served.fetch("/healthz", { headers: { "x-request-id": "two words" } });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});
