import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder for downloaded weights: WHYBOX_CACHE, else "whybox" in the platform's cache folder. */
export function cacheFolder(env: Environment, platform: NodeJS.Platform = process.platform): string {
  if (env.WHYBOX_CACHE) return resolve(env.WHYBOX_CACHE);
  const home = (platform === "win32" ? env.USERPROFILE : env.HOME) || homedir();
  if (platform === "win32") return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "whybox", "Cache");
  if (platform === "darwin") return join(home, "Library", "Caches", "whybox");
  return join(env.XDG_CACHE_HOME || join(home, ".cache"), "whybox");
}
