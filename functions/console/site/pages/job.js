// One job: progress, results and actions.

import { useEffect, useState } from "preact/hooks";
import {
  Announcement,
  Badge,
  Bar,
  Confirm,
  LIVE,
  Loading,
  Notice,
  Page,
  Problem,
  Section,
  focusHeading,
  statusName,
} from "../components.js";
import { html } from "../dom.js";
import { bytes, count, dateTime, duration, plural } from "../format.js";
import { useJob } from "../job-updates.js";
import { address, go } from "../routes.js";
import { Failures } from "./failures.js";
import { Files } from "./files.js";
import { Risk } from "./risk.js";

const PHASES = [
  ["awaiting_upload", "Awaiting upload"],
  ["queued", "Queued"],
  ["planning", "Reading file"],
  ["scoring", "Scoring"],
  ["finalizing", "Finalizing"],
];

export function JobPage({ api, limits, id, query }) {
  const { job, error, reload } = useJob(api, id);
  if (!job) {
    return html`<${Page} title=${error ? "Job not available" : "Job"}>
      ${!error && html`<${Loading}>Loading job…<//>`}
      ${error && html`<${Problem} error=${error} reload=${error.status !== 404 && reload} />`}
      ${error && html`<p><a href="#/jobs">Back to jobs</a></p>`}
    <//>`;
  }
  const hasEnded = !LIVE.has(job.status);
  const { failed_rows: failed, successful_rows: successful } = job.progress;
  return html`<${Page} title=${job.file_info.original_filename} aside=${html`<${Badge} job=${job} />`}>
    <${StatusAnnouncement} job=${job} />
    <${Details} job=${job} duplicateOf=${query.get("duplicate_of")} />
    <${Actions} api=${api} job=${job} reload=${reload} />
    ${error && html`<${Problem} error=${error} reload=${reload} />`}
    <${EndNotice} job=${job} />
    ${!hasEnded && html`<${Progress} job=${job} />`}
    ${hasEnded && job.progress.total_rows > 0 && html`<${Results} job=${job} />`}
    ${hasEnded && failed > 0 && html`<${Failures} api=${api} job=${job} limits=${limits} />`}
    ${hasEnded && successful > 0 && !job.options.validate_only && html`<${Risk} api=${api} job=${job} />`}
    ${hasEnded && html`<${Files} api=${api} job=${job} />`}
  <//>`;
}

// Announces each phase, and progress in steps of ten percent.
function StatusAnnouncement({ job }) {
  const hasEnded = !LIVE.has(job.status);
  useEffect(() => {
    // A focused button disappears when the job ends.
    if (document.activeElement === document.body) focusHeading();
  }, [hasEnded]);
  const [, phase] = PHASES.find(([name]) => name === job.phase) ?? [];
  const tenths = Math.floor(job.progress.progress_percentage / 10) * 10;
  return html`<${Announcement}>${hasEnded ? statusName(job) : `${phase}, ${tenths} percent`}<//>`;
}

