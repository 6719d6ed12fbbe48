// What a form holds at a moment, as data: for undo and redo, and to put a draft back.
//
//   {fields: {name: [value, …]}, choices: {name: [[value, label], …]}, rows: {table: count}}
//
// Only what the person may change is kept; control fields (names beginning with `_`), the token and files are not.

import { rows, setRows } from "./tables.js";

const kept = (field) =>
  field.name && !field.name.startsWith("_") && field.name !== "csrf_token" && field.type !== "file" &&
  !["submit", "button"].includes(field.type) && !field.closest("template, dialog");

export function read(form) {
  const state = { fields: {}, choices: {}, rows: {} };
  for (const editor of form.querySelectorAll(".table-editor")) state.rows[editor.dataset.table] = rows(editor).length;
  for (const field of form.elements) {
    if (!kept(field)) continue;
    const values = (state.fields[field.name] ??= []);
    if (field.type === "checkbox" || field.type === "radio") {
      if (field.checked) values.push(field.value);
    } else if (field.tagName === "SELECT") {
      const chosen = [...field.selectedOptions];
      values.push(...chosen.map((option) => option.value));
      if ("pickerReady" in field.dataset) {
        state.choices[field.name] = chosen.map((option) => [option.value, option.label || option.text]);
      }
    } else values.push(field.value);
  }
  return renumber(form, state);
}

// Row numbers are made dense, so that a state fits the form again after rows were removed and added.
function renumber(form, state) {
  for (const editor of form.querySelectorAll(".table-editor")) {
    const table = editor.dataset.table;
    rows(editor).forEach((row, index) => {
      for (const field of row.querySelectorAll("[name]")) {
        const dense = `item.${table}.#${index}.${cellName(field)}`;
        if (field.name in state.fields) state.fields[dense] = state.fields[field.name];
        if (field.name in state.choices) state.choices[dense] = state.choices[field.name];
        delete state.fields[field.name];
        delete state.choices[field.name];
      }
    });
  }
  return state;
}

export function write(form, state) {
  for (const editor of form.querySelectorAll(".table-editor")) setRows(editor, state.rows[editor.dataset.table] ?? 0);
  for (const field of form.elements) {
    if (!kept(field)) continue;
    const name = denseName(form, field);
    const values = state.fields[name] ?? [];
    if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
    else if (field.tagName === "SELECT") {
      for (const [value, label] of state.choices[name] ?? []) {
        if (![...field.options].some((option) => option.value === value)) field.append(new Option(label, value));
      }
      for (const option of field.options) option.selected = values.includes(option.value);
      if (!field.multiple && !values.length && field.options[0]?.value === "") field.selectedIndex = 0;
      field.dispatchEvent(new Event("picker:refresh"));
    } else if (field.value !== (values[0] ?? "")) {
      field.value = values[0] ?? "";
      field.dispatchEvent(new Event("richtext:refresh"));
    }
  }
}

function denseName(form, field) {
  const row = field.closest("tr[data-row]");
  if (!row || !field.name.includes(".")) return field.name;
  const editor = row.closest(".table-editor");
  return `item.${editor.dataset.table}.#${rows(editor).indexOf(row)}.${cellName(field)}`;
}

const cellName = (field) => field.name.split(".").slice(3).join(".");

// Undo and redo by steps: typing in one field within a second is one step.
export class Steps {
  constructor(form) {
    this.form = form;
    this.past = [];
    this.future = [];
    this.now = read(form);
    this.last = { name: "", at: 0 };
  }

  note(name) {
    const state = read(this.form);
    if (JSON.stringify(state) === JSON.stringify(this.now)) return;
    const at = Date.now();
    if (!(name && name === this.last.name && at - this.last.at < 1000)) this.past.push(this.now);
    if (this.past.length > 100) this.past.shift();
    this.last = { name, at };
    this.future = [];
    this.now = state;
  }

  // After the server filled computed items: part of the step before, not one of its own.
  absorb() {
    this.now = read(this.form);
  }

  go(from, to) {
    if (!from.length) return false;
    to.push(this.now);
    this.now = from.pop();
    this.last = { name: "", at: 0 };
    write(this.form, this.now);
    return true;
  }

  undo() {
    return this.go(this.past, this.future);
  }

  redo() {
    return this.go(this.future, this.past);
  }
}
