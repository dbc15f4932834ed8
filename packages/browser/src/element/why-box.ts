import {
  type Detection,
  type ExplainOptions,
  type ExplainProgress,
  type ExplainResult,
  type Measurement,
  WhyboxError,
} from "@whybox/core";
import type { Detector, LoadOptions, WeightsSource } from "../api.js";
import type { ImageSource } from "../image-source.js";
import type { Device } from "../protocol.js";
import { Stage } from "../stage/stage.js";
import type { StageView } from "../stage/stage-view.js";
import { attributeOptions, detectionOptions, optionAttributes } from "./attribute-values.js";
import { type Lease, leaseDetector } from "./shared-detectors.js";
import { shownImage } from "./shown-image.js";
import { spokenText } from "./spoken-text.js";
import { View } from "./view.js";
import type { WhyBoxEvents, WhyBoxTarget } from "./why-box-events.js";

/** There is no HTMLElement where a server renders the page. */
const Base = (globalThis.HTMLElement ?? class {}) as unknown as { new (): WhyBoxTarget; prototype: WhyBoxTarget };

/** Attributes that load another model, or show another image. */
const modelAttributes = ["weights", "device", "threads"];
const viewAttributes = ["alt", "width", "height"];

/**
 * `<why-box src="dog.jpg" weights="yolov8n.onnx">`: an image with its detections and their heat. A box that is pressed shows its own heat. The options of `explain`
 * are attributes (`method`, `layer`, `confidence`, `class-names`, …); by default each detection is explained (`per="detection"`).
 */
export class WhyBox extends Base {
  static readonly observedAttributes = ["src", ...modelAttributes, ...viewAttributes, ...optionAttributes.keys()];

  #ownView: View | undefined;
  /** What shows a given view. */
  #stage: Stage | undefined;
  #weights: WeightsSource | undefined;
  #image: ImageSource | undefined;
  /** The image as `<img>` shows it. */
  #source: string | Blob | undefined;
  #options: ExplainOptions = {};
  #lease: Lease | undefined;
  #detector: Detector | undefined;
  #detections: readonly Detection[] = [];
  #result: ExplainResult | undefined;
  #selected: number | undefined;
  #run: AbortController | undefined;
  /** The options of the shown result. */
  #asked: ExplainOptions = {};
  #measuring: AbortController | undefined;
  #isPlanned = false;
  #isImageNew = true;

  /**
   * What the element shows, for a page that asks the questions itself: the element loads no model then, and tells what the user does by the events `press`,
   * `hover`, `drawing` and `draw`. Set it before the element is in the document, and again for each change. The parts are children of the element,
   * with classes, so that the style sheet of the page reaches them.
   * @throws WhyboxError `usage` if the element already shows what it found itself.
   */
  get view(): StageView | undefined {
    return this.#stage?.view;
  }

