// Saves files through the browser.

export function saveText(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  saveUrl(url, name);
  URL.revokeObjectURL(url);
}

// Downloads a URL; the browser streams it to disk, whatever its size.
export function saveUrl(url, name = "") {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
