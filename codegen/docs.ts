/**
 * Docstrings to TSDoc.
 *
 * Kept: the summary, the text after it (cut at about 600 characters, at the end of a paragraph), one short description
 * per parameter with its default, what is returned and raised, and the first example as fenced Python. Cut, because
 * editors show the comment at every use and numpy's own manual is a link away: notes, references, long texts.
 * No docstring can end its comment or smuggle in a tag.
 *
 * @module
 */

import type { PySignature } from "./model.ts";

const MAX_TEXT = 600;
const MAX_PARAMETER = 160;
const MAX_EXAMPLE_LINES = 8;

/** A docstring taken apart. */
export interface DocParts {
  readonly text: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly returns: string;
  readonly raises: readonly { readonly type: string; readonly text: string }[];
  readonly example: string;
}

/** Reads numpydoc and Google sections; other docstrings are text alone. */
export function parseDocstring(doc: string): DocParts {
  const lines = doc.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n");
  const sections = new Map<string, string[]>();
  let current: string[] = [];
  sections.set("", current);
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const under = lines[index + 1] ?? "";
    if (/^[A-Z][A-Za-z ]{2,30}$/.test(line) && /^-{3,}\s*$/.test(under)) {
      sections.set(line.trim(), current = []);
      index++;
    } else if (/^(Args|Arguments|Returns|Raises|Yields|Examples?|Attributes|Notes?):\s*$/.test(line)) {
      sections.set(line.trim().slice(0, -1), current = []);
    } else current.push(line);
  }
  const parameters = new Map<string, string>();
  for (const title of ["Parameters", "Other Parameters", "Args", "Arguments"]) {
    for (const [names, text] of entries(sections.get(title) ?? [])) {
      for (const name of names.split(",")) parameters.set(name.trim().replace(/^\*+/, ""), text);
    }
  }
  const raises = entries(sections.get("Raises") ?? []).map(([type, text]) => ({ type, text }));
  const returned = entries(sections.get("Returns") ?? sections.get("Yields") ?? []);
  return {
    text: shorten(dropDirectives(sections.get("") ?? []).join("\n").trim()),
    parameters,
    returns: returned.map(([, text]) => text).find((text) => text !== "") ?? "",
    raises,
    example: example(sections.get("Examples") ?? sections.get("Example") ?? []),
  };
}

/** Entries of a section: a line at the margin names, the deeper lines below describe. */
function entries(lines: readonly string[]): [string, string][] {
  const found: [string, string[]][] = [];
  const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  for (const line of lines) {
    if (line.trim() === "") {
      // A blank line ends a description: its first paragraph is enough.
      if (found.length > 0 && found.at(-1)![1].length > 0) found.at(-1)![1].push("\0");
      continue;
    }
    if (line.search(/\S/) === margin) {
      const google = /^\s*(\*{0,2}\w+)(?:\s*\([^)]*\))?:\s+(.*)$/.exec(line);
      if (google !== null && margin > 0) found.push([google[1]!, [google[2]!]]);
      else found.push([line.trim().split(/\s*:\s*/)[0]!, []]);
    } else if (found.length > 0) found.at(-1)![1].push(line.trim());
  }
  return found.map(([name, text]) => [name, sentence(text.join(" ").split("\0")[0]!)]);
}

function sentence(text: string): string {
  const clean = inline(text).replace(/\s+/g, " ").trim();
  if (clean.length <= MAX_PARAMETER) return clean;
  const end = clean.slice(0, MAX_PARAMETER).search(/[.;](?=\s[^.;]*$)/);
  return end > 20 ? clean.slice(0, end + 1) : `${clean.slice(0, clean.lastIndexOf(" ", MAX_PARAMETER))} …`;
}

function dropDirectives(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let inside = false;
  for (const line of lines) {
    if (/^\s*\.\. /.test(line)) inside = true;
    else if (inside && line.trim() !== "" && !/^\s/.test(line)) inside = false;
    if (!inside) kept.push(line);
  }
  return kept;
}

