// The editor of sub-items (order lines and the like): add, remove, reorder rows, by mouse and by keyboard.
//
//   <table data-table="order_lines"> <tbody> <tr data-row> … inputs named item.order_lines.<n>.<item> … </tr> </tbody>
//   <template> one <tr> with __n__ where the number goes </template>
//   <button data-table-add> anywhere inside the element with class table-editor
//
// The server reads rows in the order they stand in the page, so the numbers need not be dense.

import { enhance } from "./picker.js";

export function start(root = document) {
  for (const editor of root.querySelectorAll(".table-editor:not([data-ready])")) {
    editor.dataset.ready = "";
    editor.addEventListener("click", (event) => click(editor, event));
    editor.addEventListener("keydown", (event) => key(editor, event));
    dragging(editor);
    number(editor);
  }
}

export function rows(editor) {
  return [...editor.querySelectorAll("tbody > tr[data-row]")];
}

export function addRow(editor, focus = true) {
  const next = Number(editor.dataset.next || rows(editor).length);
  editor.dataset.next = next + 1;
  const holder = document.createElement("tbody");
  holder.innerHTML = editor.querySelector("template").innerHTML.replaceAll("__n__", String(next));
  const row = holder.firstElementChild;
  editor.querySelector("tbody").append(row);
  enhance(row);
  number(editor);
  if (focus) row.querySelector("input:not([type=hidden]), select:not([hidden]), textarea")?.focus();
  return row;
}

// Makes the editor have this many rows (a draft or an undo step is put back).
export function setRows(editor, wanted) {
  while (rows(editor).length < wanted) addRow(editor, false);
  for (const row of rows(editor).slice(wanted)) row.remove();
  number(editor);
}

function click(editor, event) {
  const button = event.target.closest("button");
  if (!button) return;
  const row = button.closest("tr[data-row]");
  if ("tableAdd" in button.dataset) addRow(editor);
  else if ("rowRemove" in button.dataset) remove(editor, row);
  else if ("rowUp" in button.dataset) move(editor, row, -1);
  else if ("rowDown" in button.dataset) move(editor, row, 1);
  else return;
  event.preventDefault();
  if (!("tableAdd" in button.dataset) && row.isConnected) button.focus();
  changed(editor);
}

function key(editor, event) {
  const row = event.target.closest?.("tr[data-row]");
  if (!row) return;
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const at = event.target;
    move(editor, row, event.key === "ArrowUp" ? -1 : 1);
    at.focus();
    changed(editor);
  } else if (event.key === "Enter" && event.target.matches("input:not(.picker-input)")) {
    event.preventDefault();
    const all = rows(editor);
    if (row === all.at(-1)) {
      addRow(editor);
      changed(editor);
    } else {
      const cell = [...row.children].indexOf(event.target.closest("td"));
      all[all.indexOf(row) + 1].children[cell]?.querySelector("input, select")?.focus();
    }
  }
}

function remove(editor, row) {
  const near = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  number(editor);
  (near?.querySelector("[data-row-remove]") || editor.querySelector("[data-table-add]"))?.focus();
}

function move(editor, row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (step < 0) other.before(row);
  else other.after(row);
  number(editor);
}

function number(editor) {
  rows(editor).forEach((row, index) => {
    const cell = row.querySelector("[data-row-number]");
    if (cell) cell.textContent = index + 1;
  });
  editor.classList.toggle("table-empty", rows(editor).length === 0);
}

function dragging(editor) {
  let dragged = null;
  editor.addEventListener("dragstart", (event) => {
    const handle = event.target.closest?.("[data-row-handle]");
    if (!handle) return;
    dragged = handle.closest("tr[data-row]");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/x-row", "");
    dragged.classList.add("row-dragged");
  });
  editor.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("tr[data-row]");
    if (!dragged || !over || over === dragged || over.parentElement !== dragged.parentElement) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  editor.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("row-dragged");
    dragged = null;
    number(editor);
    changed(editor);
  });
}

function changed(editor) {
  editor.dispatchEvent(new Event("change", { bubbles: true }));
}
