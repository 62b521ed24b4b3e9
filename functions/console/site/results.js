// What ended jobs give: files and the risk summary, which may still be put together when a job has just ended.

import { pause, retryAfterMs } from "./api.js";

const LEAST_PAUSE_MS = 1000;
const LONGEST_WAIT_MS = 10 * 60 * 1000;

// The answer's body once it is there. `onWaiting` is told when it is not yet.
export async function whenReady(api, path, { query, signal, onWaiting = () => {} }) {
  const until = Date.now() + LONGEST_WAIT_MS;
  for (;;) {
    const answer = await api.send("GET", path, { query, signal });
    if (answer.status !== 202) return answer.json();
    if (Date.now() > until) throw new Error("It is still being put together. Come back in a while.");
    onWaiting();
    await pause(Math.max(retryAfterMs(answer), LEAST_PAUSE_MS), signal);
  }
}

// A short-lived address of an outcome's file.
export async function linkTo(api, id, outcome, format, { signal, onWaiting }) {
  const query = { outcome, format, redirect: false };
  return (await whenReady(api, `jobs/${id}/download`, { query, signal, onWaiting })).url;
}
