import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of a Chromium: CHROMIUM_PATH, or where Debian puts it. */
function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH;
  return given !== undefined && given !== "" ? given : places.find((path) => existsSync(path));
}

/** Installs Debian's Chromium where that can be done without asking anybody: in a container, as root. */
function installChromium(): void {
  if (process.getuid?.() !== 0 || process.env.CI === undefined) return;
  const script = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium";
  spawnSync("sh", ["-c", script], { stdio: "ignore", timeout: 300_000 });
}

/** The path of a Chromium, or undefined where there is none to be had. In CI there must be one. */
export function chromiumPath(): string | undefined {
  if (findChromium() === undefined) installChromium();
  const path = findChromium();
  if (path !== undefined) return path;
  const how = "apt-get install chromium, or set CHROMIUM_PATH";
  if (process.env.CI !== undefined) throw new Error(`No Chromium for the tests of the page: ${how}.`);
  console.warn(`\n!! The tests of the page in a browser are SKIPPED: no Chromium here (${how}).\n`);
  return undefined;
}

/** WebGPU without a graphics card: correct, and slow. */
const swiftShader = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** A camera that shows a moving test picture and is always allowed, or that nobody allows, or none. */
const cameras = {
  allowed: ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  refused: ["--use-fake-device-for-media-stream"],
  none: [],
};

interface BrowserWith {
  readonly webgpu?: boolean;
  readonly camera?: keyof typeof cameras;
}

export function launchChromium(
  executablePath: string,
  { webgpu = false, camera = "allowed" }: BrowserWith = {},
): Promise<Browser> {
  const args = ["--no-sandbox", ...cameras[camera], ...(webgpu ? swiftShader : [])];
  const options: LaunchOptions = { executablePath, args };
  return chromium.launch(options);
}
