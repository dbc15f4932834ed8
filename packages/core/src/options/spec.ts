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

/** One of a few texts. */
export interface ChoiceKind<V extends string = string> {
  readonly kind: "choice";
  readonly choices: readonly V[];
}

/** A text that is not empty. `expected` completes the sentence "expected …". */
export interface TextKind {
  readonly kind: "text";
  readonly expected: string;
}

/** Id or alias of a method. */
export interface MethodKind {
  readonly kind: "method";
}

/** Ids or aliases of scores. */
export interface ScoresKind {
  readonly kind: "scores";
}

/** "auto", one layer, or a list of layers; a layer is an index or a name. */
export interface LayersKind {
  readonly kind: "layers";
}

/** One number for both sides, or a height and a width. */
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

/** The kinds that fit an option's type. */
export type KindOf<V> = [V] extends [boolean]
  ? FlagKind
  : [V] extends [number]
    ? NumberKind
    : [V] extends [string]
      ? ChoiceKind<V> | TextKind | MethodKind
      : [V] extends [readonly number[]]
        ? ListKind
        : [V] extends [readonly (infer E extends string)[]]
          ? ListKind<E> | ScoresKind
          : LayersKind | SizeKind | BoxKind;

/** What an option needs to know about a method. */
export interface MethodTraits {
  readonly channels?: unknown;
  readonly reads?: string;
  readonly samples?: string;
  readonly usesSeed?: boolean;
  readonly hasCompat?: boolean;
  readonly ablates?: boolean;
}

/** Everything about an option besides its kind. */
export interface OptionFacts<V = unknown> {
  /** One sentence that says what the option is for, without a capital and a full stop. The docstring begins with it. */
  readonly what: string;
  /** Other names of the option. */
  readonly aliases?: readonly string[];
  /** The value when none is given. */
  readonly default?: V;
  /** What happens when no value is given and there is no fixed default; for help and docs. */
  readonly otherwise?: string;
  /** Heading of the option in the command's help. */
  readonly group: OptionGroup;
  /** Placeholder of the value in the command's help, where it does not follow from the kind. */
  readonly shown?: string;
  /** The option has no flag of its own in the command. */
  readonly libraryOnly?: true;
  /** The methods that use the option. Default: all. `otherwise` completes the sentence "… has no meaning for METHOD: it …". */
  readonly methods?: { readonly use: (method: MethodTraits) => boolean; readonly otherwise: string };
  /** Whether result documents have it: always (default), only when a value is given, or never. */
  readonly inDocument?: "given" | "never";
  /** Makes a control of the page: its label, and the range and step of a slider where they differ from the option's range. */
  readonly page?: { readonly label: string; readonly min?: number; readonly max?: number; readonly step?: number };
}

export type OptionGroup = "What is explained" | "How it is explained" | "Detection" | "Output" | "Sources";

export type OptionSpec<V = unknown> = OptionFacts<V> & (unknown extends V ? OptionKind : KindOf<V>);

/** A row for each of the options, with a kind and a default that fit the option's type. `Besides` are keys that have no row. */
export type OptionTable<Options, Besides extends PropertyKey = never> = {
  readonly [K in Exclude<keyof Options, Besides>]-?: OptionSpec<NonNullable<Options[K]>>;
};

/** Any table. */
export type OptionRows = Readonly<Record<string, OptionFacts & OptionKind>>;

/** Names of the options in a table that have a default. */
export type WithDefault<Table> = {
  [K in keyof Table]: Table[K] extends { readonly default: unknown } ? K : never;
}[keyof Table];

/** The aliases in a table. */
export type AliasOf<Table> = {
  [K in keyof Table]: Table[K] extends { readonly aliases: readonly (infer A)[] } ? A : never;
}[keyof Table];

/** Options with the table's defaults filled in: those without a default may be undefined. */
export type Filled<Options, Table> = {
  readonly [K in keyof Table & keyof Options]: K extends WithDefault<Table>
    ? NonNullable<Options[K]>
    : Options[K] | undefined;
};

/** Compiles only when `Missing` is never: when no name is missing from a table. */
export type NoneMissing<Missing extends never> = Missing;
