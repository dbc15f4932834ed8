/** The parts of @npmcli/config that Whybox uses. The package has no types, and DefinitelyTyped has those of an older version. */

declare module "@npmcli/config" {
  namespace Config {
    /** A setting of npm. */
    interface Definition {
      readonly type: unknown;
      readonly default: unknown;
      /** Adds npm's setting `key` to the options of npm's libraries. */
      flatten?(key: string, settings: object, options: Record<string, unknown>): void;
    }
  }

  class Config {
    constructor(options: {
      readonly definitions: Readonly<Record<string, Config.Definition>>;
      readonly shorthands: Readonly<Record<string, readonly string[]>>;
      /** A folder whose `npmrc` contains npm's built-in defaults. */
      readonly npmPath: string;
      /** Environment variables. `load` adds some. */
      readonly env: Record<string, string>;
      readonly argv: readonly string[];
      readonly cwd: string;
      /** Whether unknown settings are logged. */
      readonly warn: boolean;
    });
    /** The project's folder. `loadLocalPrefix` sets it. */
    readonly localPrefix: string;
    /** All settings, the level with the highest priority first. Each level inherits from the next. */
    readonly list: readonly Readonly<Record<string, unknown>>[];
    readonly data: ReadonlyMap<string, { readonly source: string | null; readonly loadError?: Error }>;
    load(): Promise<void>;
    loadLocalPrefix(): Promise<void>;
    loadUserConfig(): Promise<void>;
    loadGlobalConfig(): Promise<void>;
  }
  export = Config;
}

declare module "@npmcli/config/lib/definitions/index.js" {
  import type { Definition } from "@npmcli/config";

  const npm: { readonly definitions: Readonly<Record<string, Definition>> };
  export = npm;
}
