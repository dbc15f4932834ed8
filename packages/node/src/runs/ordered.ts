/**
 * Works on many things at once and gives the results in the order of the things. At most `window` of them are under way or wait for one
 * before them. Nothing of it is under way any more when it has ended, however it did.
 */
export async function* ordered<T, R>(
  things: AsyncIterable<T>,
  window: number,
  work: (thing: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const queue: Promise<readonly [T, R]>[] = [];
  try {
    for await (const thing of things) {
      const result = work(thing).then((done) => [thing, done] as const);
      result.catch(() => undefined); // thrown when it is its turn
      queue.push(result);
      if (queue.length >= window) yield await queue.shift()!;
    }
    while (queue.length > 0) yield await queue.shift()!;
  } finally {
    await Promise.allSettled(queue);
  }
}
