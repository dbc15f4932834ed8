import { stat } from "node:fs/promises";
import { type RgbImage, WhyboxError } from "@whybox/core";
import { z } from "zod";
import { isAddress } from "../../images/named-source.js";
import { systemErrorCode } from "../../io/system-error.js";
import { stopIfAborted } from "../../stop-if-aborted.js";
import { isCamera } from "../sources/source-kind.js";
import { lastWords, startProgram } from "./ffmpeg.js";
import { ppmFrames } from "./ppm.js";

export interface VideoOptions {
  /** Every n-th frame is read. */
  readonly stride: number;
  readonly maxFrames: number | null;
  readonly signal: AbortSignal;
  /** Time without any data after which a stream or a camera counts as ended. Default: 30 s. */
  readonly stallMs?: number;
}

const STALL_MS = 30_000;

export interface VideoFrame {
  /** Frame number in the source, from 0. */
  readonly frame: number;
  /** Seconds from the start; null if the frame rate is unknown. */
  readonly time: number | null;
  readonly image: RgbImage;
}

export interface Video {
  /** Frames per second of the source; null if unknown. */
  readonly fps: number | null;
  /** Yields the frames. ffmpeg waits until the next one is requested. When the signal fires, it ends early without an error. */
  frames(): AsyncGenerator<VideoFrame>;
  /** The error message of ffmpeg after the last frame; undefined when there was none. */
  complaint(): string | undefined;
}

/** Opens a video file, a stream or a camera. @throws bad-input when it has no video; usage without ffmpeg. */
export async function openVideo(location: string, options: VideoOptions): Promise<Video> {
  const camera = isCamera(location);
  if (!camera && !isAddress(location)) await refuseMissing(location);
  const { stallMs = STALL_MS } = options;
  const isLive = camera || isAddress(location);
  const fps = camera ? null : await probe(location, { ...options, stallMs: isLive ? stallMs : undefined });
  // Frames that are left out take time too.
  const patience = isLive ? stallMs + (1_000 * (options.stride - 1)) / (fps ?? 1) : undefined;
  let complaint: string | undefined;
  return {
    fps,
    complaint: () => complaint,
    async *frames() {
      const { child, ended } = startProgram("ffmpeg", readArguments(location, options));
      const stop = () => void child.kill("SIGKILL");
      options.signal.addEventListener("abort", stop, { once: true });
      if (options.signal.aborted) stop();
      child.stdin.end();
      let count = 0;
      let hasStalled = false;
      const onStall = () => {
        hasStalled = true;
        stop();
      };
      try {
        for await (const image of ppmFrames(withPatience(child.stdout, patience, onStall))) {
          const frame = count++ * options.stride;
          yield { frame, time: fps === null ? null : Math.round((frame / fps) * 1e6) / 1e6, image };
        }
        const { code, words } = await ended;
        if (options.signal.aborted) return;
        if (hasStalled) complaint = `no data came for ${patience! / 1_000} s`;
        else if (code !== 0 || words !== "") complaint = lastWords(words);
      } finally {
        options.signal.removeEventListener("abort", stop);
        stop();
      }
    },
  };
}

/** The chunks of a stream. Calls `onStall` when one is waited for longer than `ms`. The time that the reader needs does not count. */
async function* withPatience(
  stream: AsyncIterable<Uint8Array>,
  ms: number | undefined,
  onStall: () => void,
): AsyncGenerator<Uint8Array> {
  let timer = ms === undefined ? undefined : setTimeout(onStall, ms);
  try {
    for await (const chunk of stream) {
      clearTimeout(timer);
      yield chunk;
      timer = ms === undefined ? undefined : setTimeout(onStall, ms);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function refuseMissing(path: string): Promise<void> {
  await stat(path).catch((cause: unknown) => {
    const found = systemErrorCode(cause);
    const message = `Cannot read ${path} (${found}); expected a video. Check the path.`;
    throw new WhyboxError("bad-input", message, { cause, details: { file: path, found } });
  });
}

/** The arguments for PPM output, where each frame has its own size. ffmpeg rotates the frames as the file specifies. */
function readArguments(location: string, { stride, maxFrames }: VideoOptions): string[] {
  return [
    ...["-nostdin", "-v", "error", ...inputArguments(location)],
    ...["-an", "-sn", "-dn", "-vf", `select='not(mod(n,${stride}))'`, "-fps_mode", "passthrough"],
    ...(maxFrames === null ? [] : ["-frames:v", String(maxFrames)]),
    ...["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"],
  ];
}

/** The input arguments. A playlist can refer to other files and URLs, so the allowed protocols are limited. */
function inputArguments(location: string): string[] {
  if (isCamera(location)) return ["-f", "v4l2", "-i", location];
  if (!isAddress(location)) return ["-protocol_whitelist", "file,pipe", "-i", `file:${location}`];
  const network = ["-protocol_whitelist", "http,https,tcp,tls,rtp,rtcp,udp,rtsp,rtsps,rtmp,rtmps,srt,crypto"];
  const timeout = /^https?:/i.test(location) ? ["-rw_timeout", "30000000"] : [];
  return [...network, ...timeout, "-i", location];
}

const probeSchema = z.object({ streams: z.array(z.object({ avg_frame_rate: z.string() })).min(1) });

interface ProbeOptions {
  readonly signal: AbortSignal;
  readonly stallMs: number | undefined;
}

/** Frames per second; null if unknown. @throws aborted; bad-input. */
async function probe(location: string, { signal, stallMs }: ProbeOptions): Promise<number | null> {
  const show = ["-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate", "-of", "json"];
  const { child, ended } = startProgram("ffprobe", ["-v", "error", ...show, ...inputArguments(location)]);
  child.stdin.end();
  let text = "";
  let hasStalled = false;
  const stop = () => void child.kill("SIGKILL");
  const onStall = () => {
    hasStalled = true;
    stop();
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of withPatience(child.stdout, stallMs, onStall)) text += chunk;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
  const { code, words } = await ended;
  stopIfAborted(signal);
  const found = code === 0 ? probeSchema.safeParse(JSON.parse(text)) : undefined;
  if (!found?.success) {
    const said = code === 0 ? "it has no video stream" : lastWords(words).replaceAll(`file:${location}`, location);
    const why = hasStalled ? `no answer within ${stallMs! / 1_000} s` : said;
    const message = `Cannot read ${location} as a video: ${why}. Check that it plays in a video player, or copy it again.`;
    throw new WhyboxError("bad-input", message, { details: { file: location } });
  }
  const [over, under] = found.data.streams[0]!.avg_frame_rate.split("/").map(Number);
  const fps = over! / (under ?? 1);
  return fps > 0 && Number.isFinite(fps) ? fps : null;
}
