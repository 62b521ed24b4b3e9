// The list of jobs: filters in the address, pages by cursor, live while a job on it lives, and what is done to many.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../dom.js";
import { ago, count, moment, plural } from "../format.js";
import { Announcement, Badge, Bar, Confirm, Empty, LIVE, Notice, Page, Problem, Waiting, focusHeading } from "../parts.js";
import { address, go } from "../routes.js";

const PAGE_SIZE = 25;
const LIVE_EVERY_MS = 2000;
const IDLE_EVERY_MS = 20000;
const FILTERS = ["status", "job_type", "filename_contains", "label", "has_errors", "sort"];

export function JobsPage({ api, query }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const cursor = query.get("cursor") ?? "";
  const { data, error, again } = useList(api, filters, cursor);
  const [chosen, setChosen] = useState(new Set());
  const [question, setQuestion] = useState(null);
  const [outcome, setOutcome] = useState(null);
  const isFiltered = FILTERS.some((name) => name !== "sort" && filters[name]);
  const jobs = data?.jobs ?? [];
  const seen = jobs.filter((job) => chosen.has(job.id));
  const act = async (action) => {
    const answer = await onMany(api, action, seen);
    setQuestion(null);
    setOutcome({ ...answer, at: Date.now() });
    setChosen(new Set());
    again();
  };

  const close = () => {
    setOutcome(null);
    focusHeading();
  };

  // Somebody who is new here has nothing to look for, and is asked for a file in the middle of the page.
  const isNew = data && jobs.length === 0 && !isFiltered && !cursor;
  const upload = html`<a class="button primary" href="#/upload">Upload a file</a>`;
  return html`<${Page} title="Jobs" aside=${!isNew && upload}>
    ${!isNew && html`<${Filters} filters=${filters} />`}
    ${outcome && html`<${Outcome} key=${outcome.at} outcome=${outcome} close=${close} />`}
    ${error && html`<${Problem} error=${error} again=${again} />`}
    ${!data && !error && html`<${Waiting}>Reading the jobs …<//>`}
    ${data && jobs.length === 0 && (isNew ? html`<${NoJobs} />` : html`<${NoMatch} />`)}
    ${jobs.length > 0 &&
    html`<${Chosen} seen=${seen} ask=${setQuestion} />
      <${Table} jobs=${jobs} chosen=${chosen} setChosen=${setChosen} />
      <${Pager} pagination=${data.pagination} filters=${filters} query=${query} />`}
    ${question &&
    html`<${Confirm} ...${question} onAnswer=${(yes) => (yes ? act(question.kind) : setQuestion(null))} />`}
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
    // What was asked for before is no answer to this.
    if (shown.current !== key) setState({});
    shown.current = key;
    const ask = async () => {
      if (document.hidden) {
        timer = setTimeout(ask, LIVE_EVERY_MS);
        return;
      }
      try {
        const asked = { ...filters, cursor, limit: PAGE_SIZE };
        const data = await api.get("jobs", { query: asked, signal: control.signal });
        setState({ data });
        timer = setTimeout(ask, data.jobs.some((job) => LIVE.has(job.status)) ? LIVE_EVERY_MS : IDLE_EVERY_MS);
      } catch (error) {
        if (error.name !== "AbortError") setState({ error });
      }
    };
    ask();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  return { ...state, again: () => setRound(round + 1) };
}

async function onMany(api, action, jobs) {
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
      ["pending", "Waiting for its file"],
      ["queued", "Queued"],
      ["processing", "Processing"],
      ["completed", "Completed"],
      ["failed", "Failed or cancelled"],
    ])}
    ${choice("job_type", "Kind", [
      ["", "Any"],
      ["annual", "Annual"],
      ["quarterly", "Quarterly"],
    ])}
    ${choice("has_errors", "Rows", [
      ["", "Any"],
      ["true", "Some failed"],
      ["false", "None failed"],
    ])}
    <label>
      <span>Label</span>
      <input
        type="search"
        placeholder="name:value"
        pattern="[^:]+:.*"
        title="A name and a value with a colon between them"
        value=${filters.label}
        onChange=${change("label")}
      />
    </label>
    ${choice("sort", "Order", [
      ["", "Newest first"],
      ["created_at", "Oldest first"],
    ])}
  </form>`;
}

function NoJobs() {
  return html`<${Empty} title="No jobs yet">
    <p>Upload a CSV or Excel file with one company and period a row. You can start from a template.</p>
    <p><a class="button primary" href="#/upload">Upload the first file</a></p>
  <//>`;
}

