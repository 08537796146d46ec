/**
 * The Python half of introspection, as text: installed from a registry this package has no folder on disk.
 *
 * @module
 */

import describe from "../python/src/snakebridge/introspect/_describe.py" with { type: "text" };
import docstrings from "../python/src/snakebridge/introspect/_docstrings.py" with { type: "text" };
import files from "../python/src/snakebridge/introspect/_files.py" with { type: "text" };
import live from "../python/src/snakebridge/introspect/_live.py" with { type: "text" };
import model from "../python/src/snakebridge/introspect/_model.py" with { type: "text" };
import scopes from "../python/src/snakebridge/introspect/_scopes.py" with { type: "text" };
import types from "../python/src/snakebridge/introspect/_types.py" with { type: "text" };
import init from "../python/src/snakebridge/introspect/__init__.py" with { type: "text" };
import main from "../python/src/snakebridge/introspect/__main__.py" with { type: "text" };

/** Files of the introspection package, by name. */
export const INTROSPECT_SOURCES: Readonly<Record<string, string>> = {
  "__init__.py": init,
  "__main__.py": main,
  "_describe.py": describe,
  "_docstrings.py": docstrings,
  "_files.py": files,
  "_live.py": live,
  "_model.py": model,
  "_scopes.py": scopes,
  "_types.py": types,
};
