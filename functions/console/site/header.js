// What a file's header says before the file is sent: annual or quarterly, which figures, and which columns are missing.
// The service judges for good; this finds what would be refused anyway, by the columns of its own schema.

import { Unzip, UnzipInflate } from "./vendor/fflate/browser.js";

const HEAD_BYTES = 64 * 1024;
const QUARTER = "reporting_quarter";
const PARTS = /^xl\/(sharedStrings|worksheets\/sheet1)\.xml$/;

// The names in a file's first line, or null where they cannot be told from here. Throws Error for what is no table.
export async function headerOf(file) {
  const name = file.name.toLowerCase();
  if (!name.endsWith(".csv") && !name.endsWith(".xlsx")) throw new Error("Choose a .csv or .xlsx file.");
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

// A workbook is read only as far as its first rows: the parts are unpacked as they come, and left when there is enough.
async function workbookHeader(file) {
  const parts = {};
  let isArchive = false;
  const unzip = new Unzip((entry) => {
    isArchive = true;
    const [, name] = PARTS.exec(entry.name) ?? [];
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
  if (!isArchive) throw new Error("The file is not an Excel workbook that can be opened.");
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
    return attributes.includes('t="s"') ? strings[Number(value)] : textOf(inner) || unescaped(value);
  });
  return cells.includes(undefined) ? null : cells;
}

const textOf = (inner) => [...inner.matchAll(/<t[^>]*>(.*?)<\/t>/gs)].map(([, text]) => unescaped(text)).join("");

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescaped = (text) => text.replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);

// As the service reads names.
export const normalised = (name) => name.replace(/[\0\ufeff\u200b-\u200d\u2060]/g, "").trim().toLowerCase().replace(/[\s-]/g, "_");

// Quarterly for a file with a column of quarters, as the command line chooses too.
export const kindOf = (names) => (names.map(normalised).includes(QUARTER) ? "quarterly" : "annual");

// What a header has by a kind's schema: the nearest profile, its missing columns, names that mean the same, the rest.
export function judged(names, schema) {
  const given = names.map(normalised).filter(Boolean);
  const has = new Set(given);
  const missingOf = (profile) => schema.profiles[profile].filter((column) => !isThere(column, has, schema));
  const ranked = Object.keys(schema.profiles)
    .map((profile) => ({ profile, missing: missingOf(profile) }))
    .sort((one, other) => one.missing.length - other.missing.length);
  const known = new Set(schema.columns.map((column) => column.name));
  return {
    ...ranked[0],
    repeated: [...new Set(given.filter((name, index) => given.indexOf(name) !== index))],
    extra: given.filter((name) => !known.has(name)),
  };
}

function isThere(column, has, schema) {
  const others = schema.alternatives?.[column];
  return has.has(column) || (others?.every((other) => has.has(other)) ?? false);
}