function shorten(text: string): string {
  const paragraphs = text.split(/\n\s*\n/).map((part) => inline(part.replace(/\s*\n\s*/g, " ").trim()));
  const kept: string[] = [];
  let length = 0;
  for (const part of paragraphs) {
    // The C signature line that numpy repeats at the head of a docstring says nothing the types do not.
    if (part === "" || (kept.length === 0 && /^[\w.]+\(.*\)(\s*->.*)?$/.test(part) && paragraphs.length > 1)) continue;
    if (kept.length > 0 && length + part.length > MAX_TEXT) break;
    kept.push(part.length > MAX_TEXT ? `${part.slice(0, part.lastIndexOf(" ", MAX_TEXT))} …` : part);
    length += part.length;
  }
  return kept.join("\n\n");
}

/** reStructuredText marks inside a line to Markdown. */
function inline(text: string): string {
  return text
    .replace(/:[a-z]+(?::[a-z]+)?:`~?([^`<]+?)(?:\s*<[^`>]+>)?`/g, "`$1`")
    .replace(/``([^`]+)``/g, "`$1`")
    .replace(/`([^`<]+) <[^`>]+>`_+/g, "$1");
}

function example(lines: readonly string[]): string {
  const kept: string[] = [];
  let started = false;
  for (const line of lines) {
    const prompt = /^\s*(>>>|\.\.\.)/.test(line);
    if (!started && !prompt) continue;
    started = true;
    if (line.trim() === "" && kept.length >= 2) break;
    kept.push(line.replace(/^\s{0,4}(?=>>>|\.\.\.)/, "").trimEnd());
    if (kept.length >= MAX_EXAMPLE_LINES) break;
  }
  return kept.join("\n").trim();
}

/** Makes text safe inside a comment: it cannot end the comment, and `@` starts no tag. */
export function escapeComment(text: string): string {
  return text
    // Bidirectional overrides and control characters have no place in source text. They go first: what stood around one
    // may be the two halves of an ending.
    // deno-lint-ignore no-control-regex -- removing them is the point
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\u0085\u2028\u2029]/g, " ")
    .replace(/\*\//g, "*\\/")
    .replace(/\/\*/g, "/\\*")
    .replace(/(^|\n)(\s*)@/g, "$1$2\\@")
    .replace(/\{@/g, "{\\@");
}

/** What a comment is written from. */
export interface CommentOptions {
  /** Used when the docstring has no text. */
  readonly fallback: string;
  /** Signature that names the parameters, and their names in TypeScript. */
  readonly signature?: PySignature;
  readonly names?: ReadonlyMap<string, string>;
  /** Leaves out examples. */
  readonly brief?: boolean;
}

/** Writes a documentation comment, without indentation. */
export function comment(doc: string, options: CommentOptions): string {
  const parts = parseDocstring(doc);
  const lines: string[] = (parts.text === "" ? options.fallback : parts.text).split("\n");
  const tags: string[] = [];
  for (const parameter of options.signature?.parameters ?? []) {
    const name = options.names?.get(parameter.name);
    if (name === undefined) continue;
    const text = parts.parameters.get(parameter.name) ?? "";
    const known = parameter.default === null || parameter.default === "..." || /\bdefault/i.test(text);
    const fallback = known ? "" : `Default: \`${parameter.default!.replaceAll("`", "'")}\`.`;
    const description = [text, fallback].filter((part) => part !== "").join(" ");
    if (description !== "") tags.push(`@param ${name} ${description}`);
  }
  if (parts.returns !== "") tags.push(`@returns ${parts.returns}`);
  for (const { type, text } of parts.raises.slice(0, 4)) {
    if (/^[\w.]+$/.test(type)) tags.push(`@throws {PythonError} \`${type}\`${text === "" ? "" : `: ${text}`}`);
  }
  if (!options.brief && parts.example !== "") {
    tags.push(`@example In Python\n\`\`\`python\n${parts.example.replaceAll("```", "'''")}\n\`\`\``);
  }
  const body = escapeComment(lines.join("\n"));
  const escapedTags = tags.map((tag) => `@${escapeComment(tag.slice(1))}`).join("\n");
  const all = escapedTags === "" ? body : `${body}\n\n${escapedTags}`;
  const written = all.split("\n").map((line) => ` * ${line}`.trimEnd());
  return written.length === 1 && written[0]!.length < 110 ? `/** ${all.trim()} */` : `/**\n${written.join("\n")}\n */`;
}
