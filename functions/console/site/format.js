// Formats numbers, sizes and times for display.

const number = new Intl.NumberFormat("en");
const time = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

export const count = (value) => number.format(value);

export const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

// Formats a share with two significant digits: 0.024%, 3.1%, 42%.
export function percent(share) {
  const value = share * 100;
  if (value === 0) return "0%";
  const digits = value >= 10 ? 0 : value >= 1 ? 1 : Math.min(4, 1 - Math.floor(Math.log10(value)));
  return `${value.toFixed(digits)}%`;
}

export function bytes(size) {
  const units = ["B", "KB", "MB", "GB"];
  let step = 0;
  let value = size;
  while (value >= 1024 && step < units.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${step === 0 ? value : value.toFixed(1)} ${units[step]}`;
}

export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const dateTime = (text) => time.format(new Date(text));

export function ago(text, now = Date.now()) {
  const seconds = (new Date(text) - now) / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return "just now";
}
