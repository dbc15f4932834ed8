import type { AnyCamMethod } from "@whybox/core";
import type { Services } from "../images/services.js";

/** A stream that takes text; a terminal or not. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** The world as a command sees it. Tests pass their own. */
export interface CliContext {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** What `-` reads; undefined: there is none. */
  readonly stdin?: AsyncIterable<string | Uint8Array>;
  /** Where a progress bar may be drawn; undefined when stderr is no terminal. */
  readonly barStream: NodeJS.WritableStream | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** The methods that `--method` may name. */
  readonly methods: readonly AnyCamMethod[];
  /** Asked for only when a command runs, so that `--help` loads no image library and no runtime. */
  loadServices(): Promise<Services>;
}
