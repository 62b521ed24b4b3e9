// What pages are made of: headings that take the focus, notices, problems, dialogs, bars.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./dom.js";
import { count } from "./format.js";

const STATUS = {
  pending: "Waiting for its file",
  queued: "Queued",
  processing: "Processing",
  completed: "Completed",
  failed: "Failed",
};

export const LIVE = new Set(["pending", "queued", "processing"]);

export const statusName = (job) => (job.cancelled ? "Cancelled" : STATUS[job.status]);

// A page's heading. It takes the focus when one comes from another page, so that a screen reader begins there.
let isFirstPage = true;

export function Page({ title, aside, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${title} – Default risk jobs`;
  }, [title]);
  useEffect(() => {
    if (!isFirstPage) {
      scrollTo(0, 0);
      heading.current.focus();
    }
    isFirstPage = false;
  }, []);
  return html`<div class="page">
    <header class="page-head">
      <h1 tabindex="-1" ref=${heading}>${title}</h1>
      ${aside}
    </header>
    ${children}
  </div>`;
}

export function Section({ title, intro, children }) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return html`<section class="card" aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    ${intro && html`<p class="muted">${intro}</p>`} ${children}
  </section>`;
}

export function Notice({ kind = "plain", title, children }) {
  return html`<div class="notice ${kind}" role=${kind === "bad" ? "alert" : "status"}>
    ${title && html`<p class="notice-title">${title}</p>`} ${children}
  </div>`;
}

// Something that the service refused or that could not be reached, with what support asks for.
export function Problem({ error, again }) {
  return html`<${Notice} kind="bad" title=${error.title ?? "That did not work"}>
    <p>${error.message}</p>
    ${error.faults?.length > 0 &&
    html`<ul>
      ${error.faults.map((fault) => html`<li>${fault.field ? `${fault.field}: ` : ""}${fault.message}</li>`)}
    </ul>`}
    ${error.requestId && html`<p class="muted small">Request <code>${error.requestId}</code></p>`}
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  <//>`;
}

export function Waiting({ children }) {
  return html`<div class="waiting" role="status"><span class="spinner" aria-hidden="true"></span>${children}</div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h2>${title}</h2>${children}</div>`;
}

export function Badge({ job }) {
  const kind = job.cancelled ? "cancelled" : job.status;
  return html`<span class="badge ${kind}">${statusName(job)}</span>`;
}

export function Bar({ value, max, label, text }) {
  const done = max ? Math.min(1, value / max) : 0;
  return html`<div
    class="bar ${max ? "" : "unknown"}"
    role="progressbar"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${max ? Math.floor(done * 100) : undefined}
    aria-valuetext=${text ?? (max ? `${count(value)} of ${count(max)}` : "not known yet")}
  >
    <div class="bar-fill" style=${{ "--done": done }}></div>
  </div>`;
}

export function Level({ level }) {
  return html`<span class="level ${level.toLowerCase()}">${level.toLowerCase()}</span>`;
}

// For when what had the focus is gone: one begins at the page's heading again.
export function focusHeading() {
  document.querySelector("h1")?.focus();
}

// A question before something that cannot be taken back. The browser keeps the focus inside and gives it back.
export function Confirm({ question, detail, action, isDangerous = true, onAnswer }) {
  const dialog = useRef(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const box = dialog.current;
    const opener = document.activeElement;
    box.showModal();
    return () => {
      box.close();
      if (opener?.isConnected) opener.focus();
    };
  }, []);
  const act = async () => {
    setBusy(true);
    await onAnswer(true);
  };
  const leave = (event) => {
    event.preventDefault();
    onAnswer(false);
  };
  return html`<dialog ref=${dialog} aria-labelledby="question" onCancel=${leave}>
    <h2 id="question">${question}</h2>
    <p>${detail}</p>
    <div class="actions">
      <button type="button" onClick=${leave} disabled=${busy}>Keep it as it is</button>
      <button type="button" class=${isDangerous ? "danger" : "primary"} onClick=${act} disabled=${busy}>${action}</button>
    </div>
  </dialog>`;
}

// Read out by screen readers where it changes, seen by nobody. It has to be there before: what comes with its text is
// often not read.
export function Announcement({ children }) {
  return html`<p class="for-ears" role="status">${children}</p>`;
}

// What a request brings: `data`, or `error`, or neither while it is under way. `again` asks once more.
export function useAsked(ask, dependencies) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    setState({});
    ask(control.signal).then(
      (data) => setState({ data }),
      (error) => error.name !== "AbortError" && setState({ error }),
    );
    return () => control.abort();
  }, [...dependencies, round]);
  return { ...state, again: () => setRound(round + 1) };
}
