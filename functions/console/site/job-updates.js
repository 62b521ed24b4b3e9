// Keeps a job up to date: long-polls its status and loads its details after each change.

import { useEffect, useState } from "preact/hooks";
import { pause, retryAfterMs } from "./api.js";
import { LIVE } from "./components.js";

const WAIT_SECONDS = 15;
// The status changes with every chunk; the progress bar needs fewer updates.
const MIN_PAUSE_MS = 700;

export function useJob(api, id) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    watch(api, id, control.signal, (job) => setState({ job })).catch((error) => {
      if (error.name !== "AbortError") setState((previous) => ({ ...previous, error }));
    });
    return () => control.abort();
  }, [id, round]);
  return { ...state, reload: () => setRound(round + 1) };
}

async function watch(api, id, signal, show) {
  let etag = null;
  for (;;) {
    const { job } = await api.get(`jobs/${id}`, { signal });
    show(job);
    if (!LIVE.has(job.status)) return;
    etag = await nextChange(api, id, etag, signal);
  }
}

// Waits until the status no longer matches `etag`. Returns its new ETag.
async function nextChange(api, id, etag, signal) {
  for (;;) {
    await pause(MIN_PAUSE_MS, signal);
    const response = await api.send("GET", `jobs/${id}/status`, {
      query: etag ? { wait: WAIT_SECONDS } : {},
      headers: etag ? { "If-None-Match": etag } : {},
      signal,
    });
    if (response.status !== 304) return response.headers.get("ETag");
    await pause(Math.min(retryAfterMs(response), 2000), signal);
  }
}
