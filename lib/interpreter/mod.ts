/**
 * Which Python to start. Apart from `lib/env`, because every bridge needs this and few need the rest.
 *
 * @module
 */
export * from "./locate.ts";
export * from "./distribution.ts";
