// Reads and checks the header of a file before it is uploaded: job type, profile, missing and duplicate columns.
// The API has the last word; this finds what it would reject, using the schema that it serves.

import { Gunzip, Unzip, UnzipInflate } from "./vendor/fflate/browser.js";

const HEAD_BYTES = 64 * 1024;
// Written by Excel for itself; the header is on the next line.
const SEP_LINE = /^"?\s*sep\s*=[^\r\n]*(\r\n|\r|\n)/i;
const QUARTER = "reporting_quarter";
// Lines above the header that are blank or of delimiters only, and what may be before the quote that opens a field.
const EMPTY_LINES = /^(?:[,;\t|]*\s)+/;
const FILLERS = /(^|[,;\t|\r\n])[ \x1a\ufeff]+(?=")/g;
const WORKBOOK_PARTS = /^xl\/(sharedStrings|worksheets\/sheet1)\.xml$/;

export const ENDINGS = [".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".xlsx"];

// Returns the column names, or null if they cannot be read in the browser. Throws Error for a file that is no table.
export async function readHeader(file) {
  const name = file.name.toLowerCase();
  if (!ENDINGS.some((ending) => name.endsWith(ending))) {
    throw new Error(`Unsupported file type. Select a ${ENDINGS.slice(0, -1).join(", ")} or ${ENDINGS.at(-1)} file.`);
  }
  if (file.size === 0) throw new Error("The file is empty.");
  return name.endsWith(".xlsx") ? workbookHeader(file) : csvHeader(file);
}

async function csvHeader(file) {
  const start = unpacked(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  const text = new TextDecoder(encodingOf(start)).decode(start).replace(/^\s+/, "").replace(SEP_LINE, "");
  const { data, errors } = Papa.parse(text.replace(EMPTY_LINES, "").replace(FILLERS, "$1"), {
    preview: 1,
    delimitersToGuess: [",", ";", "\t", "|"],
  });
  if (errors.length && errors.every(({ type }) => type === "Quotes")) throw new Error('The quotes (") in the header do not pair up.');
  return data[0] ?? [];
}

function unpacked(start) {
  if (start[0] !== 0x1f || start[1] !== 0x8b) return start;
  const chunks = [];
  try {
    new Gunzip((chunk) => chunks.push(chunk)).push(start);
  } catch {
    throw new Error("The file is not a valid gzip file.");
  }
  return new Uint8Array(chunks.flatMap((chunk) => [...chunk.slice(0, HEAD_BYTES)])).slice(0, HEAD_BYTES);
}

function encodingOf(start) {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  return "utf-8";
}

// Decompresses a workbook as a stream and stops after its first rows.
async function workbookHeader(file) {
  const parts = {};
  let isArchive = false;
  const unzip = new Unzip((entry) => {
    isArchive = true;
    const [, name] = WORKBOOK_PARTS.exec(entry.name) ?? [];
    if (!name) return;
    const decoder = new TextDecoder();
    parts[name] = "";
    entry.ondata = (error, chunk, isLast) => {
      if (error) throw error;
      if (parts[name].length < HEAD_BYTES) parts[name] += decoder.decode(chunk, { stream: !isLast });
      else entry.terminate();
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  try {
    for await (const chunk of chunksOf(file)) {
      unzip.push(chunk);
      const rows = parts["worksheets/sheet1"];
      if (rows?.includes("</row>") && (!rows.includes('t="s"') || parts.sharedStrings?.length >= HEAD_BYTES)) break;
    }
  } catch {
    isArchive = false;
  }
  if (!isArchive) throw new Error("The file is not a valid Excel workbook.");
  const sheet = parts["worksheets/sheet1"];
  return sheet ? cellsOfFirstRow(sheet, parts.sharedStrings ?? "") : null;
}

async function* chunksOf(file) {
  const reader = file.stream().getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function cellsOfFirstRow(sheet, sharedStrings) {
  const [row] = /<row[\s>].*?<\/row>/s.exec(sheet) ?? [];
  if (!row) return null;
  const strings = [...sharedStrings.matchAll(/<si>(.*?)<\/si>/gs)].map(([, inner]) => textOf(inner));
  const cells = [...row.matchAll(/<c\s([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)].map(([, attributes, inner = ""]) => {
    const [, value = ""] = /<v>(.*?)<\/v>/s.exec(inner) ?? [];
    return attributes.includes('t="s"') ? strings[Number(value)] : textOf(inner) || unescapeXml(value);
  });
  return cells.includes(undefined) ? null : cells;
}

const textOf = (inner) => [...inner.matchAll(/<t[^>]*>(.*?)<\/t>/gs)].map(([, text]) => unescapeXml(text)).join("");

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescapeXml = (text) => text.replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);

// Normalizes a column name as the API does.
export const normalized = (name) =>
  name
    .replace(/\p{Cf}|(?!\s)\p{Cc}/gu, "")
    .trim()
    .toLowerCase()
    .replace(/[\s\u2010\u2011-]+/g, "_");

// Quarterly for a file with a column of quarters, as in the command line.
export const jobTypeOf = (names) => (names.map(normalized).includes(QUARTER) ? "quarterly" : "annual");

// Compares a header with a schema. Returns the nearest profile, its missing columns, duplicates and extra columns.
export function checkHeader(names, schema) {
  const given = names.map(normalized).filter(Boolean);
  const has = new Set(given);
  const profileOf = Object.fromEntries(schema.columns.map(({ name, profile }) => [name, profile]));
  // As in the API: a profile that fits, then the one with most of its own columns, then the one that lacks least.
  const ranked = Object.entries(schema.profiles)
    .map(([profile, columns]) => {
      const missing = columns.filter((column) => !isAvailable(column, has, schema));
      const own = columns.filter((column) => profileOf[column] === profile && !missing.includes(column));
      return { profile, missing, rank: [missing.length > 0, -own.length, missing.length] };
    })
    .sort((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || a.rank[2] - b.rank[2]);
  const known = new Set(schema.columns.map((column) => column.name));
  return {
    ...ranked[0],
    duplicates: [...new Set(given.filter((name, index) => given.indexOf(name) !== index))],
    extra: given.filter((name) => !known.has(name)),
  };
}

function isAvailable(column, has, schema) {
  const inputs = schema.alternatives?.[column];
  return has.has(column) || (inputs?.every((input) => has.has(input)) ?? false);
}
