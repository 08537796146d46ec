// The shortest script there is: from nothing to a first result of Python.
import { call } from "../../mod.ts";

console.log(await call("math", "sqrt", [16]));
