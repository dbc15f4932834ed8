/** Opens an address in the default browser. Failures are ignored: the caller prints the address. */
export async function openBrowser(address: string): Promise<void> {
  const { default: open } = await import("open");
  await open(address).then(
    (started) => started.on("error", () => {}).unref(),
    () => {},
  );
}
