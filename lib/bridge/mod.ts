/**
 * The bridge: call any Python library.
 *
 * @module
 */
export * from "./bridge.ts";
export { locatedThen } from "./call_site.ts";
export * from "./contexts.ts";
export * from "./core.ts";
export * from "./default_bridge.ts";
export * from "./iterate.ts";
export { Kw, kw, type KwLast, splitArguments } from "./keywords.ts";
export { type BridgeOptions, type CallOptions, type ReturnMode } from "./options.ts";
export { type FaceMaker, Pending, type StepPlan } from "./pending.ts";
export { type CallPayload } from "./payload.ts";
export { type PolicyOptions } from "./policy.ts";
export { type FunctionMembers, type PyProxy, type SettledProxy } from "./proxy.ts";
export * from "./operators.ts";
export * from "./ref.ts";
export { type IdempotentCacheOptions, type IdempotentCacheStats } from "./result_cache.ts";
export { withRuntime } from "./runtime_options.ts";
export * from "./session.ts";
export type * from "./shape.ts";
export { type PyTemplate, type TemplateOptions } from "./template.ts";
export { type HostMethod, type HostProperty, PySubclass, type SubclassDefinition } from "./subclass.ts";
export { showHandle, showWith } from "./show.ts";
export { TIMEOUT_PROFILES, type TimeoutProfile } from "./time_limits.ts";
