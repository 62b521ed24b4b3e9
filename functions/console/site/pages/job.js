// One job: how far it is, what came of it, and what can be done about it.

import { useEffect, useState } from "preact/hooks";
import { html } from "../dom.js";
import { bytes, count, duration, moment, plural } from "../format.js";
import { useJob } from "../following.js";
import {
  Announcement,
  Badge,
  Bar,
  Confirm,
  LIVE,
  Notice,
  Page,
  Problem,
  Section,
  Waiting,
  focusHeading,
  statusName,
} from "../parts.js";
import { address, go } from "../routes.js";
import { Failures } from "./failures.js";
import { Files } from "./files.js";
import { Risk } from "./risk.js";

const PHASES = [
  ["awaiting_upload", "Waiting for the file"],
  ["queued", "Queued"],
  ["planning", "Reading the file"],
  ["scoring", "Scoring"],
  ["finalizing", "Putting results together"],
];

export function JobPage({ api, limits, id, query }) {
  const { job, error, again } = useJob(api, id);
  if (!job) {
    return html`<${Page} title=${error ? "This job cannot be shown" : "Job"}>
      ${!error && html`<${Waiting}>Reading the job …<//>`}
      ${error && html`<${Problem} error=${error} again=${error.status !== 404 && again} />`}
      ${error && html`<p><a href="#/jobs">Go to the jobs</a></p>`}
    <//>`;
  }
  const hasEnded = !LIVE.has(job.status);
  const { failed_rows: failed, successful_rows: successful } = job.progress;
  return html`<${Page} title=${job.file_info.original_filename} aside=${html`<${Badge} job=${job} />`}>
    <${News} job=${job} />
    <${Facts} job=${job} duplicateOf=${query.get("duplicate_of")} />
    <${Actions} api=${api} job=${job} again=${again} />
    ${error && html`<${Problem} error=${error} again=${again} />`}
    <${Ending} job=${job} />
    ${!hasEnded && html`<${Progress} job=${job} />`}
    ${hasEnded && job.progress.total_rows > 0 && html`<${Outcome} job=${job} />`}
    ${hasEnded && failed > 0 && html`<${Failures} api=${api} job=${job} limits=${limits} />`}
    ${hasEnded && successful > 0 && !job.options.validate_only && html`<${Risk} api=${api} job=${job} />`}
    ${hasEnded && html`<${Files} api=${api} job=${job} />`}
  <//>`;
}

// Told when the phase changes, and with every tenth of the rows.
function News({ job }) {
  const hasEnded = !LIVE.has(job.status);
  useEffect(() => {
    // The button that had the focus went with the job's end.
    if (document.activeElement === document.body) focusHeading();
  }, [hasEnded]);
  const [, phase] = PHASES.find(([name]) => name === job.phase) ?? [];
  const tenths = Math.floor(job.progress.progress_percentage / 10) * 10;
  return html`<${Announcement}>${hasEnded ? statusName(job) : `${phase}, ${tenths} percent`}<//>`;
}

