import { BOOT_SOURCE, PYTHON_MODULES } from "./python_sources.ts";

/**
 * The program text given to `python -c`. It only fetches the boot module from descriptor 3: the whole of Python's
 * half travels over the data stream, because a package loaded from a registry has no folder on disk.
 */
export const STUB: string = [
  "import os,sys",
  "if sys.version_info<(3,10):sys.exit('snakebridge: too old: %d.%d.%d'%sys.version_info[:3])",
  "def r(n):",
  " b=b''",
  " while len(b)<n:",
  "  c=os.read(3,n-len(b))",
  "  if not c:os._exit(0)",
  "  b+=c",
  " return b",
  "exec(compile(r(int.from_bytes(r(4),'little')),'<snakebridge boot>','exec'))",
].join("\n");

let record: Uint8Array | undefined;

/** The boot record and the bundle (proto/PROTOCOL.md 1.2): the first bytes on the data stream. */
export function bootRecord(): Uint8Array {
  record ??= makeBootRecord();
  return record;
}

function makeBootRecord(): Uint8Array {
  const encoder = new TextEncoder();
  const boot = encoder.encode(BOOT_SOURCE);
  const modules = PYTHON_MODULES.map(({ name, isPackage, source }) => ({
    name: encoder.encode(name),
    isPackage,
    source: encoder.encode(source),
  }));
  const bundleBytes = modules.reduce((sum, { name, source }) => sum + 2 + name.length + 1 + 4 + source.length, 0);
  const bytes = new Uint8Array(4 + boot.length + 4 + bundleBytes);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const put = (chunk: Uint8Array): void => {
    bytes.set(chunk, at);
    at += chunk.length;
  };
  put32(boot.length);
  put(boot);
  put32(bundleBytes);
  for (const { name, isPackage, source } of modules) {
    view.setUint16(at, name.length, true);
    at += 2;
    put(name);
    view.setUint8(at, isPackage ? 1 : 0);
    at += 1;
    put32(source.length);
    put(source);
  }
  return bytes;
}
