// The failed rows of a job, grouped by error, and how to fix them.

import { useState } from "preact/hooks";
import { Loading, Problem, Section, useRequest } from "../components.js";
import { html } from "../dom.js";
import { count, plural } from "../format.js";
import { Corrections, MAX_ROWS } from "./corrections.js";
import { Download } from "./files.js";

const SHOWN_GROUPS = 12;
const SHOWN_FIRST = 5;
const EXAMPLES = 3;
const FIRST_ROWS = 100;

export function Failures({ api, job, limits }) {
  const { data, error, reload } = useRequest((signal) => loadGroups(api, job, signal), [job.id]);
  const [isFixing, setFixing] = useState(false);
  const failed = job.progress.failed_rows;
  return html`<${Section} title="Failed rows" intro=${`${plural(failed, "row")} failed validation, grouped by error.`}>
    ${error && html`<${Problem} error=${error} reload=${reload} />`}
    ${!data && !error && html`<${Loading}>Grouping errors…<//>`}
    ${data &&
    isFixing &&
    html`<${Corrections}
      api=${api}
      job=${job}
      limits=${limits}
      describe=${data.describe}
      close=${() => setFixing(false)}
    />`}
    ${data &&
    !isFixing &&
    html`<ul class="error-groups">
        ${data.shown.slice(0, SHOWN_FIRST).map(entry)}
      </ul>
      ${data.shown.length > SHOWN_FIRST &&
      html`<details>
        <summary>${plural(data.shown.length - SHOWN_FIRST, "more error")}</summary>
        <ul class="error-groups">
          ${data.shown.slice(SHOWN_FIRST).map(entry)}
        </ul>
        ${data.omitted > 0 && html`<p class="muted">${plural(data.omitted, "less frequent error")} listed in the download.</p>`}
      </details>`}
      <${Guide} api=${api} job=${job} fix=${() => setFixing(true)} />`}
  <//>`;
}

const entry = (group) => html`<${ErrorGroup} key=${`${group.code} ${group.column}`} group=${group} />`;

async function loadGroups(api, job, signal) {
  const load = (query) => api.get(`jobs/${job.id}/errors`, { query, signal });
  const [{ groups, errors: first }, schema] = await Promise.all([
    load({ limit: FIRST_ROWS }),
    api.get(`${job.job_type}/schema`, { signal }),
  ]);
  const columns = Object.fromEntries(schema.columns.map((column) => [column.name, column]));
  const sorted = groups.toSorted((a, b) => b.rows - a.rows);
  const shown = [];
  for (const group of sorted.slice(0, SHOWN_GROUPS)) {
    const { code, column, rows } = group;
    let examples = examplesOf(first, group);
    // One request at a time: parallel requests would cold-start a function each.
    if (examples.length < Math.min(EXAMPLES, rows)) {
      examples = examplesOf((await load({ code, column, limit: EXAMPLES })).errors, group);
    }
    shown.push({ ...group, examples, description: describeColumn(columns[column]) });
  }
  const describe = (column) => describeColumn(columns[column]);
  return { shown, omitted: sorted.length - shown.length, describe };
}

function examplesOf(rows, { code, column }) {
  return rows
    .map((row) => ({ row, error: row.errors.find((error) => error.code === code && error.column === column) }))
    .filter(({ error }) => error)
    .slice(0, EXAMPLES)
    .map(({ row, error }) => ({ row: row.row, symbol: row.company_symbol, ...error }));
}

// Describes the values that a column accepts, from the schema.
function describeColumn(column) {
  if (!column) return null;
  const above = column.exclusive_minimum !== undefined ? `, above ${column.exclusive_minimum}` : "";
  const atLeast = column.minimum !== undefined ? `, ${column.minimum} or more` : "";
  const unit = column.unit ? `, in ${column.unit}` : "";
  const length = column.max_length ? `, up to ${column.max_length} characters` : "";
  return `${column.description}${unit}${above}${atLeast}${length}.`;
}

function ErrorGroup({ group }) {
  const [first] = group.examples;
  return html`<li class="error-group">
    <div class="error-group-head">
      <h3>${first?.error ?? group.code}</h3>
      <span class="error-group-rows">${plural(group.rows, "row")}</span>
    </div>
    ${group.description && html`<p class="muted"><code>${group.column}</code> ${group.description}</p>`}
    <ul class="examples">
      ${group.examples.map(
        ({ row, symbol, value }) =>
          html`<li key=${row}>
            Row ${count(row)}${symbol && ` (${symbol})`}: ${value?.trim() ? html`<code>${value}</code>` : html`<em>empty</em>`}
          </li>`,
      )}
    </ul>
  </li>`;
}

function Guide({ api, job, fix }) {
  const isFixableHere = job.progress.failed_rows <= MAX_ROWS;
  return html`<div class="guide">
    <h3>Fix failed rows</h3>
    ${isFixableHere &&
    html`<p class="actions">
      <button type="button" class="primary" onClick=${fix}>Fix in browser</button>
      <span class="muted">Only these rows are scored again. Or fix them in a spreadsheet:</span>
    </p>`}
    <ol>
      <li>
        <p>Download the failed rows. Each row includes the error.</p>
        <p class="actions">
          <${Download} api=${api} job=${job} outcome="failed" format="csv" label="failed rows" kind=${isFixableHere ? "" : "primary"}>Failed rows (CSV)<//>
          <${Download} api=${api} job=${job} outcome="failed" format="xlsx" label="failed rows">Failed rows (Excel)<//>
        </p>
      </li>
      <li><p>Fix the values. You can leave the extra columns in place; they're ignored.</p></li>
      <li><p><a href="#/upload">Upload the corrected file</a>. Only these rows are scored.</p></li>
    </ol>
  </div>`;
}
