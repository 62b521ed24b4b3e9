// Failed rows mended where one reads of them: each faulty cell is a field, and what was mended is sent as a new job.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../dom.js";
import { count, plural } from "../format.js";
import { Announcement, Problem, Waiting, useAsked } from "../parts.js";
import { linkTo } from "../results.js";
import { go } from "../routes.js";
import { send } from "../sending.js";

// More are mended faster in the program that the file came from.
export const MOST_ROWS = 1000;
// What the file of failed rows has beside the input's own columns.
const ADDED = ["row", "code", "column", "error", "errors"];

export function Corrections({ api, job, limits, wanted, leave }) {
  const { data, error, again } = useAsked((signal) => failedRows(api, job, signal), [job.id]);
  const [values, setValues] = useState({});
  const [failure, setFailure] = useState(null);
  const [isSending, setSending] = useState(false);
  const heading = useRef(null);
  useEffect(() => heading.current?.focus(), [data]);
  if (error) return html`<${Problem} error=${error} again=${again} />`;
  if (!data) return html`<${Waiting}>Reading the failed rows …<//>`;
  const set = (changes) => setValues({ ...values, ...changes });
  const mended = data.rows.filter((row) => row.faults.some(({ key }) => key in values));
  const submit = async (event) => {
    event.preventDefault();
    if (isSending) return;
    setSending(true);
    setFailure(null);
    try {
      const file = fileOf(data.columns, mended, values, job);
      const { labels, max_failed_percent: most, validate_only } = job.options;
      const options = { labels, validate_only, ...(most === null ? {} : { max_failed_percent: most }) };
      const told = { onSent: () => {}, signal: new AbortController().signal };
      const accepted = await send(api, job.job_type, file, options, limits, told);
      go(`/jobs/${accepted.job_id}`);
    } catch (refusal) {
      setFailure(refusal);
      setSending(false);
    }
  };
  return html`<form class="corrections" onSubmit=${submit}>
    <h3 tabindex="-1" ref=${heading}>Correct the cells</h3>
    ${groupsOf(data.rows).map(
      (group) => html`<${Group} key=${group.key} group=${group} wanted=${wanted} values=${values} set=${set} />`,
    )}
    ${data.cellless > 0 &&
    html`<p class="muted">${plural(data.cellless, "row")} cannot be mended by a cell: the number of fields is wrong. Mend them in the file.</p>`}
    ${failure && html`<${Problem} error=${failure} />`}
    <div class="actions">
      <button type="submit" class="primary" disabled=${mended.length === 0} aria-disabled=${isSending}>
        ${isSending ? "Sending …" : `${job.options.validate_only ? "Check" : "Score"} ${plural(mended.length, "mended row")}`}
      </button>
      <button type="button" onClick=${leave} disabled=${isSending}>Back</button>
      <span class="muted wide-only">${count(mended.length)} of ${plural(data.rows.length, "row")} mended. The others stay as they are.</span>
    </div>
    <${Announcement}>${mended.length > 0 && `${plural(mended.length, "row")} mended`}<//>
  </form>`;
}

async function failedRows(api, job, signal) {
  const answer = await fetch(await linkTo(api, job.id, "failed", "csv", { signal }), { signal });
  if (!answer.ok) throw new Error(`The file of failed rows could not be read (HTTP ${answer.status}).`);
  const { data, meta } = Papa.parse(await answer.text(), { header: true, skipEmptyLines: true });
  const columns = meta.fields.slice(0, meta.fields.length - ADDED.length);
  const byName = Object.fromEntries(columns.map((column) => [column.trim().toLowerCase().replace(/[ -]/g, "_"), column]));
  const rows = data.map((cells) => {
    const faults = JSON.parse(cells.errors)
      .filter((fault) => fault.column in byName)
      .map((fault) => ({ ...fault, cell: byName[fault.column], key: `${cells.row} ${fault.column}` }));
    return { cells, faults, number: Number(cells.row), name: cells[byName.company_name] || cells[byName.company_symbol] };
  });
  const withCells = rows.filter((row) => row.faults.length > 0);
  return { columns, rows: withCells, cellless: rows.length - withCells.length };
}

// Faults of one kind in one column, the most frequent first.
function groupsOf(rows) {
  const groups = new Map();
  for (const row of rows) {
    for (const fault of row.faults) {
      const key = `${fault.code} ${fault.column}`;
      const group = groups.get(key) ?? { key, error: fault.error, column: fault.column, entries: [] };
      group.entries.push({ row, fault });
      groups.set(key, group);
    }
  }
  return [...groups.values()].sort((one, other) => other.entries.length - one.entries.length);
}

function Group({ group, wanted, values, set }) {
  const [filling, setFilling] = useState("");
  const fill = () => set(Object.fromEntries(group.entries.map(({ fault }) => [fault.key, filling])));
  const change = (fault) => (event) => set({ [fault.key]: event.currentTarget.value });
  const written = ({ row, fault }) => values[fault.key] ?? row.cells[fault.cell];
  return html`<fieldset class="correction">
    <legend>${group.error}</legend>
    <p class="muted">
      <code>${group.column}</code> ${wanted(group.column)} ${plural(group.entries.length, "row")}.
    </p>
    ${group.entries.length > 1 &&
    html`<div class="fill">
      <label>
        <span>The same in all of them</span>
        <input type="text" value=${filling} onInput=${(event) => setFilling(event.currentTarget.value)} />
      </label>
      <button type="button" onClick=${fill} disabled=${filling === ""}>Fill in</button>
    </div>`}
    <ul class="cells">
      ${group.entries.map(
        (entry) =>
          html`<li key=${entry.fault.key}>
            <label class=${entry.fault.key in values ? "is-mended" : ""}>
              <span>Row ${count(entry.row.number)} <span class="muted">${entry.row.name}</span></span>
              <input type="text" value=${written(entry)} onInput=${change(entry.fault)} aria-label=${`${group.column} of row ${entry.row.number}`} />
            </label>
          </li>`,
      )}
    </ul>
  </fieldset>`;
}

// The mended rows as a file with the columns of the one that failed.
function fileOf(columns, rows, values, job) {
  const data = rows.map((row) => {
    const changed = Object.fromEntries(
      row.faults.filter(({ key }) => key in values).map(({ key, cell }) => [cell, values[key]]),
    );
    return { ...row.cells, ...changed };
  });
  const text = Papa.unparse({ fields: columns, data }, { newline: "\n" });
  const name = job.file_info.original_filename.replace(/\.(csv|xlsx)$/i, "");
  return new File([text], `${name}-mended.csv`, { type: "text/csv" });
}