  set view(view: StageView) {
    if (this.#ownView !== undefined) {
      throw new WhyboxError(
        "usage",
        "This <why-box> shows an image of its own. Set view before it is in the document.",
      );
    }
    this.#stage ??= new Stage(this, {
      onPress: (detection, isAdded) => this.#tell("press", { detection, isAdded }),
      onHover: (detection) => this.#tell("hover", detection),
      onDrawing: (box) => this.#tell("drawing", box),
      onDraw: (box) => this.#tell("draw", box),
    });
    this.#stage.view = view;
    if (this.isConnected) this.#stage.connect();
  }

  /** What shows the element's own questions. It is made when it is needed: an element with `view` has no shadow tree. */
  get #view(): View {
    if (this.#stage !== undefined) {
      throw new WhyboxError("usage", "This <why-box> shows a given view. Set view to change what it shows.");
    }
    this.#ownView ??= new View(this.attachShadow({ mode: "open" }), { onSelect: (index) => this.select(index) });
    return this.#ownView;
  }

  /** The image: that of `src`, or one that was set: a File, a canvas, a video, … */
  get image(): ImageSource | undefined {
    return this.#image ?? this.getAttribute("src") ?? undefined;
  }

  set image(image: ImageSource | undefined) {
    this.#image = image;
    this.#isImageNew = true;
    this.#plan();
  }

  get src(): string {
    return this.getAttribute("src") ?? "";
  }

  set src(url: string) {
    this.setAttribute("src", url);
  }

  /** The model: the URL of the attribute, or one that was set: a URL, a File, or bytes. */
  get weights(): WeightsSource | undefined {
    return this.#weights ?? this.getAttribute("weights") ?? undefined;
  }

  set weights(weights: WeightsSource | undefined) {
    this.#weights = weights;
    this.#leave();
    this.#plan();
  }

  /** Options of the explanation. They take precedence over attributes. */
  get options(): ExplainOptions {
    return this.#options;
  }

  set options(options: ExplainOptions) {
    this.#options = options;
    this.#plan();
  }

  get detector(): Detector | undefined {
    return this.#detector;
  }

  get detections(): readonly Detection[] {
    return this.#detections;
  }

  get result(): ExplainResult | undefined {
    return this.#result;
  }

  /** Index of the selected detection. */
  get selected(): number | undefined {
    return this.#selected;
  }

  set selected(index: number | undefined) {
    this.select(index);
  }

  /** The image with its heatmap and boxes as a PNG file. Of the selected detection, if one is selected. */
  async toPng(): Promise<Blob> {
    const result = this.#result;
    if (result === undefined) throw noResult();
    const { look } = attributeOptions(this);
    const one = this.#selected === undefined || result.maps.length === 0 ? {} : { detection: this.#selected };
    // Drawing needs much script, and few pages save an image.
    const { toPng } = await import("../to-png.js");
    return toPng(result, { ...look, ...one });
  }

  /**
   * Measures how faithful the map of a detection is, by default of the selected one, or that of the option `box`. It takes some 70 runs of the network. Another call, another
   * image and other options end it. Undefined if the network is hardly confident in the detection.
   * @throws WhyboxError `usage` without a result, or without a map of a single detection; `aborted`; those of `explain`.
   */
  async measure(index: number | undefined = this.#selected): Promise<Measurement | undefined> {
    const [detector, image] = [this.#detector, this.#source];
    if (this.#result === undefined || detector === undefined || image === undefined) throw noResult();
    if (index === undefined && this.#asked.box === undefined) {
      throw new WhyboxError("usage", "No detection is selected. Select one, or pass its index to measure.");
    }
    this.#measuring?.abort();
    const run = new AbortController();
    this.#measuring = run;
    const one = index === undefined ? {} : { detections: [index] };
    try {
      const { measured } = await detector.explain(image, {
        ...{ ...this.#asked, ...one, measure: true, signal: run.signal },
        onProgress: (progress) => this.#progress("measure", progress),
      });
      this.#tell("measured", { index, measurement: measured[0] });
      return measured[0];
    } finally {
      if (this.#measuring === run) {
        this.#measuring = undefined;
        this.#view.progress = undefined;
      }
    }
  }

  /** Selects a detection and shows its heat. Undefined selects none and shows the heat of all. */
  select(index: number | undefined): void {
    const detection = index === undefined ? undefined : this.#detections.find((one) => one.index === index);
    this.#selected = detection?.index;
    this.#view.mark(this.#selected);
    this.#draw();
    this.#say();
    this.#tell("select", detection);
    this.#measureShown();
  }

  connectedCallback(): void {
    (this.#stage ?? this.#view.stage).connect();
    if (this.#stage !== undefined) return;
    this.#view.reserve(this.getAttribute("width"), this.getAttribute("height"));
    this.#plan();
  }

  disconnectedCallback(): void {
    (this.#stage ?? this.#ownView?.stage)?.disconnect();
    // An element that moves is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || this.#stage !== undefined) return;
    if (name === "width" || name === "height") {
      this.#view.reserve(this.getAttribute("width"), this.getAttribute("height"));
    } else if (name === "alt") this.#view.alt = now ?? "";
    else if (["colormap", "opacity", "hide-boxes", "hide-labels"].includes(name)) this.#draw();
    else if (name === "measure") this.#measureShown();
    else {
      if (modelAttributes.includes(name)) this.#leave();
      if (name === "src") this.#isImageNew = true;
      this.#plan();
    }
  }

  /** Explains once all attributes of this task are set. */
  #plan(): void {
    if (this.#isPlanned || !this.isConnected || this.#stage !== undefined) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      if (this.isConnected) void this.#start();
    });
  }

  async #start(): Promise<void> {
    this.#run?.abort();
    this.#measuring?.abort();
    const run = new AbortController();
    this.#run = run;
    this.#detections = [];
    this.#result = undefined;
    this.#selected = undefined;
    try {
      await this.#explain(run.signal);
    } catch (error) {
      if (!run.signal.aborted) this.#fail(error);
    } finally {
      if (this.#run === run) this.#view.progress = undefined;
    }
  }

  async #explain(signal: AbortSignal): Promise<void> {
    const { weights } = this;
    if (this.#isImageNew) {
      const { image } = this;
      this.#source = image === undefined ? undefined : await shownImage(image, signal);
      signal.throwIfAborted();
      this.#isImageNew = false;
      this.#view.showImage(this.#source, this.getAttribute("alt") ?? "");
    } else this.#view.clear();
    const image = this.#source;
    if (weights === undefined || image === undefined) return;
    this.#view.progress = 0;
    const detector = await this.#load(weights);
    signal.throwIfAborted();
    const { explain } = attributeOptions(this);
    const { measure: _, ...options }: ExplainOptions = { per: "detection", ...explain, ...this.#options };
    const found = await detector.detect(image, { ...detectionOptions(options), ahead: options, signal });
    signal.throwIfAborted();
    this.#detections = found.detections;
    this.#view.showBoxes(found.detections, found.letterbox.imageSize);
    this.#tell("detections", found.detections);
    const result = await detector.explain(image, {
      ...options,
      signal,
      onProgress: (progress) => this.#progress("run", progress),
    });
    signal.throwIfAborted();
    this.#result = result;
    this.#asked = options;
    this.#draw();
    this.#say();
    this.#tell("result", result);
    this.#measureShown();
  }

  /** With `measure`: measures the map that is shown, if it is that of one detection or of a drawn box. Without, and for others, a running measurement ends. */
  #measureShown(): void {
    this.#measuring?.abort();
    const { measure } = { ...attributeOptions(this).explain, ...this.#options };
    const isOne = this.#selected !== undefined || this.#asked.box !== undefined;
    if (measure !== true || !isOne || this.#result === undefined) return;
    this.measure().catch((error: unknown) => {
      if (!(error instanceof WhyboxError && error.code === "aborted")) this.#fail(error);
    });
  }

  #progress(stage: "run" | "measure", progress: ExplainProgress): void {
    this.#view.progress = progress.done / progress.total;
    this.#tell("progress", { stage, ...progress });
  }

  async #load(weights: WeightsSource): Promise<Detector> {
    const threads = this.getAttribute("threads");
    const options: LoadOptions = {
      keepForward: true,
      device: (this.getAttribute("device") ?? "auto") as Device,
      ...(threads === null ? {} : { threads: Number(threads) }),
      onProgress: ({ received, total }) => {
        this.#view.progress = total === undefined ? 0 : received / total;
        this.#tell("progress", { stage: "download", done: received, total });
      },
    };
    const isNew = this.#lease === undefined;
    this.#lease ??= leaseDetector(weights, options);
    const detector = await this.#lease.detector;
    this.#detector = detector;
    if (isNew) this.#tell("ready", detector);
    return detector;
  }

  #leave(): void {
    this.#run?.abort();
    this.#measuring?.abort();
    this.#lease?.release();
    this.#lease = undefined;
    this.#detector = undefined;
  }

  #draw(): void {
    const result = this.#result;
    if (result === undefined) return;
    const own = result.maps.find(({ detections }) => detections.includes(this.#selected ?? -1));
    const { look } = attributeOptions(this);
    this.#view.showHeat(result.empty === undefined ? (own?.heatmap ?? result.heatmap) : undefined, look);
  }

  #say(): void {
    if (this.#result !== undefined) this.#view.say(spokenText(this.#result, this.#detections, this.#selected));
  }

  #fail(error: unknown): void {
    const known = error instanceof WhyboxError ? error : new WhyboxError("internal", String(error), { cause: error });
    this.#view.fail(known.message);
    this.#tell("error", known);
  }

  #tell<K extends keyof WhyBoxEvents>(name: K, detail: WhyBoxEvents[K]["detail"]): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function noResult(): WhyboxError {
  return new WhyboxError("usage", 'There is no result yet. Wait for the event "result".');
}
