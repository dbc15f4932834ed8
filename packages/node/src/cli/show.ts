import { printable } from "@whybox/core";
import type { CliContext } from "./context.js";
import { typedPath } from "./text.js";

/** A result to show, and what to do next. */
export interface Shown {
  /** Absolute path of the file or folder. */
  readonly path: string;
  /** A command for the next step. */
  readonly next: string;
}

/** Opens a result with the program of the system. Without a terminal and a display, only says what it would open. */
export async function show({ path }: Pick<Shown, "path">, context: CliContext): Promise<void> {
  if (hasDisplay(context)) await context.open(path);
  else
    context.stderr.write(
      `--show would open ${printable(typedPath(path, context.cwd))}, but there is no terminal with a display.\n`,
    );
}

/** Whether a person is there to look: a terminal, no CI, and on Linux a display. */
function hasDisplay({ stdout, env, platform }: CliContext): boolean {
  if (stdout.isTTY !== true || (env.CI ?? "") !== "") return false;
  return platform !== "linux" || (env.DISPLAY ?? "") !== "" || (env.WAYLAND_DISPLAY ?? "") !== "";
}
