/**
 * Processes values in parallel and yields the results in the order of the values. At most `window` values are being processed, or
 * wait for an earlier one. When the generator ends, for any reason, all work has ended.
 */
export async function* ordered<T, R>(
  values: AsyncIterable<T>,
  window: number,
  work: (value: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const queue: Promise<readonly [T, R]>[] = [];
  try {
    for await (const value of values) {
      const result = work(value).then((done) => [value, done] as const);
      result.catch(() => undefined); // thrown when it is awaited
      queue.push(result);
      if (queue.length >= window) yield await queue.shift()!;
    }
    while (queue.length > 0) yield await queue.shift()!;
  } finally {
    await Promise.allSettled(queue);
  }
}
