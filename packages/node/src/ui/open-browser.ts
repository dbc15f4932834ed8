/**
 * Opens an address in the default browser. That there is none, or that it does not start, is no error: whoever calls has printed the
 * address.
 */
export async function openBrowser(address: string): Promise<void> {
  const { default: open } = await import("open");
  await open(address).then(
    (started) => started.on("error", () => {}).unref(),
    () => {},
  );
}
