import { createContext } from "preact";
import type { Failure } from "../controller/calls.js";
import type { Controller } from "../controller.js";

/** Longest side of a frame in pixels. The network does not use a higher resolution. */
const LONGEST = 640;

/** A camera or a video file. It delivers the next frame when the engine is ready for it. */
export class LiveVideo {
  readonly #controller: Controller;
  readonly #video = document.createElement("video");
  /** The frame that is being explained, and the previous one, which is shown in the meantime. */
  readonly #frames = [document.createElement("canvas"), document.createElement("canvas")] as const;
  #count = 0;
  #url: string | undefined;

  constructor(controller: Controller) {
    this.#controller = controller;
    Object.assign(this.#video, { muted: true, playsInline: true, loop: true });
  }

  async camera(): Promise<void> {
    this.stop();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      this.#video.srcObject = stream;
      await this.#start();
    } catch (error) {
      this.#fail({ code: "camera", message: cameraText(error) });
    }
  }

  async file(file: File): Promise<void> {
    this.stop();
    this.#url = URL.createObjectURL(file);
    this.#video.src = this.#url;
    const message = `"${file.name}" is not a video that this browser can play. Use MP4 or WebM.`;
    await this.#start().catch(() => this.#fail({ code: "bad-input", message }));
  }

  stop(): void {
    this.#controller.stopLive();
    const stream = this.#video.srcObject;
    if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
    this.#video.pause();
    this.#video.srcObject = null;
    this.#video.removeAttribute("src");
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
  }

  /** Opens the visible frame as a photo. */
  async capture(): Promise<void> {
    const canvas = this.frame(this.#controller.state.live?.count ?? 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    this.stop();
    if (blob !== null) await this.#controller.openPhoto("frame.png", blob);
  }

  /** The canvas with frame number `count`. */
  frame(count: number): HTMLCanvasElement {
    return this.#frames[count % 2]!;
  }

  async #start(): Promise<void> {
    await this.#video.play();
    this.#count = 0;
    void this.#controller.startLive(() => this.#next());
  }

  async #next(): Promise<ImageBitmap> {
    const { videoWidth, videoHeight } = this.#video;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    const canvas = this.frame(++this.#count);
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    canvas.getContext("2d")!.drawImage(this.#video, 0, 0, canvas.width, canvas.height);
    return createImageBitmap(canvas);
  }

  #fail(failure: Failure): void {
    this.stop();
    this.#controller.failPhoto("the video", failure);
  }
}

/** The reason why a camera delivers no image, and what to do. */
function cameraText(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "Access to the camera was denied. Allow it for this page in the browser's address bar, and try again.";
    case "NotReadableError":
      return "The camera may be in use by another program. Close that program, and try again.";
    default:
      return "This browser finds no camera that it can use. Open a photo or a video file instead.";
  }
}

/** The shared video source of the page. */
export const LiveContext = createContext<LiveVideo | undefined>(undefined);
