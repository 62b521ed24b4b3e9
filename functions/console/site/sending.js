// Sending a file: a small one through the API, a larger one straight to storage with the form that the API signs.

import { ApiError } from "./api.js";

// What the form around the file adds.
const FORM_BYTES = 16 * 1024;
// Beyond it, a checksum would take more memory than a page should: only the length is checked then.
const CHECKSUM_BYTES = 64 * 1024 * 1024;

// The accepted job. `onSent` is told the share of the file that has left, from 0 to 1.
export async function send(api, kind, file, options, limits, { onSent, signal }) {
  const path = `${kind}/bulk-upload-async`;
  if (file.size <= limits.multipart_max_bytes - FORM_BYTES) {
    try {
      return await throughApi(api, path, file, options, { onSent, signal });
    } catch (error) {
      // A proxy on the way may take less than the service does.
      if (error.status !== 413) throw error;
    }
  }
  return toStorage(api, path, file, options, { onSent, signal });
}

async function throughApi(api, path, file, options, { onSent, signal }) {
  const body = new FormData();
  body.append("file", file, file.name);
  const query = { ...options, labels: JSON.stringify(options.labels) };
  const answer = await api.send("POST", path, { body, query, signal });
  onSent(1);
  return answer.json();
}

async function toStorage(api, path, file, options, { onSent, signal }) {
  const announced = { filename: file.name, file_size: file.size, ...options };
  if (file.size <= CHECKSUM_BYTES) announced.content_sha256 = await sha256Of(file);
  const accepted = await api.post(path, announced);
  const form = new FormData();
  for (const [name, value] of Object.entries(accepted.upload.fields)) form.append(name, value);
  form.append("file", file, file.name);
  await post(accepted.upload.url, form, onSent, signal);
  return accepted;
}

async function sha256Of(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// fetch tells nothing of how far a body has been sent.
function post(url, form, onSent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onload = () =>
      request.status < 300
        ? resolve()
        : reject(new ApiError(request.status, { detail: `Storage refused the file (HTTP ${request.status}).` }));
    request.onerror = () => reject(new Error("The file could not be sent. Check your connection and send it again."));
    request.onabort = () => reject(new DOMException("Sending was stopped.", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
