// Components that pages share: headings, notices, errors, dialogs, progress bars.

import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./dom.js";
import { count } from "./format.js";

const STATUS = {
  pending: "Awaiting upload",
  queued: "Queued",
  processing: "Processing",
  completed: "Completed",
  failed: "Failed",
};

export const LIVE = new Set(["pending", "queued", "processing"]);

export const statusName = (job) => (job.cancelled ? "Cancelled" : STATUS[job.status]);

// After navigation the heading gets the focus, so that a screen reader starts there.
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

// An error of a request, with the request id for support.
export function Problem({ error, reload }) {
  return html`<${Notice} kind="bad" title=${error.title ?? "Something went wrong"}>
    <p>${error.message}</p>
    ${error.errors?.length > 0 &&
    html`<ul>
      ${error.errors.map(({ field, message }) => html`<li>${field ? `${field}: ` : ""}${message}</li>`)}
    </ul>`}
    ${error.requestId && html`<p class="muted small">Request <code>${error.requestId}</code></p>`}
    ${reload && html`<button type="button" onClick=${reload}>Try again</button>`}
  <//>`;
}

export function Loading({ children }) {
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
    aria-valuetext=${text ?? (max ? `${count(value)} of ${count(max)}` : "unknown")}
  >
    <div class="bar-fill" style=${{ "--done": done }}></div>
  </div>`;
}

export function Level({ level }) {
  return html`<span class="level ${level.toLowerCase()}">${level.toLowerCase()}</span>`;
}

// Moves the focus to the heading of the page, for when the focused element was removed.
export function focusHeading() {
  document.querySelector("h1")?.focus();
}

// Shows a question in a modal dialog and calls `onAnswer` with true or false. `keep` labels the safe button.
export function Confirm({ question, detail, action, keep, isDangerous = true, onAnswer }) {
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
  const confirm = async () => {
    setBusy(true);
    await onAnswer(true);
  };
  const dismiss = (event) => {
    event.preventDefault();
    onAnswer(false);
  };
  return html`<dialog ref=${dialog} aria-labelledby="question" onCancel=${dismiss}>
    <h2 id="question">${question}</h2>
    <p>${detail}</p>
    <div class="actions">
      <button type="button" onClick=${dismiss} disabled=${busy}>${keep}</button>
      <button type="button" class=${isDangerous ? "danger" : "primary"} onClick=${confirm} disabled=${busy}>${action}</button>
    </div>
  </dialog>`;
}

// Text that only screen readers announce, when it changes. Render it empty first: a live region that is inserted with its
// text is often not announced.
export function Announcement({ children }) {
  return html`<p class="visually-hidden" role="status">${children}</p>`;
}

// Runs a request. Returns `data` or `error`, neither while it is pending, and `reload` to repeat it.
export function useRequest(request, dependencies) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    setState({});
    request(control.signal).then(
      (data) => setState({ data }),
      (error) => error.name !== "AbortError" && setState({ error }),
    );
    return () => control.abort();
  }, [...dependencies, round]);
  return { ...state, reload: () => setRound(round + 1) };
}
