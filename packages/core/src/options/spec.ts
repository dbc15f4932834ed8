/** A number within a range. */
export interface NumberKind {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  readonly whole?: true;
  /** The range does not include `min`. */
  readonly aboveMin?: true;
}

export interface FlagKind {
  readonly kind: "flag";
}

/** One of several texts. */
export interface ChoiceKind<V extends string = string> {
  readonly kind: "choice";
  readonly choices: readonly V[];
  /** The library also takes a table of this length. `holds` says what is in it. */
  readonly table?: { readonly bytes: number; readonly holds: string };
}

/** A text that is not empty. `expected` completes the sentence "expected …". */
export interface TextKind {
  readonly kind: "text";
  readonly expected: string;
}

/** Id or alias of a method; in the library a method too. */
export interface MethodKind {
  readonly kind: "method";
}

/** Ids or aliases of scores; in the library scores too. */
export interface ScoresKind {
  readonly kind: "scores";
}

/** "auto", one layer, or a list of layers; a layer is an index or a name. */
export interface LayersKind {
  readonly kind: "layers";
}

/** One number for both sides, or the height and the width. */
export interface SizeKind {
  readonly kind: "size";
  readonly max: number;
}

/** Corners in image pixels, and a class name. */
export interface BoxKind {
  readonly kind: "box";
}

export interface ListKind<V extends string = string> {
  readonly kind: "list";
  readonly of: ChoiceKind<V> | TextKind | NumberKind;
  /** The list has at least one entry. */
  readonly filled?: true;
}

export type OptionKind =
  | NumberKind
  | FlagKind
  | ChoiceKind
  | TextKind
  | MethodKind
  | ScoresKind
  | LayersKind
  | SizeKind
  | BoxKind
  | ListKind;

/** The kinds that match an option's type. */
export type KindOf<V> = [V] extends [boolean]
  ? FlagKind
  : [V] extends [number]
    ? NumberKind
    : [V] extends [string]
      ? ChoiceKind<V> | TextKind
      : [V] extends [string | Uint8Array]
        ? ChoiceKind<Extract<V, string>>
        : [V] extends [string | { readonly id: string }]
          ? MethodKind
          : [V] extends [readonly number[]]
            ? ListKind
            : [V] extends [readonly (infer E extends string)[]]
              ? ListKind<E>
              : [V] extends [readonly (string | { readonly id: string })[]]
                ? ScoresKind
                : LayersKind | SizeKind | BoxKind;

/** The properties of a method that determine its options. */
export interface MethodTraits {
  readonly channels?: unknown;
  readonly reads?: string;
  readonly samples?: string;
  readonly usesSeed?: boolean;
  readonly hasCompat?: boolean;
  readonly ablates?: boolean;
  readonly searches?: boolean;
}

/** The properties of an option other than its kind. */
export interface OptionFacts<V = unknown> {
  /** One sentence that describes the option, without a capital letter and a full stop. The docstring begins with it. */
  readonly what: string;
  /** Other names of the option. */
  readonly aliases?: readonly string[];
  /** The default value. */
  readonly default?: V;
  /** Describes the default if it is not a fixed value, for the help and the docs. */
  readonly otherwise?: string;
  /** Heading of the option in the command's help. */
  readonly group: OptionGroup;
  /** Placeholder of the value in the command's help, if it does not follow from the kind. */
  readonly shown?: string;
  /** The command has no flag for the option. */
  readonly libraryOnly?: true;
  /** The methods that use the option. Default: all. `otherwise` completes the sentence "… has no meaning for METHOD: it …". */
  readonly methods?: { readonly use: (method: MethodTraits) => boolean; readonly otherwise: string };
  /** When result documents contain the option: always (default), only if it has a value, or never. */
  readonly inDocument?: "given" | "never";
  /** The control of the page: its label, and the range and step of its slider if they differ from the option's range. */
  readonly page?: PageControl;
}

/** How the page shows an option. */
export interface PageControl {
  readonly label: string;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  /** What a slider shows at the option's default, in place of the number. */
  readonly atDefault?: string;
}

export type OptionGroup =
  | "What is explained"
  | "How it is explained"
  | "Detection"
  | "Output"
  | "Sources"
  | "Server"
  | "Limits";

export type OptionSpec<V = unknown> = OptionFacts<V> & (unknown extends V ? OptionKind : KindOf<V>);

/** A row for each option. Its kind and default match the option's type. Keys in `Besides` have no row. */
export type OptionTable<Options, Besides extends PropertyKey = never> = {
  readonly [K in Exclude<keyof Options, Besides>]-?: OptionSpec<NonNullable<Options[K]>>;
};

/** Any table. */
export type OptionRows = Readonly<Record<string, OptionFacts & OptionKind>>;

/** Names of a table's options that have a default. */
export type WithDefault<Table> = {
  [K in keyof Table]: Table[K] extends { readonly default: unknown } ? K : never;
}[keyof Table];

/** The aliases of a table's options. */
export type AliasOf<Table> = {
  [K in keyof Table]: Table[K] extends { readonly aliases: readonly (infer A)[] } ? A : never;
}[keyof Table];

/** Options with the table's defaults. Options without a default may be undefined. */
export type Filled<Options, Table> = {
  readonly [K in keyof Table & keyof Options]: K extends WithDefault<Table>
    ? NonNullable<Options[K]>
    : Options[K] | undefined;
};

/** Compiles only if `Missing` is `never`, which means that no name is missing from a table. */
export type NoneMissing<Missing extends never> = Missing;
