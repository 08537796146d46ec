import { DEFAULTS } from "../worker/mod.ts";
import { nearest } from "./option_names.ts";

/** Time limits under a name. What is left out is that of the built-in profile of the same name, else of `default`. */
export interface TimeoutProfile {
  /** Longest wait for a result, in milliseconds; `Infinity` for no limit. */
  readonly timeoutMs?: number;
  /** Longest wait for all items of a stream together, in milliseconds; `Infinity` for no limit. */
  readonly streamTimeoutMs?: number;
}

/** Profiles that every bridge knows. */
export const TIMEOUT_PROFILES: Readonly<Record<string, Required<TimeoutProfile>>> = {
  default: { timeoutMs: DEFAULTS.timeoutMs, streamTimeoutMs: DEFAULTS.streamTimeoutMs },
  streaming: { timeoutMs: DEFAULTS.timeoutMs, streamTimeoutMs: DEFAULTS.streamTimeoutMs },
  ml_inference: { timeoutMs: 600_000, streamTimeoutMs: DEFAULTS.streamTimeoutMs },
  batch_job: { timeoutMs: Infinity, streamTimeoutMs: Infinity },
};

/** What a layer (a call, the flow around it, the bridge) may say about time. */
export interface TimeChoice extends TimeoutProfile {
  /** Name of a profile; the layer's own numbers win over it. */
  readonly timeoutProfile?: string;
}

/** What a bridge says about time. */
export interface BridgeTimeOptions extends TimeChoice {
  /** Profiles beside the built-in ones, or changes of those. */
  readonly timeoutProfiles?: Readonly<Record<string, TimeoutProfile>>;
  /** Profiles by library. */
  readonly libraryProfiles?: Readonly<Record<string, string>>;
}

/** The bridge's layers, checked. */
export interface TimeSettings extends Required<TimeoutProfile> {
  /** Every profile, by name. */
  readonly profiles: ReadonlyMap<string, Required<TimeoutProfile>>;
  /** Profile by library; undefined when there is none, which spares calls the question. */
  readonly libraries: ReadonlyMap<string, string> | undefined;
}

/**
 * Fills in what a bridge leaves open.
 *
 * @throws {RangeError} For a limit that is no number above 0, or a profile that nobody defined.
 */
export function resolveTimeSettings(options: BridgeTimeOptions): TimeSettings {
  const what = "Cannot start bridge";
  const profiles = new Map(Object.entries(TIMEOUT_PROFILES));
  for (const [name, given] of Object.entries(options.timeoutProfiles ?? {})) {
    checkLimits(`${what}: in timeoutProfiles.${name},`, given);
    profiles.set(name, { ...(TIMEOUT_PROFILES[name] ?? profileOf(profiles, "default", what)), ...definedOf(given) });
  }
  checkLimits(`${what}:`, options);
  const { timeoutMs } = profileOf(profiles, options.timeoutProfile ?? "default", what);
  const { streamTimeoutMs } = profileOf(profiles, options.timeoutProfile ?? "streaming", what);
  const libraries = Object.entries(options.libraryProfiles ?? {});
  for (const [library, name] of libraries) profileOf(profiles, name, `${what}: for libraryProfiles.${library}`);
  return {
    profiles,
    libraries: libraries.length === 0 ? undefined : new Map(libraries),
    timeoutMs: options.timeoutMs ?? timeoutMs,
    streamTimeoutMs: options.streamTimeoutMs ?? streamTimeoutMs,
  };
}

/**
 * The time limits of a call. What is nearest to the call decides, for each limit alone: the call itself, the flow around
 * it ({@linkcode withRuntime}), its library's profile, the bridge, the default. In each place a number wins over a profile.
 *
 * @param choice What the call says, with what the flow says filled in where it says nothing.
 * @param library Dotted name of what is called; the longest entry of `libraryProfiles` that it begins with counts.
 * @throws {RangeError} For a limit that is no number above 0, or a profile that nobody defined.
 */
export function resolveTimeLimits(
  settings: TimeSettings,
  choice: TimeChoice | undefined,
  library: string | undefined,
): Required<TimeoutProfile> {
  const { profiles } = settings;
  const what = "Cannot call";
  if (choice !== undefined) checkLimits(`${what}:`, choice);
  const name = choice?.timeoutProfile ?? libraryProfile(settings, library);
  const base = name === undefined ? settings : profileOf(profiles, name, what);
  return {
    timeoutMs: choice?.timeoutMs ?? base.timeoutMs,
    streamTimeoutMs: choice?.streamTimeoutMs ?? base.streamTimeoutMs,
  };
}

function libraryProfile({ libraries }: TimeSettings, library: string | undefined): string | undefined {
  if (libraries === undefined) return undefined;
  for (
    let name = library;
    name !== undefined && name !== "";
    name = name.slice(0, Math.max(0, name.lastIndexOf(".")))
  ) {
    const found = libraries.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function profileOf(
  profiles: ReadonlyMap<string, Required<TimeoutProfile>>,
  name: string,
  what: string,
): Required<TimeoutProfile> {
  const found = profiles.get(name);
  if (found !== undefined) return found;
  throw new RangeError(
    `${what}: there is no timeout profile "${String(name)}", the nearest is ` +
      `"${nearest(String(name), [...profiles.keys()])}"`,
  );
}

function checkLimits(what: string, limits: TimeoutProfile): void {
  for (const name of ["timeoutMs", "streamTimeoutMs"] as const) {
    const value: unknown = limits[name];
    if (value !== undefined && (typeof value !== "number" || !(value > 0))) {
      throw new RangeError(`${what} ${name} is ${String(value)}, expected a number of milliseconds above 0`);
    }
  }
}

function definedOf({ timeoutMs, streamTimeoutMs }: TimeoutProfile): TimeoutProfile {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(streamTimeoutMs === undefined ? {} : { streamTimeoutMs }),
  };
}
