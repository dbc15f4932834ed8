/**
 * Yields the lines of a text stream without line breaks ("\n" or "\r\n"). Unlike readline, it throws the errors of the stream.
 * @param input Yields text, or UTF-8 bytes.
 * @param longest Most characters of a line. Default: any.
 * @throws RangeError for a longer line.
 */
export async function* textLines(
  input: AsyncIterable<string | Uint8Array>,
  longest = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop()!;
    if (rest.length > longest) throw new RangeError(`A line has more than ${longest} characters.`);
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
