// Fixes failed rows in the browser: each invalid value is a field, and the corrected rows are uploaded as a new job.

import { useEffect, useRef, useState } from "preact/hooks";
import { Announcement, Loading, Problem, useRequest } from "../components.js";
import { html } from "../dom.js";
import { count, plural } from "../format.js";
import { downloadUrl } from "../results.js";
import { go } from "../routes.js";
import { upload } from "../uploads.js";

// More rows are easier to fix in a spreadsheet.
export const MAX_ROWS = 1000;
// Columns that the file of failed rows adds to those of the input.
const ADDED_COLUMNS = ["row", "code", "column", "error", "errors"];

export function Corrections({ api, job, limits, describe, close }) {
  const { data, error, reload } = useRequest((signal) => loadFailedRows(api, job, signal), [job.id]);
  const [values, setValues] = useState({});
  const [failure, setFailure] = useState(null);
  const [isUploading, setUploading] = useState(false);
  const heading = useRef(null);
  useEffect(() => heading.current?.focus(), [data]);
  if (error) return html`<${Problem} error=${error} reload=${reload} />`;
  if (!data) return html`<${Loading}>Loading failed rows…<//>`;
  const change = (changes) => setValues({ ...values, ...changes });
  const corrected = data.rows.filter((row) => row.errors.some(({ key }) => key in values));
  const submit = async (event) => {
    event.preventDefault();
    if (isUploading) return;
    setUploading(true);
    setFailure(null);
    try {
      const file = fileOf(data.columns, corrected, values, job);
      const { labels, max_failed_percent: limit, validate_only } = job.options;
      const options = { labels, validate_only, ...(limit === null ? {} : { max_failed_percent: limit }) };
      const callbacks = { onProgress: () => {}, signal: new AbortController().signal };
      const accepted = await upload(api, job.job_type, file, options, limits, callbacks);
      go(`/jobs/${accepted.job_id}`);
    } catch (uploadError) {
      setFailure(uploadError);
      setUploading(false);
    }
  };
  return html`<form class="corrections" onSubmit=${submit}>
    <h3 tabindex="-1" ref=${heading}>Fix values</h3>
    ${groupsOf(data.rows).map(
      (group) => html`<${Group} key=${group.key} group=${group} describe=${describe} values=${values} change=${change} />`,
    )}
    ${data.unfixable > 0 &&
    html`<p class="muted">${plural(data.unfixable, "row")} with the wrong number of columns must be fixed in the file.</p>`}
    ${failure && html`<${Problem} error=${failure} />`}
    <div class="actions">
      <button type="submit" class="primary" disabled=${corrected.length === 0} aria-disabled=${isUploading}>
        ${isUploading ? "Uploading…" : `${job.options.validate_only ? "Validate" : "Score"} ${plural(corrected.length, "corrected row")}`}
      </button>
      <button type="button" onClick=${close} disabled=${isUploading}>Discard changes</button>
      <span class="muted wide-only">${count(corrected.length)} of ${plural(data.rows.length, "row")} corrected; the rest are left unchanged.</span>
    </div>
    <${Announcement}>${corrected.length > 0 && `${plural(corrected.length, "row")} corrected`}<//>
  </form>`;
}

async function loadFailedRows(api, job, signal) {
  const response = await fetch(await downloadUrl(api, job.id, "failed", "csv", { signal }), { signal });
  if (!response.ok) throw new Error(`Couldn't load the failed rows (HTTP ${response.status}).`);
  const { data, meta } = Papa.parse(await response.text(), { header: true, skipEmptyLines: true });
  const columns = meta.fields.slice(0, meta.fields.length - ADDED_COLUMNS.length);
  const byName = Object.fromEntries(columns.map((column) => [column.trim().toLowerCase().replace(/[ -]/g, "_"), column]));
  const rows = data.map((cells) => {
    const errors = JSON.parse(cells.errors)
      .filter((error) => error.column in byName)
      .map((error) => ({ ...error, cell: byName[error.column], key: `${cells.row} ${error.column}` }));
    return { cells, errors, number: Number(cells.row), name: cells[byName.company_name] || cells[byName.company_symbol] };
  });
  const fixable = rows.filter((row) => row.errors.length > 0);
  return { columns, rows: fixable, unfixable: rows.length - fixable.length };
}

// Groups errors by code and column, the most frequent first.
function groupsOf(rows) {
  const groups = new Map();
  for (const row of rows) {
    for (const error of row.errors) {
      const key = `${error.code} ${error.column}`;
      const group = groups.get(key) ?? { key, message: error.error, column: error.column, entries: [] };
      group.entries.push({ row, error });
      groups.set(key, group);
    }
  }
  return [...groups.values()].sort((a, b) => b.entries.length - a.entries.length);
}

function Group({ group, describe, values, change }) {
  const [common, setCommon] = useState("");
  const apply = () => change(Object.fromEntries(group.entries.map(({ error }) => [error.key, common])));
  const edit = (error) => (event) => change({ [error.key]: event.currentTarget.value });
  const valueOf = ({ row, error }) => values[error.key] ?? row.cells[error.cell];
  return html`<fieldset class="correction">
    <legend>${group.message}</legend>
    <p class="muted">
      <code>${group.column}</code> ${describe(group.column)} ${plural(group.entries.length, "row")}.
    </p>
    ${group.entries.length > 1 &&
    html`<div class="apply-all">
      <label>
        <span>Set all to</span>
        <input type="text" value=${common} onInput=${(event) => setCommon(event.currentTarget.value)} />
      </label>
      <button type="button" onClick=${apply} disabled=${common === ""}>Apply</button>
    </div>`}
    <ul class="cells">
      ${group.entries.map(
        (entry) =>
          html`<li key=${entry.error.key}>
            <label class=${entry.error.key in values ? "is-corrected" : ""}>
              <span>Row ${count(entry.row.number)} <span class="muted">${entry.row.name}</span></span>
              <input type="text" value=${valueOf(entry)} onInput=${edit(entry.error)} aria-label=${`${group.column} of row ${entry.row.number}`} />
            </label>
          </li>`,
      )}
    </ul>
  </fieldset>`;
}

// Returns the corrected rows as a file with the columns of the input.
function fileOf(columns, rows, values, job) {
  const data = rows.map((row) => {
    const changed = Object.fromEntries(
      row.errors.filter(({ key }) => key in values).map(({ key, cell }) => [cell, values[key]]),
    );
    return { ...row.cells, ...changed };
  });
  const text = Papa.unparse({ fields: columns, data }, { newline: "\n" });
  const name = job.file_info.original_filename.replace(/\.((csv|tsv)(\.gz)?|txt|xlsx)$/i, "");
  return new File([text], `${name}-corrected.csv`, { type: "text/csv" });
}
