// A job as it changes: its status is asked with an answer that is held until there is news, then its details.

import { useEffect, useState } from "preact/hooks";
import { pause, retryAfterMs } from "./api.js";
import { LIVE } from "./parts.js";

const HOLD_SECONDS = 15;
// News comes with every chunk; a bar need not move more often.
const LEAST_PAUSE_MS = 700;

export function useJob(api, id) {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    follow(api, id, control.signal, (job) => setState({ job })).catch((error) => {
      if (error.name !== "AbortError") setState((before) => ({ ...before, error }));
    });
    return () => control.abort();
  }, [id, round]);
  return { ...state, again: () => setRound(round + 1) };
}

async function follow(api, id, signal, show) {
  let etag = null;
  for (;;) {
    const { job } = await api.get(`jobs/${id}`, { signal });
    show(job);
    if (!LIVE.has(job.status)) return;
    etag = await news(api, id, etag, signal);
  }
}

// Returns when the status is another than that of `etag`.
async function news(api, id, etag, signal) {
  for (;;) {
    await pause(LEAST_PAUSE_MS, signal);
    const answer = await api.send("GET", `jobs/${id}/status`, {
      query: etag ? { wait: HOLD_SECONDS } : {},
      headers: etag ? { "If-None-Match": etag } : {},
      signal,
    });
    if (answer.status !== 304) return answer.headers.get("ETag");
    await pause(Math.min(retryAfterMs(answer), 2000), signal);
  }
}
