// Reads and checks the header of a file before it is uploaded: job type, profile, missing and duplicate columns.
// The API has the last word; this finds what it would reject, using the schema that it serves.

import { Unzip, UnzipInflate } from "./vendor/fflate/browser.js";

const HEAD_BYTES = 64 * 1024;
const QUARTER = "reporting_quarter";
const WORKBOOK_PARTS = /^xl\/(sharedStrings|worksheets\/sheet1)\.xml$/;

// Returns the column names, or null if they cannot be read in the browser. Throws Error for a file that is no table.
export async function readHeader(file) {
  const name = file.name.toLowerCase();
  if (!name.endsWith(".csv") && !name.endsWith(".xlsx")) throw new Error("Unsupported file type. Select a .csv or .xlsx file.");
  if (file.size === 0) throw new Error("The file is empty.");
  return name.endsWith(".csv") ? csvHeader(file) : workbookHeader(file);
}

async function csvHeader(file) {
  const start = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const text = new TextDecoder(encodingOf(start)).decode(start).replace(/^\s+/, "");
  const { data } = Papa.parse(text, { preview: 1, delimitersToGuess: [",", ";", "\t", "|"] });
  return data[0] ?? [];
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
export const normalized = (name) => name.replace(/[\0\ufeff\u200b-\u200d\u2060]/g, "").trim().toLowerCase().replace(/[\s-]/g, "_");

// Quarterly for a file with a column of quarters, as in the command line.
export const jobTypeOf = (names) => (names.map(normalized).includes(QUARTER) ? "quarterly" : "annual");

// Compares a header with a schema. Returns the nearest profile, its missing columns, duplicates and extra columns.
export function checkHeader(names, schema) {
  const given = names.map(normalized).filter(Boolean);
  const has = new Set(given);
  const missingOf = (profile) => schema.profiles[profile].filter((column) => !isAvailable(column, has, schema));
  const ranked = Object.keys(schema.profiles)
    .map((profile) => ({ profile, missing: missingOf(profile) }))
    .sort((a, b) => a.missing.length - b.missing.length);
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
