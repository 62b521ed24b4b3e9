// Results of ended jobs: files and the risk summary, which may still be in preparation just after the end.

import { pause, retryAfterMs } from "./api.js";

const MIN_PAUSE_MS = 1000;
const MAX_WAIT_MS = 10 * 60 * 1000;

// Returns the response body once it is ready. Calls `onWaiting` before each further attempt.
export async function whenReady(api, path, { query, signal, onWaiting = () => {} }) {
  const deadline = Date.now() + MAX_WAIT_MS;
  for (;;) {
    const response = await api.send("GET", path, { query, signal });
    if (response.status !== 202) return response.json();
    if (Date.now() > deadline) throw new Error("Results are still being prepared. Try again in a few minutes.");
    onWaiting();
    await pause(Math.max(retryAfterMs(response), MIN_PAUSE_MS), signal);
  }
}

// Returns a short-lived URL of a result file.
export async function downloadUrl(api, id, outcome, format, { signal, onWaiting }) {
  const query = { outcome, format, redirect: false };
  return (await whenReady(api, `jobs/${id}/download`, { query, signal, onWaiting })).url;
}
