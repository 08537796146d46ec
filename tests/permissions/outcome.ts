/** How one way of calling Python went. */
export interface Outcome {
  /** The result. */
  readonly value?: unknown;
  /** The flag that a `PermissionRequiredError` names. */
  readonly flag?: string;
  /** What any error says. */
  readonly message?: string;
}

/** What `probe.ts` prints. */
export interface Outcomes {
  /** The lazy default bridge. */
  readonly lazy: Outcome;
  /** A bridge from `SnakeBridge.start`. */
  readonly started: Outcome;
}
