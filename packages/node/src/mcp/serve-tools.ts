import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createServer, type ServerOptions } from "./server.js";

/** Serves the tools on the standard streams of this process, until the client closes stdin or the signal fires. */
export async function serveTools(options: ServerOptions): Promise<void> {
  const { signal, onLog, queue } = options;
  const controller = new AbortController();
  const handle = serveStdio(() => createServer({ ...options, signal: AbortSignal.any([signal, controller.signal]) }), {
    onerror: (error) => onLog(`protocol: ${error.message}`),
  });
  await new Promise<void>((resolve) => {
    process.stdin.once("end", resolve).once("close", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  // Nobody reads further answers.
  controller.abort();
  await queue.idle();
  await handle.close();
}
