// The list of jobs: filters in the URL, pages by cursor, live updates and bulk actions.

import { useEffect, useRef, useState } from "preact/hooks";
import {
  Announcement,
  Badge,
  Bar,
  Confirm,
  Empty,
  LIVE,
  Loading,
  Notice,
  Page,
  Problem,
  focusHeading,
} from "../components.js";
import { html } from "../dom.js";
import { ago, count, dateTime, plural } from "../format.js";
import { address, go } from "../routes.js";

const PAGE_SIZE = 25;
const LIVE_INTERVAL_MS = 2000;
const IDLE_INTERVAL_MS = 20000;
const FILTERS = ["status", "job_type", "filename_contains", "label", "has_errors", "sort"];

export function JobsPage({ api, query }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const cursor = query.get("cursor") ?? "";
  const { data, error, reload } = useList(api, filters, cursor);
  const [selected, setSelected] = useState(new Set());
  const [question, setQuestion] = useState(null);
  const [outcome, setOutcome] = useState(null);
  const isFiltered = FILTERS.some((name) => name !== "sort" && filters[name]);
  const jobs = data?.jobs ?? [];
  const selectedJobs = jobs.filter((job) => selected.has(job.id));
  const run = async (action) => {
    const response = await runBulk(api, action, selectedJobs);
    setQuestion(null);
    setOutcome({ ...response, at: Date.now() });
    setSelected(new Set());
    reload();
  };

  const close = () => {
    setOutcome(null);
    focusHeading();
  };

  // A new user has no jobs to filter; the empty state has the upload button.
  const isNew = data && jobs.length === 0 && !isFiltered && !cursor;
  const upload = html`<a class="button primary" href="#/upload">Upload a file</a>`;
  return html`<${Page} title="Jobs" aside=${!isNew && upload}>
    ${!isNew && html`<${Filters} filters=${filters} />`}
    ${outcome && html`<${Outcome} key=${outcome.at} outcome=${outcome} close=${close} />`}
    ${error && html`<${Problem} error=${error} reload=${reload} />`}
    ${!data && !error && html`<${Loading}>Loading jobs…<//>`}
    ${data && jobs.length === 0 && (isNew ? html`<${NoJobs} />` : html`<${NoMatch} />`)}
    ${jobs.length > 0 &&
    html`<${Selection} jobs=${selectedJobs} confirm=${setQuestion} />
      <${Table} jobs=${jobs} selected=${selected} setSelected=${setSelected} />
      <${Pager} pagination=${data.pagination} filters=${filters} query=${query} />`}
    ${question &&
    html`<${Confirm} ...${question} onAnswer=${(yes) => (yes ? run(question.bulkAction) : setQuestion(null))} />`}
  <//>`;
}

