// Selects a file, checks its header and uploads it.

import { useEffect, useRef, useState } from "preact/hooks";
import { Announcement, Bar, Loading, Notice, Page, Problem, Section } from "../components.js";
import { html } from "../dom.js";
import { saveText } from "../downloads.js";
import { bytes, plural } from "../format.js";
import { checkHeader, jobTypeOf, readHeader } from "../header.js";
import { go } from "../routes.js";
import { upload } from "../uploads.js";
import { Labels, labelsOf } from "./labels.js";

const NAMES = { annual: "Annual", quarterly: "Quarterly" };
const JOB_TYPES = Object.keys(NAMES);

export function UploadPage({ api, limits }) {
  const [file, setFile] = useState(null);
  const [jobType, setJobType] = useState("annual");
  const [names, setNames] = useState(null);
  const [isRead, setRead] = useState(false);
  const [fileError, setFileError] = useState(null);
  const [progress, setProgress] = useState(null);
  const [error, setError] = useState(null);
  const schemas = useSchemas(api);
  const abort = useRef(null);
  const isUploading = progress !== null;

  const select = async (selected) => {
    setFile(selected);
    setNames(null);
    setRead(false);
    setFileError(null);
    setError(null);
    try {
      const header = await readHeader(selected);
      setNames(header);
      if (header) setJobType(jobTypeOf(header));
    } catch (failure) {
      setFileError(failure.message);
    }
    setRead(true);
  };
  const submit = async (event) => {
    event.preventDefault();
    if (isUploading) return;
    const form = new FormData(event.currentTarget);
    abort.current = new AbortController();
    setError(null);
    try {
      const options = optionsOf(form);
      setProgress(0);
      const callbacks = { onProgress: setProgress, signal: abort.current.signal };
      const accepted = await upload(api, jobType, file, options, limits, callbacks);
      go(`/jobs/${accepted.job_id}`, { duplicate_of: accepted.duplicate_of });
    } catch (failure) {
      setProgress(null);
      if (failure.name !== "AbortError") setError(failure);
    }
  };

  const check = names && schemas[jobType] ? checkHeader(names, schemas[jobType]) : null;
  const hasProblems = check && check.missing.length + check.duplicates.length > 0;
  return html`<${Page} title="Upload">
    <form class="upload" onSubmit=${submit}>
      <${Drop} file=${file} select=${select} isDisabled=${isUploading} />
      <${Announcement}>${file && (fileError ?? summary(check, jobType))}<//>
      ${fileError && html`<${Notice} kind="bad" title="This file can't be read"><p>${fileError}</p><//>`}
      ${file &&
      !fileError &&
      html`<${JobType} jobType=${jobType} setJobType=${setJobType} isDisabled=${isUploading} />
        <${HeaderCheck} check=${check} isRead=${isRead} names=${names} jobType=${jobType} />
        <${Options} isDisabled=${isUploading} />
        ${error && html`<${Problem} error=${error} />`}
        ${isUploading && html`<${UploadProgress} progress=${progress} file=${file} cancel=${() => abort.current.abort()} />`}
        <div class="actions">
          <button type="submit" class=${hasProblems ? "large" : "primary large"} aria-disabled=${isUploading}>
            ${isUploading ? "Uploading…" : hasProblems ? "Upload anyway" : "Upload and score"}
          </button>
        </div>`}
    </form>
    <${Templates} api=${api} />
  <//>`;
}

function useSchemas(api) {
  const [schemas, setSchemas] = useState({});
  useEffect(() => {
    for (const jobType of JOB_TYPES) {
      api.get(`${jobType}/schema`).then(
        (schema) => setSchemas((known) => ({ ...known, [jobType]: schema })),
        // Without the schema the header is only checked by the API, after the upload.
        () => {},
      );
    }
  }, []);
  return schemas;
}

function optionsOf(form) {
  const options = { validate_only: form.get("validate_only") === "on", labels: labelsOf(form) };
  const limit = form.get("max_failed_percent");
  if (limit !== "") options.max_failed_percent = Number(limit);
  const encoding = form.get("encoding").trim();
  if (encoding) options.encoding = encoding;
  return options;
}

