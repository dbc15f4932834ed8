import { createHash } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** A tar archive, gzipped, of plain files. */
export function makeTarball(files: Readonly<Record<string, Uint8Array | string>>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const body = Buffer.from(content);
    return [tarHeader(name, body.length), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  return withChecksum(header);
}

/** Writes the checksum of a tar header into it. */
export function withChecksum(header: Buffer): Buffer {
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

/** An npm registry on loopback with one package, `tiny@1.0.0`. */
export class FakeRegistry {
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[] = [];
  /** How the tarball is sent. Default: whole. */
  sendTarball: (response: ServerResponse, tarball: Buffer) => void = (response, tarball) => {
    response.setHeader("content-length", tarball.length);
    response.end(tarball);
  };
  /** Kept after `stop`, when nobody listens there. */
  url = "";
  readonly #tarball: Buffer;
  readonly #server: Server;

  private constructor(tarball: Buffer) {
    this.#tarball = tarball;
    this.#server = createServer((request, response) => {
      this.requests.push({ url: request.url ?? "", authorization: request.headers.authorization });
      if (request.url === "/npm/tiny") response.end(JSON.stringify(this.#packument()));
      else if (request.url === "/npm/tiny/-/tiny-1.0.0.tgz") this.sendTarball(response, this.#tarball);
      else response.writeHead(404).end("{}");
    });
  }

  static async start(tarball: Buffer): Promise<FakeRegistry> {
    const registry = new FakeRegistry(tarball);
    await new Promise<void>((resolve) => registry.#server.listen(0, "127.0.0.1", resolve));
    registry.url = `http://127.0.0.1:${(registry.#server.address() as AddressInfo).port}/npm/`;
    return registry;
  }

  tarballRequests(): number {
    return this.requests.filter(({ url }) => url.endsWith(".tgz")).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #packument(): unknown {
    const version = {
      name: "tiny",
      version: "1.0.0",
      dist: { tarball: `${this.url}tiny/-/tiny-1.0.0.tgz`, integrity: integrityOf(this.#tarball) },
    };
    return { name: "tiny", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
  }
}
