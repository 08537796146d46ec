/**
 * The command line of this package: one entry, one file per command.
 *
 * @module
 */
import process from "node:process";

/** A command: gets its arguments, gives the exit status. */
type Command = (args: string[]) => Promise<number>;

// Loaded when chosen: `setup` runs before every example and must not pay for the code generator.
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  setup: {
    about: "make the project's Python environment, or check it with --check",
    load: async () => (await import("./setup.ts")).setup,
  },
  codegen: {
    about: "generate typed wrappers of Python packages, or check them with --check",
    load: async () => (await import("../../codegen/cli.ts")).main,
  },
};

function help(): string {
  const lines = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(10)}${about}`);
  return `Usage: snakebridge <command> [options]\n\n${lines.join("\n")}\n\nEvery command knows --help.`;
}

/** Runs one command line and gives the exit status: 0 done, 1 failed, 2 not understood. */
export async function main(args: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--help" || name === "-h") {
    console.log(help());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(`Unknown command "${name}"\n\n${help()}`);
    return 2;
  }
  return await (await command.load())(rest);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
