// Choosing a file, seeing what its header says, and sending it.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../dom.js";
import { bytes, plural } from "../format.js";
import { headerOf, judged, kindOf } from "../header.js";
import { Announcement, Bar, Notice, Page, Problem, Section, Waiting } from "../parts.js";
import { go } from "../routes.js";
import { saveText } from "../saving.js";
import { send } from "../sending.js";
import { Labels, labelsOf } from "./labels.js";

const KINDS = ["annual", "quarterly"];

export function UploadPage({ api, limits }) {
  const [file, setFile] = useState(null);
  const [kind, setKind] = useState("annual");
  const [names, setNames] = useState(null);
  const [isRead, setRead] = useState(false);
  const [fault, setFault] = useState(null);
  const [sent, setSent] = useState(null);
  const [error, setError] = useState(null);
  const schemas = useSchemas(api);
  const sending = useRef(null);
  const isSending = sent !== null;

  const choose = async (chosen) => {
    setFile(chosen);
    setNames(null);
    setRead(false);
    setFault(null);
    setError(null);
    try {
      const found = await headerOf(chosen);
      setNames(found);
      if (found) setKind(kindOf(found));
    } catch (failure) {
      setFault(failure.message);
    }
    setRead(true);
  };
  const submit = async (event) => {
    event.preventDefault();
    if (isSending) return;
    const form = new FormData(event.currentTarget);
    sending.current = new AbortController();
    setError(null);
    try {
      const options = optionsOf(form);
      setSent(0);
      const told = { onSent: setSent, signal: sending.current.signal };
      const accepted = await send(api, kind, file, options, limits, told);
      go(`/jobs/${accepted.job_id}`, { duplicate_of: accepted.duplicate_of });
    } catch (failure) {
      setSent(null);
      if (failure.name !== "AbortError") setError(failure);
    }
  };

  const verdict = names && schemas[kind] ? judged(names, schemas[kind]) : null;
  const isWanting = verdict && verdict.missing.length + verdict.repeated.length > 0;
  return html`<${Page} title="Upload">
    <form class="upload" onSubmit=${submit}>
      <${Drop} file=${file} choose=${choose} isDisabled=${isSending} />
      <${Announcement}>${file && (fault ?? summary(verdict, kind))}<//>
      ${fault && html`<${Notice} kind="bad" title="This file cannot be read"><p>${fault}</p><//>`}
      ${file &&
      !fault &&
      html`<${Kind} kind=${kind} setKind=${setKind} isDisabled=${isSending} />
        <${Verdict} verdict=${verdict} isRead=${isRead} names=${names} kind=${kind} />
        <${Options} isDisabled=${isSending} />
        ${error && html`<${Problem} error=${error} />`}
        ${isSending && html`<${Sending} sent=${sent} file=${file} stop=${() => sending.current.abort()} />`}
        <div class="actions">
          <button type="submit" class=${isWanting ? "large" : "primary large"} aria-disabled=${isSending}>
            ${isSending ? "Sending …" : isWanting ? "Send it anyway" : "Upload and score"}
          </button>
        </div>`}
    </form>
    <${Templates} api=${api} />
  <//>`;
}

function useSchemas(api) {
  const [schemas, setSchemas] = useState({});
  useEffect(() => {
    for (const kind of KINDS) {
      api.get(`${kind}/schema`).then(
        (schema) => setSchemas((known) => ({ ...known, [kind]: schema })),
        // Without it nothing is said of the header beforehand, and the service says it afterwards.
        () => {},
      );
    }
  }, []);
  return schemas;
}

function optionsOf(form) {
  const options = { validate_only: form.get("validate_only") === "on", labels: labelsOf(form) };
  const most = form.get("max_failed_percent");
  if (most !== "") options.max_failed_percent = Number(most);
  const encoding = form.get("encoding").trim();
  if (encoding) options.encoding = encoding;
  return options;
}

function Drop({ file, choose, isDisabled }) {
  const [isOver, setOver] = useState(false);
  const over = (event) => {
    event.preventDefault();
    setOver(!isDisabled);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const [dropped] = event.dataTransfer.files;
    if (dropped && !isDisabled) choose(dropped);
  };
  const pick = (event) => {
    const [picked] = event.currentTarget.files;
    if (picked) choose(picked);
  };
  return html`<label class="drop ${isOver ? "is-over" : ""}" onDragOver=${over} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <input type="file" accept=".csv,.xlsx" onChange=${pick} disabled=${isDisabled} aria-describedby="drop-hint" />
    <span class="drop-name">${file ? file.name : "Choose a file, or drop one here"}</span>
    <span class="muted" id="drop-hint">
      ${file ? `${bytes(file.size)}. Choose another to replace it.` : "CSV or Excel, one company and period a row"}
    </span>
  </label>`;
}

