import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../support/python.ts";
import { runProgram } from "../support/run_program.ts";

/** A file of the package as it lies in the registry. */
interface PublishedFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** What is read of deno.json. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** Reads deno.json, which may hold comments on lines of their own. */
export function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8").replace(/^\s*\/\/.*$/gm, ""));
}

/** Paths of the files that `deno publish` would upload, relative to the project's folder. */
export async function publishList(deno: string): Promise<string[]> {
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { code, stdout, stderr } = await runProgram(deno, args, { cwd: ROOT });
  const urls = (stdout + stderr).matchAll(/^\s+(file:\/\/\S+) \([\d.]+[KM]?i?B\)$/gm);
  const paths = Array.from(urls, ([, url = ""]) => relative(ROOT, fileURLToPath(url)));
  if (code !== 0 || paths.length === 0) throw new Error(`Cannot list what would be published: ${stdout}${stderr}`);
  return paths;
}

/** A registry on the loopback device that serves this package, and nothing else, as JSR does. */
export class Registry implements AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** Address of the folder that holds the package's files. */
  readonly packageUrl: string;
  /** Paths it was asked for and does not have. */
  readonly missed: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, manifest: Manifest, missed: readonly string[]) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.packageUrl = `http://${this.host}/${manifest.name}/${manifest.version}`;
    this.missed = missed;
  }

  /** Address of the registry, as the variable `JSR_URL` takes it. */
  get url(): string {
    return `http://${this.host}/`;
  }

  /** Serves what `deno publish` would upload now. */
  static async start(deno: string): Promise<Registry> {
    const manifest = readManifest();
    const files = publishedFiles(manifest, await publishList(deno));
    const missed: string[] = [];
    const server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
      const file = files.get(path);
      if (file === undefined) missed.push(path);
      response.writeHead(file === undefined ? 404 : 200, { "content-type": file?.contentType ?? "text/plain" });
      response.end(file?.bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Registry(server, manifest, missed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** The package's files and the two files about it, by path. */
function publishedFiles(manifest: Manifest, paths: readonly string[]): Map<string, PublishedFile> {
  const { name, version, exports } = manifest;
  const files = new Map<string, PublishedFile>();
  const about: Record<string, { size: number; checksum: string }> = {};
  for (const path of paths) {
    const text = readFileSync(join(ROOT, path), "utf8");
    const bytes = new TextEncoder().encode(path.endsWith(".ts") ? withFullSpecifiers(text, manifest.imports) : text);
    files.set(`/${name}/${version}/${path}`, { contentType: contentTypeOf(path), bytes });
    about[`/${path}`] = {
      size: bytes.length,
      checksum: `sha256-${createHash("sha256").update(bytes).digest("hex")}`,
    };
  }
  const json = (value: unknown): PublishedFile => ({
    contentType: "application/json",
    bytes: new TextEncoder().encode(JSON.stringify(value)),
  });
  const [scope, packageName] = name.slice(1).split("/");
  files.set(`/${name}/meta.json`, json({ scope, name: packageName, latest: version, versions: { [version]: {} } }));
  files.set(`/${name}/${version}_meta.json`, json({ manifest: about, exports }));
  return files;
}

/** What publishing does to imports: bare names become what the import map says, because a registry has no import map. */
function withFullSpecifiers(text: string, imports: Readonly<Record<string, string>>): string {
  return text.replace(/^((?:import|export|\}) .*?|import )"([^"./][^"]*)"/gm, (all, before, specifier) => {
    const name = Object.keys(imports).find((name) => specifier === name || specifier.startsWith(`${name}/`));
    return name === undefined ? all : `${before}"${imports[name]}${specifier.slice(name.length)}"`;
  });
}

/** The registry knows the types of sources; the rest is bytes to it. */
function contentTypeOf(path: string): string {
  if (path.endsWith(".ts")) return "text/typescript";
  return path.endsWith(".json") ? "application/json" : "application/octet-stream";
}
