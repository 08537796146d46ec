// The Python half travels inside the package: as text, because a package loaded from a registry has no folder on disk.
// tests/tools hold this list against the folder.

import boot from "../../python/src/snakebridge/_internal/boot.py" with { type: "text" };
import root from "../../python/src/snakebridge/__init__.py" with { type: "text" };
import internal from "../../python/src/snakebridge/_internal/__init__.py" with { type: "text" };
import arrayValues from "../../python/src/snakebridge/_internal/array_values.py" with { type: "text" };
import batches from "../../python/src/snakebridge/_internal/batches.py" with { type: "text" };
import calls from "../../python/src/snakebridge/_internal/calls.py" with { type: "text" };
import codecs from "../../python/src/snakebridge/_internal/codecs.py" with { type: "text" };
import compiler from "../../python/src/snakebridge/_internal/compiler.py" with { type: "text" };
import control from "../../python/src/snakebridge/_internal/control.py" with { type: "text" };
import cycles from "../../python/src/snakebridge/_internal/cycles.py" with { type: "text" };
import failures from "../../python/src/snakebridge/_internal/failures.py" with { type: "text" };
import frames from "../../python/src/snakebridge/_internal/frames.py" with { type: "text" };
import lifeline from "../../python/src/snakebridge/_internal/lifeline.py" with { type: "text" };
import limits from "../../python/src/snakebridge/_internal/limits.py" with { type: "text" };
import operations from "../../python/src/snakebridge/_internal/operations.py" with { type: "text" };
import packing from "../../python/src/snakebridge/_internal/packing.py" with { type: "text" };
import problems from "../../python/src/snakebridge/_internal/problems.py" with { type: "text" };
import progress from "../../python/src/snakebridge/_internal/progress.py" with { type: "text" };
import refs from "../../python/src/snakebridge/_internal/refs.py" with { type: "text" };
import surrogates from "../../python/src/snakebridge/_internal/surrogates.py" with { type: "text" };
import tableValues from "../../python/src/snakebridge/_internal/table_values.py" with { type: "text" };
import taggedJson from "../../python/src/snakebridge/_internal/tagged_json.py" with { type: "text" };
import timeValues from "../../python/src/snakebridge/_internal/time_values.py" with { type: "text" };
import wireDecode from "../../python/src/snakebridge/_internal/wire_decode.py" with { type: "text" };
import wireEncode from "../../python/src/snakebridge/_internal/wire_encode.py" with { type: "text" };
import worker from "../../python/src/snakebridge/_internal/worker.py" with { type: "text" };

/** A Python module of the worker. */
export interface PythonModule {
  /** Dotted name. */
  readonly name: string;
  /** Whether it is a package. */
  readonly isPackage: boolean;
  /** Its source. */
  readonly source: string;
}

/** Source of the boot module. */
export const BOOT_SOURCE: string = boot;

/** Every module of the worker. */
export const PYTHON_MODULES: readonly PythonModule[] = [
  { name: "snakebridge", isPackage: true, source: root },
  { name: "snakebridge._internal", isPackage: true, source: internal },
  { name: "snakebridge._internal.array_values", isPackage: false, source: arrayValues },
  { name: "snakebridge._internal.batches", isPackage: false, source: batches },
  { name: "snakebridge._internal.calls", isPackage: false, source: calls },
  { name: "snakebridge._internal.codecs", isPackage: false, source: codecs },
  { name: "snakebridge._internal.compiler", isPackage: false, source: compiler },
  { name: "snakebridge._internal.control", isPackage: false, source: control },
  { name: "snakebridge._internal.cycles", isPackage: false, source: cycles },
  { name: "snakebridge._internal.failures", isPackage: false, source: failures },
  { name: "snakebridge._internal.frames", isPackage: false, source: frames },
  { name: "snakebridge._internal.lifeline", isPackage: false, source: lifeline },
  { name: "snakebridge._internal.limits", isPackage: false, source: limits },
  { name: "snakebridge._internal.operations", isPackage: false, source: operations },
  { name: "snakebridge._internal.packing", isPackage: false, source: packing },
  { name: "snakebridge._internal.problems", isPackage: false, source: problems },
  { name: "snakebridge._internal.progress", isPackage: false, source: progress },
  { name: "snakebridge._internal.refs", isPackage: false, source: refs },
  { name: "snakebridge._internal.surrogates", isPackage: false, source: surrogates },
  { name: "snakebridge._internal.table_values", isPackage: false, source: tableValues },
  { name: "snakebridge._internal.tagged_json", isPackage: false, source: taggedJson },
  { name: "snakebridge._internal.time_values", isPackage: false, source: timeValues },
  { name: "snakebridge._internal.wire_decode", isPackage: false, source: wireDecode },
  { name: "snakebridge._internal.wire_encode", isPackage: false, source: wireEncode },
  { name: "snakebridge._internal.worker", isPackage: false, source: worker },
];
