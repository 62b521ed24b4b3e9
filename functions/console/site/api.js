// The public API with the token of the session: retries, one Idempotency-Key for all attempts, problems as errors.

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;
const WORTH_ANOTHER = new Set([429, 502, 503, 504]);

export class ApiError extends Error {
  constructor(status, body, requestId) {
    super(body.detail ?? body.message ?? `The service answered with HTTP ${status}.`);
    this.status = status;
    this.code = body.code ?? null;
    this.title = body.title ?? null;
    this.faults = body.errors ?? [];
    this.requestId = body.request_id ?? requestId;
  }
}

export class Api {
  #root;
  #session;

  constructor(root, session) {
    this.#root = root;
    this.#session = session;
  }

  async get(path, { query, signal } = {}) {
    return (await this.send("GET", path, { query, signal })).json();
  }

  async post(path, json) {
    return (await this.send("POST", path, { json })).json();
  }

  async delete(path) {
    return (await this.send("DELETE", path)).json();
  }

  // The answer, which is a success or 304. A path begins under `predictions/`.
  async send(method, path, { query, json, body, headers, signal } = {}) {
    const url = new URL(path, this.#root);
    for (const [name, value] of Object.entries(query ?? {})) {
      for (const one of [value].flat()) {
        if (one !== null && one !== undefined && one !== "") url.searchParams.append(name, one);
      }
    }
    const sent = {
      ...(method === "POST" ? { "Idempotency-Key": crypto.randomUUID() } : {}),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const content = json === undefined ? body : JSON.stringify(json);
    for (let attempt = 0; ; attempt += 1) {
      const isLast = attempt === ATTEMPTS - 1;
      let answer;
      try {
        const authorization = { Authorization: `Bearer ${this.#session.token}` };
        answer = await fetch(url, { method, headers: { ...sent, ...authorization }, body: content, signal });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (isLast) throw new Error("The service cannot be reached. Check your connection.");
        await pause(FIRST_PAUSE_MS * 2 ** attempt, signal);
        continue;
      }
      if (answer.ok || answer.status === 304) return answer;
      const problem = await problemOf(answer);
      if (answer.status === 401) await this.#session.end();
      const isWaiting = problem.code === "idempotency_in_flight";
      if (isLast || !(isWaiting || WORTH_ANOTHER.has(answer.status))) throw problem;
      await pause(Math.max(retryAfterMs(answer), FIRST_PAUSE_MS * 2 ** attempt), signal);
    }
  }
}

// What an answer asks to wait; 0 where it says nothing.
export function retryAfterMs(answer) {
  const seconds = Number(answer.headers.get("Retry-After"));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  return new ApiError(answer.status, body, answer.headers.get("X-Request-Id"));
}