function Facts({ job, duplicateOf }) {
  const { options, file_info: file, timestamps, context } = job;
  const labels = Object.entries(options.labels);
  return html`<dl class="facts">
      <div><dt>Kind</dt><dd>${job.job_type}${options.validate_only ? ", checked only" : ""}</dd></div>
      ${file.file_size !== null && html`<div><dt>Size</dt><dd>${bytes(file.file_size)}</dd></div>`}
      <div><dt>Created</dt><dd><time datetime=${timestamps.created_at}>${moment(timestamps.created_at)}</time></dd></div>
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
      html`<div><dt>Retry of</dt><dd><a href=${address(`/jobs/${job.parent_job_id}`)}>the job before</a></dd></div>`}
      <div><dt>Id</dt><dd><code>${job.id}</code></dd></div>
    </dl>
    ${job.notes.map((note) => html`<${Notice} key=${note}><p>${note}</p><//>`)}
    ${duplicateOf &&
    html`<${Notice} kind="warn" title="The same file was uploaded before">
      <p><a href=${address(`/jobs/${duplicateOf}`)}>Open the job of that upload</a></p>
    <//>`}`;
}

function Actions({ api, job, again }) {
  const [question, setQuestion] = useState(null);
  const [error, setError] = useState(null);
  const isLive = LIVE.has(job.status);
  const { failed_rows: failed, total_rows: total, processed_rows: processed } = job.progress;
  const undone = total - processed;
  const isRetriable = !isLive && !job.options.validate_only && (undone > 0 || (job.cancelled && total === 0));
  const doing = (act) => async (yes) => {
    try {
      if (yes) await act();
    } catch (failure) {
      setError(failure);
    }
    setQuestion(null);
  };
  const cancel = () =>
    setQuestion({
      question: "Cancel this job?",
      detail: "Rows that are scored already stay, and the rest can be retried.",
      action: "Cancel the job",
      onAnswer: doing(async () => {
        await api.post(`jobs/${job.id}/cancel`);
        again();
      }),
    });
  const remove = () =>
    setQuestion({
      question: "Delete this job?",
      detail: "The uploaded file and all results go with it. This cannot be undone.",
      action: "Delete the job",
      onAnswer: doing(async () => {
        await api.delete(`jobs/${job.id}`);
        go("/jobs");
      }),
    });
  const retry = doing(async () => {
    const accepted = await api.post(`jobs/${job.id}/retry`);
    go(`/jobs/${accepted.job_id}`);
  });
  return html`<div class="actions">
      ${isLive && html`<button type="button" onClick=${cancel}>Cancel the job</button>`}
      ${isRetriable && html`<button type="button" class="primary" onClick=${() => retry(true)}>Score the rest</button>`}
      ${!isLive && !isRetriable && failed > 0 && html`<button type="button" onClick=${() => retry(true)}>Try the failed rows again</button>`}
      ${job.status !== "processing" && html`<button type="button" onClick=${remove}>Delete</button>`}
    </div>
    ${error && html`<${Problem} error=${error} />`} ${question && html`<${Confirm} ...${question} />`}`;
}

function Ending({ job }) {
  if (job.status !== "failed") return null;
  const { processed_rows: processed } = job.progress;
  if (job.cancelled) {
    return html`<${Notice} kind="warn" title="This job was cancelled">
      <p>${processed > 0 ? `${plural(processed, "row")} had been scored, and stay.` : "No row had been scored yet."}</p>
    <//>`;
  }
  return html`<${Notice} kind="bad" title="This job failed">
    <p>${job.errors.error_message}</p>
    ${job.progress.total_rows === 0 &&
    html`<p>No row was read. <a href="#/upload">Upload the file again</a> when it is mended; there are templates too.</p>`}
    ${processed > 0 && html`<p>${plural(processed, "row")} had been processed, and stay.</p>`}
  <//>`;
}

function Progress({ job }) {
  const { progress, performance } = job;
  const step = PHASES.findIndex(([phase]) => phase === job.phase);
  const left = performance.estimated_completion_time;
  return html`<${Section} title="Progress">
    <ol class="phases">
      ${PHASES.map(([phase, name], index) => {
        const state = index < step ? "is-done" : index === step ? "is-now" : "";
        return html`<li key=${phase} class=${state} aria-current=${index === step ? "step" : undefined}>
          ${name}${index < step && html`<span class="for-ears">, done</span>`}
        </li>`;
      })}
    </ol>
    <${Bar} value=${progress.processed_rows} max=${progress.total_rows} label="Rows processed" />
    <dl class="figures">
      <div><dt>Rows</dt><dd>${count(progress.processed_rows)}<small> of ${progress.total_rows ? count(progress.total_rows) : "…"}</small></dd></div>
      <div><dt>Failed so far</dt><dd>${count(progress.failed_rows)}</dd></div>
      <div><dt>Rows a second</dt><dd>${performance.rows_per_second ? count(Math.round(performance.rows_per_second)) : "–"}</dd></div>
      <div><dt>Time left</dt><dd>${left ?? "–"}</dd></div>
    </dl>
  <//>`;
}

function Outcome({ job }) {
  const { progress, performance, options } = job;
  const undone = progress.total_rows - progress.processed_rows;
  const took = performance.processing_time_seconds;
  return html`<${Section} title="What came of it">
    <dl class="figures">
      <div><dt>Rows</dt><dd>${count(progress.total_rows)}</dd></div>
      <div><dt>${options.validate_only ? "Without fault" : "Scored"}</dt><dd>${count(progress.successful_rows)}</dd></div>
      <div class=${progress.failed_rows ? "has-failed" : ""}><dt>Failed</dt><dd>${count(progress.failed_rows)}</dd></div>
      ${undone > 0 && html`<div><dt>Left undone</dt><dd>${count(undone)}</dd></div>`}
      <div>
        <dt>Took</dt>
        <dd>
          ${took === null ? "–" : duration(took)}
          ${performance.rows_per_second && html`<small> ${count(Math.round(performance.rows_per_second))} rows/s</small>`}
        </dd>
      </div>
    </dl>
  <//>`;
}