function useList(api, filters, cursor) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  const key = JSON.stringify([filters, cursor]);
  const shown = useRef(null);
  useEffect(() => {
    const control = new AbortController();
    let timer;
    // Clear the results of other filters.
    if (shown.current !== key) setState({});
    shown.current = key;
    const load = async () => {
      if (document.hidden) {
        timer = setTimeout(load, LIVE_INTERVAL_MS);
        return;
      }
      try {
        const page = { ...filters, cursor, limit: PAGE_SIZE };
        const data = await api.get("jobs", { query: page, signal: control.signal });
        setState({ data });
        timer = setTimeout(load, data.jobs.some((job) => LIVE.has(job.status)) ? LIVE_INTERVAL_MS : IDLE_INTERVAL_MS);
      } catch (error) {
        if (error.name !== "AbortError") setState({ error });
      }
    };
    load();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  return { ...state, reload: () => setRound(round + 1) };
}

async function runBulk(api, action, jobs) {
  const names = Object.fromEntries(jobs.map((job) => [job.id, job.original_filename]));
  try {
    const { results } = await api.post(`jobs/bulk/${action}`, { job_ids: Object.keys(names) });
    const refused = results.filter((result) => !result.success);
    return {
      done: results.length - refused.length,
      action,
      refused: refused.map((result) => ({ name: names[result.job_id], reason: result.detail })),
    };
  } catch (error) {
    return { error };
  }
}

function Filters({ filters }) {
  const change = (name) => (event) => go("/jobs", { ...filters, [name]: event.currentTarget.value.trim() });
  const submit = (event) => event.preventDefault();
  const choice = (name, label, options) =>
    html`<label>
      <span>${label}</span>
      <select value=${filters[name]} onChange=${change(name)}>
        ${options.map(([value, text]) => html`<option value=${value} selected=${filters[name] === value}>${text}</option>`)}
      </select>
    </label>`;
  return html`<form class="filters" role="search" aria-label="Jobs" onSubmit=${submit}>
    <label class="wide">
      <span>File name contains</span>
      <input type="search" maxlength="255" value=${filters.filename_contains} onChange=${change("filename_contains")} />
    </label>
    ${choice("status", "Status", [
      ["", "Any"],
      ["pending", "Awaiting upload"],
      ["queued", "Queued"],
      ["processing", "Processing"],
      ["completed", "Completed"],
      ["failed", "Failed or cancelled"],
    ])}
    ${choice("job_type", "Type", [
      ["", "Any"],
      ["annual", "Annual"],
      ["quarterly", "Quarterly"],
    ])}
    ${choice("has_errors", "Errors", [
      ["", "Any"],
      ["true", "With failed rows"],
      ["false", "Without failed rows"],
    ])}
    <label>
      <span>Label</span>
      <input
        type="search"
        placeholder="name:value"
        pattern="[^:]+:.*"
        title="Use name:value"
        value=${filters.label}
        onChange=${change("label")}
      />
    </label>
    ${choice("sort", "Sort", [
      ["", "Newest first"],
      ["created_at", "Oldest first"],
    ])}
  </form>`;
}

function NoJobs() {
  return html`<${Empty} title="No jobs yet">
    <p>Upload a CSV or Excel file with one row per company and period. Not sure about the format? Download a template.</p>
    <p><a class="button primary" href="#/upload">Upload your first file</a></p>
  <//>`;
}

function NoMatch() {
  return html`<${Empty} title="No matching jobs">
    <p>Try changing or clearing your filters.</p>
    <p><a class="button" href="#/jobs">Clear filters</a></p>
  <//>`;
}

function Selection({ jobs, confirm }) {
  const live = jobs.filter((job) => LIVE.has(job.status));
  const cancel = () =>
    confirm({
      bulkAction: "cancel",
      question: `Cancel ${plural(live.length, "job")}?`,
      detail: "Rows already scored are kept. You can resume the rest later.",
      action: `Cancel ${plural(live.length, "job")}`,
      keep: "Keep running",
    });
  const remove = () =>
    confirm({
      bulkAction: "delete",
      question: `Delete ${plural(jobs.length, "job")}?`,
      detail: "This permanently deletes the uploaded files and all results.",
      action: `Delete ${plural(jobs.length, "job")}`,
      keep: "Cancel",
    });
  return html`<div class="selection">
    <${Announcement}>${jobs.length > 0 && `${plural(jobs.length, "job")} selected`}<//>
    <span aria-hidden="true">${jobs.length > 0 ? `${count(jobs.length)} selected` : "Select jobs to cancel or delete"}</span>
    <button type="button" onClick=${cancel} disabled=${live.length === 0}>Cancel</button>
    <button type="button" onClick=${remove} disabled=${jobs.length === 0}>Delete</button>
  </div>`;
}

function Outcome({ outcome, close }) {
  const notice = useRef(null);
  // The pressed button is disabled once nothing is selected, so it loses the focus.
  useEffect(() => notice.current.focus(), []);
  return html`<div class="outcome" tabindex="-1" ref=${notice}>
    ${outcome.error ? html`<${Problem} error=${outcome.error} />` : html`<${Done} outcome=${outcome} close=${close} />`}
  </div>`;
}

function Done({ outcome, close }) {
  const word = outcome.action === "cancel" ? "cancelled" : "deleted";
  return html`<${Notice} kind=${outcome.refused.length ? "warn" : "good"}>
    <p>${plural(outcome.done, "job")} ${word}.</p>
    ${outcome.refused.length > 0 &&
    html`<ul>
      ${outcome.refused.map(({ name, reason }) => html`<li>${name}: ${reason}</li>`)}
    </ul>`}
    <button type="button" class="quiet" onClick=${close}>Close</button>
  <//>`;
}

function Table({ jobs, selected, setSelected }) {
  const isAll = jobs.every((job) => selected.has(job.id));
  const toggle = (ids, isOn) => {
    const changed = new Set(selected);
    for (const id of ids) isOn ? changed.add(id) : changed.delete(id);
    setSelected(changed);
  };
  const all = jobs.map((job) => job.id);
  return html`<div class="table-box">
    <table class="jobs">
      <caption class="visually-hidden">
        Jobs
      </caption>
      <thead>
        <tr>
          <th class="select-cell" scope="col">
            <input
              type="checkbox"
              aria-label="Select all on this page"
              checked=${isAll}
              onChange=${(event) => toggle(all, event.currentTarget.checked)}
            />
          </th>
          <th scope="col">File</th>
          <th scope="col" class="wide-only">Status</th>
          <th scope="col" class="wide-only">Progress</th>
          <th scope="col" class="figure">Failed rows</th>
          <th scope="col" class="wide-only">Created</th>
        </tr>
      </thead>
      <tbody>
        ${jobs.map((job) => html`<${Row} key=${job.id} job=${job} isSelected=${selected.has(job.id)} toggle=${toggle} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ job, isSelected, toggle }) {
  const name = job.original_filename;
  return html`<tr class=${isSelected ? "is-selected" : ""}>
    <td class="select-cell">
      <input
        type="checkbox"
        aria-label=${`Select ${name}`}
        checked=${isSelected}
        onChange=${(event) => toggle([job.id], event.currentTarget.checked)}
      />
    </td>
    <th scope="row" class="file">
      <a href=${address(`/jobs/${job.id}`)} title=${name}>${name}</a>
      <span class="muted small">${job.job_type}<span class="narrow-only">, ${ago(job.created_at)}</span></span>
      <div class="narrow-only"><${Badge} job=${job} /> <${Progress} job=${job} /></div>
    </th>
    <td class="wide-only"><${Badge} job=${job} /></td>
    <td class="wide-only progress"><${Progress} job=${job} /></td>
    <td class="figure ${job.failed_rows ? "has-failed" : "muted"}">${count(job.failed_rows)}</td>
    <td class="wide-only"><time datetime=${job.created_at} title=${dateTime(job.created_at)}>${ago(job.created_at)}</time></td>
  </tr>`;
}

