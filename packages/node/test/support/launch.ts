import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built command. */
export const bin = fileURLToPath(new URL("../../bin/whybox.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Launch {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs the program as this user and group. */
  readonly uid?: number;
  /** Plays a reader that goes away at once (`| head -0`). */
  readonly closeStdout?: boolean;
}

/** Runs a program to its end. */
export function launch(
  [program, ...argv]: readonly string[],
  { cwd, env, uid, closeStdout }: Launch,
): Promise<Finished> {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(program!, argv, { cwd, env: { ...process.env, NO_COLOR: "1", ...env }, ...user });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      texts[name] += chunk;
    });
  }
  if (closeStdout) child.stdout.destroy();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...texts }));
  });
}

/** Runs the built command as users do. */
export function whybox(argv: readonly string[], options: Launch): Promise<Finished> {
  return launch([process.execPath, bin, ...argv], options);
}