function Kind({ kind, setKind, isDisabled }) {
  return html`<fieldset class="kinds" disabled=${isDisabled}>
    <legend>Kind of figures</legend>
    ${KINDS.map(
      (name) =>
        html`<label>
          <input type="radio" name="kind" value=${name} checked=${kind === name} onChange=${() => setKind(name)} />
          <span>${name === "annual" ? "Annual" : "Quarterly"}</span>
        </label>`,
    )}
  </fieldset>`;
}

function summary(verdict, kind) {
  if (!verdict) return null;
  const { missing, repeated, profile } = verdict;
  if (missing.length === 0 && repeated.length === 0) return `The header fits: ${kind} figures, ${profile}.`;
  return `${plural(missing.length, "column")} missing, ${plural(repeated.length, "column")} named twice.`;
}

function Verdict({ verdict, isRead, names, kind }) {
  if (!isRead) return html`<${Waiting}>Reading the header …<//>`;
  if (!names) return html`<${Notice}><p>The header cannot be told from here. The service reads it first.</p><//>`;
  if (!verdict) return html`<${Waiting}>Comparing the header with what is scored …<//>`;
  const { profile, missing, repeated, extra } = verdict;
  const what = profile === "statements" ? "statement amounts" : "ratios";
  if (missing.length === 0 && repeated.length === 0) {
    return html`<${Notice} kind="good" title="The header fits">
      <p>Every column of ${kind} ${what} is there${extra.length > 0 && `, and ${plural(extra.length, "more column")} that come back untouched`}.</p>
    <//>`;
  }
  return html`<${Notice} kind="warn" title="The header does not fit yet">
    ${missing.length > 0 &&
    html`<p>Read as ${kind} ${what}, the nearest kind of file, it lacks:</p>
      <ul class="names">
        ${missing.map((name) => html`<li><code>${name}</code></li>`)}
      </ul>`}
    ${repeated.length > 0 &&
    html`<p>Named more than once:</p>
      <ul class="names">
        ${repeated.map((name) => html`<li><code>${name}</code></li>`)}
      </ul>`}
    <p>Mend the header in the file and choose it again. Names may be written with spaces or hyphens, in any case.</p>
  <//>`;
}

function Options({ isDisabled }) {
  return html`<fieldset class="options" disabled=${isDisabled}>
    <legend class="for-ears">Options</legend>
    <label class="check">
      <input type="checkbox" name="validate_only" />
      <span>Only check the rows, score nothing</span>
    </label>
    <details>
      <summary>More options</summary>
      <div class="grid">
        <label>
          <span>Most rows that may fail, in percent</span>
          <input type="number" name="max_failed_percent" min="0" max="100" step="any" />
        </label>
        <label>
          <span>Encoding, if not UTF-8</span>
          <input type="text" name="encoding" maxlength="40" placeholder="windows-1252" />
        </label>
      </div>
      <${Labels} />
    </details>
  </fieldset>`;
}

function Sending({ sent, file, stop }) {
  // A small file goes in one request, of which a page is told only the end.
  const text = sent > 0 ? `${bytes(sent * file.size)} of ${bytes(file.size)}` : bytes(file.size);
  return html`<div class="sending">
    <${Bar} value=${sent} max=${sent > 0 ? 1 : 0} label=${`Sending ${file.name}`} text=${text} />
    <span class="muted">${text}</span>
    <button type="button" class="quiet" onClick=${stop}>Stop</button>
  </div>`;
}

function Templates({ api }) {
  const [error, setError] = useState(null);
  const fetchTemplate = async (kind) => {
    setError(null);
    try {
      const answer = await api.send("GET", `${kind}/template`);
      saveText(await answer.text(), `${kind}-template.csv`);
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<${Section} title="Templates" intro="A file that uploads clean, to start from.">
    <div class="actions">
      ${KINDS.map(
        (kind) => html`<button type="button" onClick=${() => fetchTemplate(kind)}>Template of ${kind} figures</button>`,
      )}
    </div>
    ${error && html`<${Problem} error=${error} />`}
  <//>`;
}