function NoMatch() {
  return html`<${Empty} title="No job fits">
    <p>Nothing matches all of these filters.</p>
    <p><a class="button" href="#/jobs">Show all jobs</a></p>
  <//>`;
}

function Chosen({ seen, ask }) {
  const live = seen.filter((job) => LIVE.has(job.status));
  const cancel = () =>
    ask({
      kind: "cancel",
      question: `Cancel ${plural(live.length, "job")}?`,
      detail: "Rows that are scored already stay, and the rest can be retried.",
      action: "Cancel them",
    });
  const remove = () =>
    ask({
      kind: "delete",
      question: `Delete ${plural(seen.length, "job")}?`,
      detail: "The uploaded files and all results go with them. This cannot be undone.",
      action: "Delete them",
    });
  return html`<div class="chosen">
    <${Announcement}>${seen.length > 0 && `${plural(seen.length, "job")} chosen`}<//>
    <span aria-hidden="true">${seen.length > 0 ? `${plural(seen.length, "job")} chosen` : "Choose jobs to cancel or delete"}</span>
    <button type="button" onClick=${cancel} disabled=${live.length === 0}>Cancel</button>
    <button type="button" onClick=${remove} disabled=${seen.length === 0}>Delete</button>
  </div>`;
}

function Outcome({ outcome, close }) {
  const place = useRef(null);
  // The button that was pressed takes no more focus once nothing is chosen.
  useEffect(() => place.current.focus(), []);
  return html`<div class="outcome" tabindex="-1" ref=${place}>
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

function Table({ jobs, chosen, setChosen }) {
  const isAll = jobs.every((job) => chosen.has(job.id));
  const toggle = (ids, isOn) => {
    const next = new Set(chosen);
    for (const id of ids) isOn ? next.add(id) : next.delete(id);
    setChosen(next);
  };
  const all = jobs.map((job) => job.id);
  return html`<div class="table-box">
    <table class="jobs">
      <caption class="for-ears">
        Jobs
      </caption>
      <thead>
        <tr>
          <th class="tick" scope="col">
            <input
              type="checkbox"
              aria-label="Choose all jobs on this page"
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
        ${jobs.map((job) => html`<${Row} key=${job.id} job=${job} isChosen=${chosen.has(job.id)} toggle=${toggle} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ job, isChosen, toggle }) {
  const name = job.original_filename;
  return html`<tr class=${isChosen ? "is-chosen" : ""}>
    <td class="tick">
      <input
        type="checkbox"
        aria-label=${`Choose ${name}`}
        checked=${isChosen}
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
    <td class="wide-only"><time datetime=${job.created_at} title=${moment(job.created_at)}>${ago(job.created_at)}</time></td>
  </tr>`;
}

function Progress({ job }) {
  const { total_rows: total, processed_rows: processed } = job;
  if (!LIVE.has(job.status)) return html`<span>${total ? plural(processed, "row") : "–"}</span>`;
  return html`<${Bar} value=${processed} max=${total} label=${`Progress of ${job.original_filename}`} />
    <span class="muted small">${total ? `${count(processed)} of ${plural(total, "row")}` : "Counting rows"}</span>`;
}

function Pager({ pagination, filters, query }) {
  const { total, has_more: hasMore, next_cursor: next } = pagination;
  const number = Number(query.get("page") ?? "1");
  if (number === 1 && !hasMore) return html`<p class="muted small">${plural(total, "job")}</p>`;
  const all = total === null ? `${count(pagination.total_at_least)} or more jobs` : plural(total, "job");
  return html`<nav class="pager" aria-label="Pages of the list">
    ${number > 1 && html`<a class="button" href=${address("/jobs", filters)}>First page</a>`}
    <span class="muted">Page ${number}${number === 1 && `, ${all} in all`}</span>
    ${hasMore &&
    html`<a class="button" href=${address("/jobs", { ...filters, cursor: next, page: number + 1 })}>Next page</a>`}
  </nav>`;
}
