// Downloads of a job: every outcome in every format.

import { useState } from "preact/hooks";
import { Announcement, Problem, Section } from "../components.js";
import { html } from "../dom.js";
import { saveUrl } from "../downloads.js";
import { plural } from "../format.js";
import { downloadUrl } from "../results.js";

const FORMATS = [
  ["csv", "CSV"],
  ["xlsx", "Excel"],
  ["parquet", "Parquet"],
];

export function Files({ api, job }) {
  const { total_rows: total, processed_rows: processed, successful_rows: successful, failed_rows: failed } = job.progress;
  const outcomes = [
    ["successful", job.options.validate_only ? "Valid rows" : "Scored rows", successful],
    ["failed", "Failed rows (with errors)", failed],
    ["unprocessed", "Unprocessed rows", total - processed],
    ["all", "All rows (with status)", total],
  ].filter(([name, , rows]) => rows > 0 || (name === "unprocessed" && total === 0));
  return html`<${Section}
    title="Downloads"
    intro="You can fix failed or unprocessed rows and re-upload the file; added columns are ignored."
  >
    <ul class="files">
      ${outcomes.map(
        ([outcome, label, rows]) =>
          html`<li key=${outcome}>
            <span class="file-label">${label}<span class="muted small">${total ? plural(rows, "row") : "the whole file"}</span></span>
            <span class="actions">
              ${FORMATS.map(
                ([format, name]) =>
                  html`<${Download} key=${format} api=${api} job=${job} outcome=${outcome} format=${format} label=${label}>
                    ${name}
                  <//>`,
              )}
            </span>
          </li>`,
      )}
    </ul>
  <//>`;
}

export function Download({ api, job, outcome, format, label, kind = "", children }) {
  const [state, setState] = useState("idle");
  const [error, setError] = useState(null);
  const isBusy = state !== "idle";
  const fetchFile = async () => {
    if (isBusy) return;
    setError(null);
    setState("requested");
    try {
      saveUrl(await downloadUrl(api, job.id, outcome, format, { onWaiting: () => setState("preparing") }));
    } catch (failure) {
      setError(failure);
    }
    setState("idle");
  };
  return html`<span class="download">
    <button type="button" class=${kind} onClick=${fetchFile} aria-disabled=${isBusy}>
      ${state === "preparing" ? "Preparing…" : children}<span class="visually-hidden"> file: ${label}</span>
    </button>
    <${Announcement}>${state === "preparing" && "Preparing your file. The download starts automatically."}<//>
    ${error && html`<${Problem} error=${error} />`}
  </span>`;
}
