import { WhyboxError } from "@whybox/core";

export interface QueueAddress {
  readonly url: string;
  /** The password in the address, without escapes. */
  readonly password: string;
  /** The address without user name and password, for messages. */
  readonly shown: string;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, or `rediss://…`.
 * @param given Value of `--queue`. If undefined, `env` is used.
 * @param env Value of the environment variable WHYBOX_QUEUE. Unlike arguments, process lists do not show it.
 * @throws usage for an invalid address. The message does not repeat the address, because it may contain a password.
 */
export function readQueueAddress(given: string | undefined, env: string | undefined): QueueAddress {
  const text = given ?? env;
  if (text === undefined || text === "") {
    throw new WhyboxError(
      "usage",
      "--queue is missing. Pass the address of a Redis server, for example redis://127.0.0.1:6379, or set WHYBOX_QUEUE.",
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
      `${where} is not the address of a Redis server; expected redis://[user:password@]host[:port][/database], or rediss://.`,
    );
  }
  const database = db[1] === "" ? "" : `/${db[1]}`;
  const shown = `${url.protocol}//${url.hostname}:${url.port === "" ? DEFAULT_PORT : url.port}${database}`;
  try {
    decodeURIComponent(url.username);
    return { url: text, password: decodeURIComponent(url.password), shown };
  } catch {
    throw new WhyboxError(
      "usage",
      `${where}: the user name or password contains an invalid escape sequence. Write %25 for a percent sign.`,
    );
  }
}
