/** Opens an address, a file or a folder with the program of the system. Failures are ignored: the caller prints the target. */
export async function openBrowser(address: string): Promise<void> {
  const { default: open } = await import("open");
  await open(address).then(
    (started) => started.on("error", () => {}).unref(),
    () => {},
  );
}
