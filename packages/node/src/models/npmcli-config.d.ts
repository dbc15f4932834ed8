/** The parts of @npmcli/config that Whybox uses. The package has no types, and those of DefinitelyTyped are of an older one. */

declare module "@npmcli/config" {
  namespace Config {
    /** A setting that npm knows. */
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
      /** A folder whose `npmrc` holds npm's own defaults. */
      readonly npmPath: string;
      /** `load` adds variables to it. */
      readonly env: Record<string, string>;
      readonly argv: readonly string[];
      readonly cwd: string;
      /** Whether unknown settings are logged. */
      readonly warn: boolean;
    });
    /** The project's folder, once it is known. */
    readonly localPrefix: string;
    /** All settings, the strongest level first. Each level inherits the weaker ones. */
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
