// The files of a job: every outcome in every format.

import { useState } from "preact/hooks";
import { html } from "../dom.js";
import { plural } from "../format.js";
import { Announcement, Problem, Section } from "../parts.js";
import { linkTo } from "../results.js";
import { saveFrom } from "../saving.js";

const FORMATS = [
  ["csv", "CSV"],
  ["xlsx", "Excel"],
  ["parquet", "Parquet"],
];

export function Files({ api, job }) {
  const { total_rows: total, processed_rows: processed, successful_rows: successful, failed_rows: failed } = job.progress;
  const outcomes = [
    ["successful", job.options.validate_only ? "Rows without fault" : "Scored rows", successful],
    ["failed", "Failed rows, with their faults", failed],
    ["unprocessed", "Rows left undone", total - processed],
    ["all", "All of them, with their outcome", total],
  ].filter(([name, , rows]) => rows > 0 || (name === "unprocessed" && total === 0));
  return html`<${Section}
    title="Files"
    intro="Failed and undone rows can be corrected and uploaded again as they are: columns of results are known as such."
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
    setState("asked");
    try {
      saveFrom(await linkTo(api, job.id, outcome, format, { onWaiting: () => setState("made") }));
    } catch (failure) {
      setError(failure);
    }
    setState("idle");
  };
  return html`<span class="download">
    <button type="button" class=${kind} onClick=${fetchFile} aria-disabled=${isBusy}>
      ${state === "made" ? "Being made …" : children}<span class="for-ears"> file: ${label}</span>
    </button>
    <${Announcement}>${state === "made" && "The file is being made. It is saved when it is ready."}<//>
    ${error && html`<${Problem} error=${error} />`}
  </span>`;
}