function Details({ job, duplicateOf }) {
  const { options, file_info: file, timestamps, context } = job;
  const labels = Object.entries(options.labels);
  return html`<dl class="job-details">
      <div><dt>Type</dt><dd>${job.job_type}${options.validate_only ? ", validation only" : ""}</dd></div>
      ${file.file_size !== null && html`<div><dt>Size</dt><dd>${bytes(file.file_size)}</dd></div>`}
      <div><dt>Created</dt><dd><time datetime=${timestamps.created_at}>${dateTime(timestamps.created_at)}</time></dd></div>
      <div><dt>By</dt><dd>${context.created_by}</dd></div>
      ${labels.length > 0 &&
      html`<div>
        <dt>${labels.length === 1 ? "Label" : "Labels"}</dt>
        <dd class="tags">
          ${labels.map(
            ([name, value]) =>
              html`<a key=${name} href=${address("/jobs", { label: `${name}:${value}` })} title="Jobs with this label">${name}: ${value}</a>`,
          )}
        </dd>
      </div>`}
      ${job.parent_job_id &&
      html`<div><dt>Retry of</dt><dd><a href=${address(`/jobs/${job.parent_job_id}`)}>original job</a></dd></div>`}
      <div><dt>Job ID</dt><dd><code>${job.id}</code></dd></div>
    </dl>
    ${job.notes.map(({ code, message }) => html`<${Notice} key=${code + message}><p>${message}</p><//>`)}
    ${duplicateOf &&
    html`<${Notice} kind="warn" title="Duplicate file">
      <p>This file was already uploaded – <a href=${address(`/jobs/${duplicateOf}`)}>view that job</a></p>
    <//>`}`;
}

function Actions({ api, job, reload }) {
  const [question, setQuestion] = useState(null);
  const [error, setError] = useState(null);
  const isLive = LIVE.has(job.status);
  const { failed_rows: failed, total_rows: total, processed_rows: processed } = job.progress;
  const unprocessed = total - processed;
  const isRetriable = !isLive && !job.options.validate_only && (unprocessed > 0 || (job.cancelled && total === 0));
  const handled = (action) => async (isConfirmed) => {
    try {
      if (isConfirmed) await action();
    } catch (failure) {
      setError(failure);
    }
    setQuestion(null);
  };
  const cancel = () =>
    setQuestion({
      question: "Cancel this job?",
      detail: "Rows already scored are kept. You can resume the rest later.",
      action: "Cancel job",
      keep: "Keep running",
      onAnswer: handled(async () => {
        await api.post(`jobs/${job.id}/cancel`);
        reload();
      }),
    });
  const remove = () =>
    setQuestion({
      question: "Delete this job?",
      detail: "This permanently deletes the uploaded file and all results.",
      action: "Delete job",
      keep: "Cancel",
      onAnswer: handled(async () => {
        await api.delete(`jobs/${job.id}`);
        go("/jobs");
      }),
    });
  const retry = handled(async () => {
    const accepted = await api.post(`jobs/${job.id}/retry`);
    go(`/jobs/${accepted.job_id}`);
  });
  return html`<div class="actions">
      ${isLive && html`<button type="button" onClick=${cancel}>Cancel job</button>`}
      ${isRetriable && html`<button type="button" class="primary" onClick=${() => retry(true)}>Resume job</button>`}
      ${!isLive && !isRetriable && failed > 0 && html`<button type="button" onClick=${() => retry(true)}>Retry failed rows</button>`}
      ${job.status !== "processing" && html`<button type="button" onClick=${remove}>Delete</button>`}
    </div>
    ${error && html`<${Problem} error=${error} />`} ${question && html`<${Confirm} ...${question} />`}`;
}

function EndNotice({ job }) {
  if (job.status !== "failed") return null;
  const { processed_rows: processed } = job.progress;
  if (job.cancelled) {
    return html`<${Notice} kind="warn" title="This job was cancelled">
      <p>${processed > 0 ? `${plural(processed, "row")} scored before the job was cancelled. Their results are kept.` : "Nothing was scored."}</p>
    <//>`;
  }
  return html`<${Notice} kind="bad" title="This job failed">
    <p>${job.errors.error_message}</p>
    ${job.progress.total_rows === 0 &&
    html`<p>No rows were read. <a href="#/upload">Fix the file and upload it again</a>, or start from a template.</p>`}
    ${processed > 0 && html`<p>Results for ${plural(processed, "processed row")} are kept.</p>`}
  <//>`;
}

function Progress({ job }) {
  const { progress, performance } = job;
  const step = PHASES.findIndex(([phase]) => phase === job.phase);
  const timeLeft = performance.estimated_completion_time;
  return html`<${Section} title="Progress">
    <ol class="phases">
      ${PHASES.map(([phase, name], index) => {
        const state = index < step ? "is-done" : index === step ? "is-now" : "";
        return html`<li key=${phase} class=${state} aria-current=${index === step ? "step" : undefined}>
          ${name}${index < step && html`<span class="visually-hidden">, done</span>`}
        </li>`;
      })}
    </ol>
    <${Bar} value=${progress.processed_rows} max=${progress.total_rows} label="Rows processed" />
    <dl class="figures">
      <div><dt>Rows</dt><dd>${count(progress.processed_rows)}<small> of ${progress.total_rows ? count(progress.total_rows) : "…"}</small></dd></div>
      <div><dt>Failed</dt><dd>${count(progress.failed_rows)}</dd></div>
      <div><dt>Rows/s</dt><dd>${performance.rows_per_second ? count(Math.round(performance.rows_per_second)) : "–"}</dd></div>
      <div><dt>Time left</dt><dd>${timeLeft ?? "–"}</dd></div>
    </dl>
  <//>`;
}

function Results({ job }) {
  const { progress, performance, options } = job;
  const unprocessed = progress.total_rows - progress.processed_rows;
  const seconds = performance.processing_time_seconds;
  return html`<${Section} title="Results">
    <dl class="figures">
      <div><dt>Rows</dt><dd>${count(progress.total_rows)}</dd></div>
      <div><dt>${options.validate_only ? "Valid" : "Scored"}</dt><dd>${count(progress.successful_rows)}</dd></div>
      <div class=${progress.failed_rows ? "has-failed" : ""}><dt>Failed</dt><dd>${count(progress.failed_rows)}</dd></div>
      ${unprocessed > 0 && html`<div><dt>Not processed</dt><dd>${count(unprocessed)}</dd></div>`}
      <div>
        <dt>Duration</dt>
        <dd>
          ${seconds === null ? "–" : duration(seconds)}
          ${performance.rows_per_second && html`<small> ${count(Math.round(performance.rows_per_second))} rows/s</small>`}
        </dd>
      </div>
    </dl>
  <//>`;
}
