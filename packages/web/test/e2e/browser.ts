import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium, type LaunchOptions } from "playwright-core";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Path of Chromium: CHROMIUM_PATH, or Debian's path. */
function findChromium(): string | undefined {
  const given = process.env.CHROMIUM_PATH;
  return given !== undefined && given !== "" ? given : places.find((path) => existsSync(path));
}

/** Installs Debian's Chromium if that needs no confirmation: in a container, as root. */
function installChromium(): void {
  if (process.getuid?.() !== 0 || process.env.CI === undefined) return;
  const script = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium";
  spawnSync("sh", ["-c", script], { stdio: "ignore", timeout: 300_000 });
}

/** The path of Chromium, or undefined if there is none. In CI a missing Chromium is an error. */
export function chromiumPath(): string | undefined {
  if (findChromium() === undefined) installChromium();
  const path = findChromium();
  if (path !== undefined) return path;
  const how = "apt-get install chromium, or set CHROMIUM_PATH";
  if (process.env.CI !== undefined) throw new Error(`No Chromium for the tests of the page: ${how}.`);
  console.warn(`\n!! The tests of the page in a browser are SKIPPED: no Chromium here (${how}).\n`);
  return undefined;
}

/** WebGPU without a graphics card. It is correct and slow. */
const swiftShader = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** Browser flags for a camera with a moving test image: always allowed, always denied, or no camera. */
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