function Drop({ file, select, isDisabled }) {
  const [isOver, setOver] = useState(false);
  const over = (event) => {
    event.preventDefault();
    setOver(!isDisabled);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const [dropped] = event.dataTransfer.files;
    if (dropped && !isDisabled) select(dropped);
  };
  const pick = (event) => {
    const [picked] = event.currentTarget.files;
    if (picked) select(picked);
  };
  return html`<label class="drop ${isOver ? "is-over" : ""}" onDragOver=${over} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <input type="file" accept=".csv,.tsv,.txt,.gz,.xlsx" onChange=${pick} disabled=${isDisabled} aria-describedby="drop-hint" />
    <span class="drop-name">${file ? file.name : "Drop a file here or browse"}</span>
    <span class="muted" id="drop-hint">
      ${file ? `${bytes(file.size)} · Replace` : "CSV or Excel, one row per company and period"}
    </span>
  </label>`;
}

function JobType({ jobType, setJobType, isDisabled }) {
  return html`<fieldset class="job-types" disabled=${isDisabled}>
    <legend>Reporting period</legend>
    ${JOB_TYPES.map(
      (name) =>
        html`<label>
          <input type="radio" name="job_type" value=${name} checked=${jobType === name} onChange=${() => setJobType(name)} />
          <span>${NAMES[name]}</span>
        </label>`,
    )}
  </fieldset>`;
}

function summary(check, jobType) {
  if (!check) return null;
  const { missing, duplicates, profile } = check;
  if (missing.length === 0 && duplicates.length === 0) return `Columns look good: ${jobType} ${profile}.`;
  return `${plural(missing.length, "column")} missing, ${plural(duplicates.length, "duplicate column")}.`;
}

function HeaderCheck({ check, isRead, names, jobType }) {
  if (!isRead) return html`<${Loading}>Reading columns…<//>`;
  if (!names) return html`<${Notice}><p>Columns will be checked after upload.</p><//>`;
  if (!check) return html`<${Loading}>Checking columns…<//>`;
  const { profile, missing, duplicates, extra } = check;
  const content = profile === "statements" ? "statement amounts" : "ratios";
  if (missing.length === 0 && duplicates.length === 0) {
    return html`<${Notice} kind="good" title="Columns look good">
      <p>All required ${jobType} ${content} columns found.${extra.length > 0 && ` ${plural(extra.length, "extra column")} will be passed through.`}</p>
    <//>`;
  }
  return html`<${Notice} kind="warn" title=${missing.length > 0 ? "Missing columns" : "Duplicate columns"}>
    ${missing.length > 0 &&
    html`<p>To score this as ${jobType} ${content}, add:</p>
      <ul class="names">
        ${missing.map((name) => html`<li><code>${name}</code></li>`)}
      </ul>`}
    ${duplicates.length > 0 &&
    html`<p>These columns appear more than once:</p>
      <ul class="names">
        ${duplicates.map((name) => html`<li><code>${name}</code></li>`)}
      </ul>`}
    <p>Fix the header row and select the file again. Case, spaces and hyphens don't matter.</p>
  <//>`;
}

function Options({ isDisabled }) {
  return html`<fieldset class="options" disabled=${isDisabled}>
    <legend class="visually-hidden">Options</legend>
    <label class="check">
      <input type="checkbox" name="validate_only" />
      <span>Validate only (don't score)</span>
    </label>
    <details>
      <summary>More options</summary>
      <div class="grid">
        <label>
          <span>Fail the job if more than this % of rows fail</span>
          <input type="number" name="max_failed_percent" min="0" max="100" step="any" />
        </label>
        <label>
          <span>Encoding (default UTF-8)</span>
          <input type="text" name="encoding" maxlength="40" placeholder="windows-1252" />
        </label>
      </div>
      <${Labels} />
    </details>
  </fieldset>`;
}

function UploadProgress({ progress, file, cancel }) {
  // Small files are sent with fetch, which reports no progress.
  const text = progress > 0 ? `${bytes(progress * file.size)} of ${bytes(file.size)}` : bytes(file.size);
  return html`<div class="upload-progress">
    <${Bar} value=${progress} max=${progress > 0 ? 1 : 0} label=${`Uploading ${file.name}`} text=${text} />
    <span class="muted">${text}</span>
    <button type="button" class="quiet" onClick=${cancel}>Cancel</button>
  </div>`;
}

function Templates({ api }) {
  const [error, setError] = useState(null);
  const fetchTemplate = async (jobType) => {
    setError(null);
    try {
      const response = await api.send("GET", `${jobType}/template`);
      saveText(await response.text(), `${jobType}-template.csv`);
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<${Section} title="Templates" intro="Example files that pass validation.">
    <div class="actions">
      ${JOB_TYPES.map(
        (jobType) =>
          html`<button type="button" onClick=${() => fetchTemplate(jobType)}>${NAMES[jobType]} template (CSV)</button>`,
      )}
    </div>
    ${error && html`<${Problem} error=${error} />`}
  <//>`;
}
