// Uploads files: small ones through the API, larger ones directly to storage with a form that the API presigns.

import { ApiError } from "./api.js";

// Size of the multipart form around the file.
const FORM_BYTES = 16 * 1024;
// Larger files are uploaded without a checksum, since SHA-256 in the browser needs the whole file in memory.
const CHECKSUM_BYTES = 64 * 1024 * 1024;

// Returns the accepted job. Calls `onProgress` with the uploaded share of the file, from 0 to 1.
export async function upload(api, jobType, file, options, limits, { onProgress, signal }) {
  const path = `${jobType}/bulk-upload-async`;
  if (file.size <= limits.multipart_max_bytes - FORM_BYTES) {
    try {
      return await throughApi(api, path, file, options, { onProgress, signal });
    } catch (error) {
      // A proxy in between may have a lower limit than the API.
      if (error.status !== 413) throw error;
    }
  }
  return toStorage(api, path, file, options, { onProgress, signal });
}

async function throughApi(api, path, file, options, { onProgress, signal }) {
  const body = new FormData();
  body.append("file", file, file.name);
  const query = { ...options, labels: JSON.stringify(options.labels) };
  const response = await api.send("POST", path, { body, query, signal });
  onProgress(1);
  return response.json();
}

async function toStorage(api, path, file, options, { onProgress, signal }) {
  const body = { filename: file.name, file_size: file.size, ...options };
  if (file.size <= CHECKSUM_BYTES) body.content_sha256 = await sha256Of(file);
  const accepted = await api.post(path, body);
  const form = new FormData();
  for (const [name, value] of Object.entries(accepted.upload.fields)) form.append(name, value);
  form.append("file", file, file.name);
  await post(accepted.upload.url, form, onProgress, signal);
  return accepted;
}

async function sha256Of(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Uses XMLHttpRequest, since fetch reports no upload progress.
function post(url, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () =>
      request.status < 300
        ? resolve()
        : reject(new ApiError(request.status, { detail: `Storage rejected the file (HTTP ${request.status}).` }));
    request.onerror = () => reject(new Error("Upload failed. Check your connection and try again."));
    request.onabort = () => reject(new DOMException("Upload cancelled.", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
