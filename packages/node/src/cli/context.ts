import type { Services } from "../images/services.js";
import type { MethodFacts } from "./method-facts.js";

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
  readonly choices: Choices;
  /** Asked for only when a command runs, so that `--help` loads no image library and no runtime. */
  loadServices(): Promise<Services>;
}

/** The names that options accept, as core lists them. */
export interface Choices {
  readonly colormaps: readonly string[];
  readonly methods: readonly MethodFacts[];
  readonly scores: readonly string[];
  /** Id of the method of this name or alias. @throws usage with the valid ones. */
  methodId(name: string): string;
  /** Id of the score (backprop item) of this name or alias. @throws usage with the valid ones. */
  scoreId(name: string): string;
}
