import type { AnyCamMethod } from "@whybox/core";
import type { Services } from "../images/services.js";

/** A text stream. It may be a terminal. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** The environment of a command. Tests pass their own. */
export interface CliContext {
  /** The words of the command line, so that errors name options as they were typed. Default: none. */
  readonly words?: readonly string[];
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** The input that `-` reads; undefined if there is none. */
  readonly stdin?: AsyncIterable<string | Uint8Array>;
  /** The stream for progress bars; undefined when stderr is not a terminal. */
  readonly barStream: NodeJS.WritableStream | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly version: string;
  readonly platform: NodeJS.Platform;
  /** Opens a file, a folder or an address with the program of the system. Failures are ignored. */
  open(target: string): Promise<void>;
  /** The methods that `--method` accepts. */
  readonly methods: readonly AnyCamMethod[];
  /** Called only when a command runs. `--help` therefore loads no image library and no runtime. */
  loadServices(): Promise<Services>;
}
