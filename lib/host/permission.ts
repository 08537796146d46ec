import { PermissionRequiredError } from "../errors/mod.ts";

/**
 * Turns a refusal by Deno's permission system into an error that names the flag; gives undefined for other errors.
 *
 * @param error What was thrown or emitted.
 * @param action What was tried, for the message, such as `start Python`.
 * @param advice What else would mend it, as the end of a sentence.
 */
export function asPermissionError(
  error: unknown,
  action: string,
  advice?: string,
): PermissionRequiredError | undefined {
  if (!(error instanceof Error)) return undefined;
  const loader = /Requires --allow-run permissions to spawn subprocess with (\S+) environment variable/.exec(
    error.message,
  );
  if (loader !== null) {
    return new PermissionRequiredError(
      `Cannot ${action}: Deno may not set the environment variable "${loader[1]}" for a program; add --allow-run ` +
        `without names, or leave the variable out`,
      "--allow-run",
      error,
    );
  }
  const match = /Requires (\w+) access to (?:"([^"]*)"|<([^>]*)>)/.exec(error.message);
  if (match === null) return undefined;
  const [, kind, named, described] = match;
  const flag = named === undefined ? `--allow-${kind}` : `--allow-${kind}=${named}`;
  const wanted = named ?? described ?? "";
  return new PermissionRequiredError(
    `Cannot ${action}: Deno may not ${verb(kind ?? "")} "${wanted}"; add ${flag}` +
      (advice === undefined ? "" : `, or ${advice}`),
    flag,
    error,
  );
}

function verb(kind: string): string {
  const verbs: Record<string, string> = {
    run: "run",
    env: "read the environment variable",
    read: "read",
    write: "write",
    net: "connect to",
    sys: "ask the system for",
    ffi: "load",
  };
  return verbs[kind] ?? "use";
}
