// The rows that failed, by cause: how many, the first of them, what to write instead, and the way back.

import { useState } from "preact/hooks";
import { html } from "../dom.js";
import { count, plural } from "../format.js";
import { Problem, Section, Waiting, useAsked } from "../parts.js";
import { Corrections, MOST_ROWS } from "./corrections.js";
import { Download } from "./files.js";

const SHOWN_GROUPS = 12;
const SHOWN_FIRST = 5;
const EXAMPLES = 3;
const FIRST_ROWS = 100;

export function Failures({ api, job, limits }) {
  const { data, error, again } = useAsked((signal) => causes(api, job, signal), [job.id]);
  const [isMending, setMending] = useState(false);
  const failed = job.progress.failed_rows;
  return html`<${Section} title="Failed rows" intro=${`${plural(failed, "row")} could not be scored. Each says why.`}>
    ${error && html`<${Problem} error=${error} again=${again} />`}
    ${!data && !error && html`<${Waiting}>Sorting them by cause …<//>`}
    ${data &&
    isMending &&
    html`<${Corrections}
      api=${api}
      job=${job}
      limits=${limits}
      wanted=${data.wanted}
      leave=${() => setMending(false)}
    />`}
    ${data &&
    !isMending &&
    html`<ul class="causes">
        ${data.shown.slice(0, SHOWN_FIRST).map(shown)}
      </ul>
      ${data.shown.length > SHOWN_FIRST &&
      html`<details>
        <summary>${plural(data.shown.length - SHOWN_FIRST, "more cause")}</summary>
        <ul class="causes">
          ${data.shown.slice(SHOWN_FIRST).map(shown)}
        </ul>
        ${data.left > 0 && html`<p class="muted">And ${plural(data.left, "rarer cause")}, told in the file.</p>`}
      </details>`}
      <${Guide} api=${api} job=${job} mend=${() => setMending(true)} />`}
  <//>`;
}

const shown = (cause) => html`<${Cause} key=${`${cause.code} ${cause.column}`} cause=${cause} />`;

async function causes(api, job, signal) {
  const read = (query) => api.get(`jobs/${job.id}/errors`, { query, signal });
  const [{ groups, errors: first }, schema] = await Promise.all([
    read({ limit: FIRST_ROWS }),
    api.get(`${job.job_type}/schema`, { signal }),
  ]);
  const columns = Object.fromEntries(schema.columns.map((column) => [column.name, column]));
  const sorted = groups.toSorted((one, other) => other.rows - one.rows);
  const shown = [];
  for (const group of sorted.slice(0, SHOWN_GROUPS)) {
    const { code, column, rows } = group;
    let found = examplesOf(first, group);
    // Causes that are not among the first rows are asked for one after another: each at once would start a function each.
    if (found.length < Math.min(EXAMPLES, rows)) {
      found = examplesOf((await read({ code, column, limit: EXAMPLES })).errors, group);
    }
    shown.push({ ...group, examples: found, wanted: wantedOf(columns[column]) });
  }
  return { shown, left: sorted.length - shown.length, wanted: (column) => wantedOf(columns[column]) };
}

function examplesOf(rows, { code, column }) {
  return rows
    .map((row) => ({ row, fault: row.errors.find((one) => one.code === code && one.column === column) }))
    .filter(({ fault }) => fault)
    .slice(0, EXAMPLES)
    .map(({ row, fault }) => ({ row: row.row, symbol: row.company_symbol, ...fault }));
}

// What a column takes, from the schema.
function wantedOf(column) {
  if (!column) return null;
  const least = column.exclusive_minimum !== undefined ? `, above ${column.exclusive_minimum}` : "";
  const orMore = column.minimum !== undefined ? `, ${column.minimum} or more` : "";
  const unit = column.unit ? `, in ${column.unit}` : "";
  const length = column.max_length ? `, up to ${column.max_length} characters` : "";
  return `${column.description}${unit}${least}${orMore}${length}.`;
}

function Cause({ cause }) {
  const [first] = cause.examples;
  return html`<li class="cause">
    <div class="cause-head">
      <h3>${first?.error ?? cause.code}</h3>
      <span class="cause-rows">${plural(cause.rows, "row")}</span>
    </div>
    ${cause.wanted && html`<p class="muted"><code>${cause.column}</code> ${cause.wanted}</p>`}
    <ul class="examples">
      ${cause.examples.map(
        ({ row, symbol, value }) =>
          html`<li key=${row}>
            Row ${count(row)}${symbol && ` (${symbol})`}: ${value?.trim() ? html`<code>${value}</code>` : html`<em>blank</em>`}
          </li>`,
      )}
    </ul>
  </li>`;
}

function Guide({ api, job, mend }) {
  const fits = job.progress.failed_rows <= MOST_ROWS;
  return html`<div class="guide">
    <h3>Fix and score again</h3>
    ${fits &&
    html`<p class="actions">
      <button type="button" class="primary" onClick=${mend}>Correct the cells here</button>
      <span class="muted">Only these rows are scored again. Or in a program for tables:</span>
    </p>`}
    <ol>
      <li>
        <p>Get the failed rows. The file has your columns as you wrote them, and what is wrong beside each row.</p>
        <p class="actions">
          <${Download} api=${api} job=${job} outcome="failed" format="csv" label="failed rows" kind=${fits ? "" : "primary"}>Failed rows as CSV<//>
          <${Download} api=${api} job=${job} outcome="failed" format="xlsx" label="failed rows">as Excel<//>
        </p>
      </li>
      <li><p>Correct the cells. Leave the added columns where they are: they are not read.</p></li>
      <li><p><a href="#/upload">Upload the file again</a>. Only these rows are scored, and the others are not touched.</p></li>
    </ol>
  </div>`;
}
