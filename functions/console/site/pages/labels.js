// Fields for the labels of a job: one pair for each label, up to the limit of the API.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { html } from "../dom.js";

const MAX_LABELS = 10;

export function Labels() {
  const [keys, setKeys] = useState([0]);
  const [changed, setChanged] = useState(null);
  const list = useRef(null);
  const addButton = useRef(null);
  // Move the focus before the next key press: to the added field, or off the removed one.
  useLayoutEffect(() => {
    if (changed === "added") list.current.lastElementChild.querySelector("input").focus();
    if (changed === "removed") addButton.current.focus();
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
    <legend>Labels</legend>
    <ul ref=${list}>
      ${keys.map(
        (key, index) =>
          html`<li key=${key}>
            <label>
              <span>Name<span class="visually-hidden"> of label ${index + 1}</span></span>
              <input type="text" name="label_name" maxlength="64" placeholder="portfolio" />
            </label>
            <label>
              <span>Value<span class="visually-hidden"> of label ${index + 1}</span></span>
              <input type="text" name="label_value" maxlength="256" placeholder="2026" />
            </label>
            <button type="button" class="quiet" onClick=${() => remove(key)}>
              Remove<span class="visually-hidden"> label ${index + 1}</span>
            </button>
          </li>`,
      )}
    </ul>
    <button type="button" ref=${addButton} onClick=${add} disabled=${keys.length >= MAX_LABELS}>Add label</button>
  </fieldset>`;
}

// Returns the labels in a form. Throws Error for a value without a name and for a duplicate name.
export function labelsOf(form) {
  const values = form.getAll("label_value");
  const labels = {};
  for (const [index, text] of form.getAll("label_name").entries()) {
    const [name, value] = [text.trim(), values[index].trim()];
    if (!name && value) throw new Error(`The label with the value “${value}” needs a name.`);
    if (name in labels) throw new Error(`Two labels have the name “${name}”. Rename one of them.`);
    if (name) labels[name] = value;
  }
  return labels;
}
