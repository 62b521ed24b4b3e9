// Names and values of one's own for a job: as many fields as there are labels, up to what the service takes.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../dom.js";

const MOST = 10;

export function Labels() {
  const [keys, setKeys] = useState([0]);
  const [changed, setChanged] = useState(null);
  const list = useRef(null);
  const more = useRef(null);
  // The focus goes to what was added, and off what was removed, before another key is taken.
  useLayoutEffect(() => {
    if (changed === "added") list.current.lastElementChild.querySelector("input").focus();
    if (changed === "removed") more.current.focus();
  }, [keys]);
  const add = () => {
    setKeys([...keys, Math.max(...keys, 0) + 1]);
    setChanged("added");
  };
  const remove = (key) => {
    setKeys(keys.filter((other) => other !== key));
    setChanged("removed");
  };
  return html`<fieldset class="labels">
    <legend>Labels, to find the job by</legend>
    <ul ref=${list}>
      ${keys.map(
        (key, index) =>
          html`<li key=${key}>
            <label>
              <span>Name<span class="for-ears"> of label ${index + 1}</span></span>
              <input type="text" name="label_name" maxlength="64" placeholder="portfolio" />
            </label>
            <label>
              <span>Value<span class="for-ears"> of label ${index + 1}</span></span>
              <input type="text" name="label_value" maxlength="256" placeholder="2026" />
            </label>
            <button type="button" class="quiet" onClick=${() => remove(key)}>
              Remove<span class="for-ears"> label ${index + 1}</span>
            </button>
          </li>`,
      )}
    </ul>
    <button type="button" ref=${more} onClick=${add} disabled=${keys.length >= MOST}>Add a label</button>
  </fieldset>`;
}

// What the fields of a form say. Throws Error for a value without a name, and for a name that comes twice.
export function labelsOf(form) {
  const values = form.getAll("label_value");
  const labels = {};
  for (const [index, text] of form.getAll("label_name").entries()) {
    const [name, value] = [text.trim(), values[index].trim()];
    if (!name && value) throw new Error(`The label with the value “${value}” needs a name.`);
    if (name in labels) throw new Error(`Two labels have the name “${name}”. Give one of them another.`);
    if (name) labels[name] = value;
  }
  return labels;
}
