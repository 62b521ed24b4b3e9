// Handing a file to the browser to keep.

export function saveText(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  saveFrom(url, name);
  URL.revokeObjectURL(url);
}

// An address that answers with a file: the browser stores it as it comes, whatever its size.
export function saveFrom(url, name = "") {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
