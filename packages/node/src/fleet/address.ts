import { WhyboxError } from "@whybox/core";

/** Where the queue is. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Whether the connection is encrypted (rediss://). */
  readonly tls: boolean;
  /** The address without name and password, for people. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, or `rediss://…`.
 * @param given of `--queue`; undefined: that of the environment, WHYBOX_QUEUE, which no list of processes shows.
 * @throws usage, which never repeats the text: it may hold a password.
 */
export function readQueueAddress(given: string | undefined, env: string | undefined): QueueAddress {
  const text = given ?? env;
  if (text === undefined || text === "") {
    throw new WhyboxError(
      "usage",
      "--queue is missing: the address of a Redis, as redis://127.0.0.1:6379 (or in WHYBOX_QUEUE).",
    );
  }
  const where = given === undefined ? "WHYBOX_QUEUE" : "--queue";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const db = /^\/?(\d*)$/.exec(url?.pathname ?? "-");
  if (
    url === undefined ||
    !/^rediss?:$/.test(url.protocol) ||
    url.hostname === "" ||
    db === null ||
    url.search !== ""
  ) {
    throw new WhyboxError(
      "usage",
      `${where} is no address of a Redis; expected redis://[user:password@]host[:port][/database], or rediss://.`,
    );
  }
  const [host, port] = [url.hostname.replace(/^\[|\]$/g, ""), url.port === "" ? DEFAULT_PORT : Number(url.port)];
  return {
    ...{ host, port, db: Number(db[1]), tls: url.protocol === "rediss:" },
    username: plain(url.username, where),
    password: plain(url.password, where),
    shown: `${url.protocol}//${url.hostname}:${port}${db[1] === "" ? "" : `/${db[1]}`}`,
  };
}

function plain(part: string, where: string): string | undefined {
  if (part === "") return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    throw new WhyboxError(
      "usage",
      `${where}: the name or the password has a % that is not of an escape; write %25 for it.`,
    );
  }
}