function Progress({ job }) {
  const { total_rows: total, processed_rows: processed } = job;
  if (!LIVE.has(job.status)) return html`<span>${total ? plural(processed, "row") : "–"}</span>`;
  return html`<${Bar} value=${processed} max=${total} label=${`Progress of ${job.original_filename}`} />
    <span class="muted small">${total ? `${count(processed)} of ${plural(total, "row")}` : "Counting rows…"}</span>`;
}

function Pager({ pagination, filters, query }) {
  const { total, has_more: hasMore, next_cursor: next } = pagination;
  const number = Number(query.get("page") ?? "1");
  if (number === 1 && !hasMore) return html`<p class="muted small">${plural(total, "job")}</p>`;
  const all = total === null ? `${count(pagination.total_at_least)}+ jobs` : plural(total, "job");
  const pages = total === null ? "" : ` of ${count(Math.ceil(total / PAGE_SIZE))}`;
  return html`<nav class="pager" aria-label="Pages of the list">
    ${number > 1 && html`<a class="button" href=${address("/jobs", filters)}>First page</a>`}
    <span class="muted">Page ${number}${number === 1 && `${pages} · ${all}`}</span>
    ${hasMore &&
    html`<a class="button" href=${address("/jobs", { ...filters, cursor: next, page: number + 1 })}>Next page</a>`}
  </nav>`;
}
