import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A web server on loopback that gives files by their paths; what is no file has an answer of its own, or none (404). */
export class FileServer {
  readonly requests: string[] = [];
  readonly files = new Map<string, Uint8Array | ((request: IncomingMessage, response: ServerResponse) => void)>();
  /** Kept after `stop`, when nobody listens there. */
  url = "";
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? "";
      this.requests.push(path);
      const file = this.files.get(path);
      if (typeof file === "function") file(request, response);
      else if (file === undefined) response.writeHead(404).end();
      else response.setHeader("content-length", file.length).end(file);
    });
  }

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
