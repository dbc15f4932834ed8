import type { OptionTable } from "@whybox/core";
import { type FileOptions, fileOptions } from "../file-options.js";
import { type InputFlags, inputFlags } from "./input-flags.js";

export interface ServeFlags extends Pick<FileOptions, "names" | "anchors" | "device" | "threads">, InputFlags {
  readonly host?: string;
  readonly port?: number;
  readonly workers?: number;
  readonly tokenFile?: string;
  readonly withoutToken?: boolean;
  readonly urls?: "none" | "public" | "any";
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent";
  readonly queue?: number;
  readonly timeout?: number;
  readonly drainTimeout?: number;
  readonly maxBody?: number;
  readonly maxPixels?: number;
  readonly maxImageSize?: number;
  readonly maxDetections?: number;
}

/** The options of `whybox serve`. */
export const serveFlags = {
  host: {
    what: "address to listen on; 0.0.0.0 is reached by other machines and needs a token",
    kind: "text",
    expected: "a host name or an IP address",
    default: "127.0.0.1",
    group: "Server",
    shown: "address",
  },
  port: {
    what: "port to listen on; 0 selects a free port",
    kind: "number",
    min: 0,
    max: 65_535,
    whole: true,
    default: 8080,
    group: "Server",
  },
  workers: {
    what: "number of processes that each hold the models",
    kind: "number",
    min: 1,
    max: 1024,
    whole: true,
    otherwise: "as many as the cores and the memory allow",
    group: "Server",
  },
  tokenFile: {
    what: "file with the token that clients must send (Authorization: Bearer …)",
    kind: "text",
    expected: "a file",
    otherwise: "the environment variable WHYBOX_TOKEN, else no token",
    group: "Server",
    shown: "file",
  },
  withoutToken: {
    what: "let other machines use the server without a token",
    kind: "flag",
    default: false,
    group: "Server",
  },
  urls: {
    what: "where the server may fetch images from that a request gives by address; any includes private networks",
    kind: "choice",
    choices: ["none", "public", "any"],
    default: "none",
    group: "Server",
  },
  logLevel: {
    what: "least important lines of the log, which is JSON on stderr",
    kind: "choice",
    choices: ["debug", "info", "warn", "error", "silent"],
    default: "info",
    group: "Server",
    shown: "level",
  },
  queue: {
    what: "maximum number of requests that wait for a worker; more are answered with 429",
    kind: "number",
    min: 0,
    max: 10_000,
    whole: true,
    default: 32,
    group: "Limits",
  },
  timeout: {
    what: "time for a request in seconds, waiting included; then the answer is 504",
    kind: "number",
    min: 0,
    aboveMin: true,
    max: 86_400,
    default: 60,
    group: "Limits",
    shown: "seconds",
  },
  drainTimeout: {
    what: "time in seconds for the requests in progress when the server is told to stop",
    kind: "number",
    min: 0,
    max: 86_400,
    default: 30,
    group: "Limits",
    shown: "seconds",
  },
  maxBody: {
    what: "maximum size of a request in megabytes, and of an image that is fetched",
    kind: "number",
    min: 0,
    aboveMin: true,
    max: 512,
    default: 20,
    group: "Limits",
    shown: "MB",
  },
  maxPixels: {
    what: "maximum number of pixels of an image, in millions",
    kind: "number",
    min: 0,
    aboveMin: true,
    max: 100,
    default: 40,
    group: "Limits",
    shown: "millions",
  },
  maxImageSize: {
    what: "largest side of the model's input that a request may ask for",
    kind: "number",
    min: 1,
    max: 8192,
    whole: true,
    default: 1280,
    group: "Limits",
  },
  maxDetections: {
    what: "maximum number of detections of an image",
    kind: "number",
    min: 1,
    max: 100_000,
    whole: true,
    default: 100,
    group: "Limits",
  },
  ...{ names: fileOptions.names, anchors: fileOptions.anchors, device: fileOptions.device },
  threads: { ...fileOptions.threads, otherwise: "1, in each worker" },
  ...inputFlags,
} as const satisfies OptionTable<ServeFlags>;
