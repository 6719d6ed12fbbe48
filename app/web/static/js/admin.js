// Pages of administrators and one's own: pickers, copying a secret once shown, printing, saving a table, fields that
// belong to one kind of field, columns put in order by dragging or Alt with the arrows.
import { enhance } from "./picker.js";

document.documentElement.classList.add("scripted");
enhance(document);
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await copyText(copy.dataset.copy);
    const word = copy.querySelector("span");
    const before = word.textContent;
    word.textContent = copy.dataset.copied;
    setTimeout(() => { word.textContent = before; }, 1600);
  }
  if (event.target.closest("[data-print]")) print();
  const save = event.target.closest("[data-save-table]");
  if (save) saveTable(document.getElementById(save.dataset.saveTable), save.dataset.file);
});

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(() => copyOldWay(text));
  return copyOldWay(text);
}

function copyOldWay(text) { // plain http on an intranet has no clipboard
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function saveTable(table, name) {
  const quoted = (text) => `"${(/^[=+\-@]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
  const rows = [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.classList.contains("no-print"))
    .map((cell) => quoted((cell.querySelector(".secret") ?? cell).textContent.trim())).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", rows.join("\r\n"), "\r\n"], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// What belongs to a kind of field shows with it.
const kinds = document.getElementById("new-field");
if (kinds?.elements.type) {
  const show = () => {
    for (const part of kinds.querySelectorAll("[data-for-kind]")) {
      part.classList.toggle("gone", !part.dataset.forKind.split(" ").includes(kinds.elements.type.value));
    }
  };
  kinds.addEventListener("change", show);
  show();
}

// Typing a password chooses that way.
for (const field of document.querySelectorAll("[data-for-way]")) {
  field.addEventListener("input", () => {
    const choice = field.form.querySelector(`[name=way][value=${field.dataset.forWay}]`);
    if (field.value) choice.checked = true;
  });
}

document.addEventListener("change", (event) => {
  const action = event.target.dataset?.submitOnChange;
  if (!action) return;
  event.target.form.querySelector(`[name=action][value=${action}]`).click();
});

// Columns in order.
for (const list of document.querySelectorAll("[data-sortable]")) {
  let dragged = null;
  for (const row of list.children) {
    row.draggable = true;
    const grip = document.createElement("span");
    grip.className = "grip";
    grip.textContent = "⠿";
    grip.setAttribute("aria-hidden", "true");
    row.prepend(grip);
  }
  list.addEventListener("dragstart", (event) => { dragged = event.target.closest("li"); dragged.classList.add("dragged"); });
  list.addEventListener("dragend", () => { dragged?.classList.remove("dragged"); dragged = null; });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  list.addEventListener("keydown", (event) => {
    const row = event.target.closest("li");
    if (!event.altKey || !row) return;
    if (event.key === "ArrowUp") row.previousElementSibling?.before(row);
    else if (event.key === "ArrowDown") row.nextElementSibling?.after(row);
    else return;
    event.preventDefault();
    event.target.focus();
  });
}
