// Client of the public API: sends the token of the session, retries with one Idempotency-Key for all attempts, and throws
// problem+json responses as ApiError.

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 500;
const RETRIABLE_STATUSES = new Set([429, 502, 503, 504]);

export class ApiError extends Error {
  constructor(status, body, requestId) {
    super(body.detail ?? body.message ?? `The server responded with HTTP ${status}.`);
    this.status = status;
    this.code = body.code ?? null;
    this.title = body.title ?? null;
    this.errors = body.errors ?? [];
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

  // Returns the response, a success or a 304. `path` is relative to `predictions/`. Throws ApiError.
  async send(method, path, { query, json, body, headers, signal } = {}) {
    const url = new URL(path, this.#root);
    for (const [name, value] of Object.entries(query ?? {})) {
      for (const item of [value].flat()) {
        if (item !== null && item !== undefined && item !== "") url.searchParams.append(name, item);
      }
    }
    const allHeaders = {
      ...(method === "POST" ? { "Idempotency-Key": crypto.randomUUID() } : {}),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const content = json === undefined ? body : JSON.stringify(json);
    for (let attempt = 0; ; attempt += 1) {
      const isLast = attempt === ATTEMPTS - 1;
      let response;
      try {
        const authorization = { Authorization: `Bearer ${this.#session.token}` };
        response = await fetch(url, { method, headers: { ...allHeaders, ...authorization }, body: content, signal });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (isLast) throw new Error("Can't reach the server. Check your connection.");
        await pause(FIRST_PAUSE_MS * 2 ** attempt, signal);
        continue;
      }
      if (response.ok || response.status === 304) return response;
      const error = await errorOf(response);
      if (response.status === 401) await this.#session.end();
      const isInFlight = error.code === "idempotency_in_flight";
      if (isLast || !(isInFlight || RETRIABLE_STATUSES.has(response.status))) throw error;
      await pause(Math.max(retryAfterMs(response), FIRST_PAUSE_MS * 2 ** attempt), signal);
    }
  }
}

// Returns the delay in the Retry-After header of a response; 0 without the header.
export function retryAfterMs(response) {
  const seconds = Number(response.headers.get("Retry-After"));
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

async function errorOf(response) {
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body, response.headers.get("X-Request-Id"));
}
