// The document page: change a field where it stands, attach by button, drop and paste, look at files, show empty fields.

import { call, Refused } from "./http.js";
import { toast } from "./toast.js";
import { on } from "./shortcuts.js";
import { enhance } from "./picker.js";
import { start as startTables } from "./tables.js";
import { start as startRichText } from "./richtext.js";

const page = document.querySelector("article.document[data-document]");
const address = page?.dataset.document;

// -- keys -------------------------------------------------------------------------------------------------------------

on("e", () => {
  const row = document.activeElement?.closest?.("[data-edit]");
  if (row) edit(row);
  else document.getElementById("edit-document")?.click();
});
on("r", () => document.getElementById("answer-document")?.click());
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
document.querySelector("[data-copy-link]")?.addEventListener("click", async (event) => {
  event.target.closest("details")?.removeAttribute("open");
  try {
    await navigator.clipboard.writeText(location.href);
    toast(page.dataset.textSaved);
  } catch {
    toast(location.href, { seconds: 15 });
  }
});

// -- empty fields -----------------------------------------------------------------------------------------------------

document.querySelector("[data-show-empty]")?.addEventListener("click", (event) => {
  const button = event.currentTarget;
  const shown = page.classList.toggle("show-empty-fields");
  button.setAttribute("aria-pressed", String(shown));
});

// -- one field in place -----------------------------------------------------------------------------------------------

page?.addEventListener("dblclick", (event) => {
  const row = event.target.closest("[data-edit]");
  if (row && !event.target.closest("a, button, form")) edit(row);
});
page?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-edit-field]");
  if (button) edit(button.closest("[data-edit]"));
});
page?.addEventListener("keydown", (event) => {
  const row = event.key === "F2" && event.target.closest("[data-edit]");
  if (row) {
    event.preventDefault();
    edit(row);
  }
});

async function edit(row) {
  if (row.dataset.open) return;
  row.dataset.open = "1";
  const place = row.querySelector("dd");
  const before = [...place.childNodes];
  const url = `${address}/item/${encodeURIComponent(row.dataset.edit)}`;
  let html;
  try {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    html = await answer.text();
    if (!answer.ok) throw new Refused(answer.status, { reason: html });
  } catch (problem) {
    delete row.dataset.open;
    return toast(problem.message, { kind: "error" });
  }
  place.innerHTML = html;
  row.classList.add("row-open");
  const form = place.querySelector("form");
  form.dataset.attachments = page.dataset.upload;
  enhance(form);
  startTables(form);
  await startRichText(form);
  const input = form.querySelector(".picker-input, input:not([type=hidden]), select:not([hidden]), textarea:not([hidden]), [contenteditable=true]");
  input?.focus();
  if (input?.select && input.type !== "checkbox") input.select();
  const close = () => {
    place.replaceChildren(...before);
    row.classList.remove("row-open");
    delete row.dataset.open;
    place.querySelector("[data-edit-field]").focus();
  };
  form.querySelector("[data-cancel]").addEventListener("click", close);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && (event.ctrlKey || !event.target.matches("textarea, .picker-input, [contenteditable], button, tr[data-row] *"))) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const saved = await call("POST", url, new FormData(form));
      close();
      place.querySelector(".value").innerHTML = saved.html || "—";
      row.classList.toggle("row-empty", !saved.html);
      revised(saved.rev);
      toast(saved.saved, { kind: "success" });
      for (const warning of saved.warnings) toast(warning, { kind: "warning" });
      if (document.querySelector(".doc-name")) refresh();
    } catch (problem) {
      const line = form.querySelector(".field-error");
      line.textContent = problem.message;
      line.hidden = false;
      input?.setAttribute("aria-invalid", "true");
      input?.focus();
    }
  });
}

function revised(rev) {
  page.dataset.rev = rev;
  for (const field of document.querySelectorAll(".doc-head input[name=_rev]")) field.value = rev;
}

// Title, state, computed fields and timeline follow a change; what is being written stays.
async function refresh() {
  const answer = await fetch(address);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of [".doc-name", ".doc-facts", "#timeline"]) {
    const [here, there] = [document.querySelector(part), fresh.querySelector(part)];
    if (here && there) here.replaceWith(document.adoptNode(there));
  }
  for (const row of document.querySelectorAll(".doc-items .fields > div:not(.row-open)")) {
    const label = row.querySelector("dt").textContent;
    const there = [...fresh.querySelectorAll(".doc-items .fields > div")].find((one) => one.querySelector("dt").textContent === label);
    if (there && there.querySelector(".value").innerHTML !== row.querySelector(".value").innerHTML) {
      row.querySelector(".value").replaceChildren(...there.querySelector(".value").childNodes);
      row.className = there.className;
    }
  }
}

addEventListener("beforeunload", (event) => {
  if (document.querySelector(".row-open")) event.preventDefault();
});

// -- files ------------------------------------------------------------------------------------------------------------

const zone = document.querySelector("[data-drop-zone]");
if (zone && page?.dataset.upload) {
  zone.addEventListener("change", (event) => {
    if (event.target.type === "file") send(event.target.files, event.target);
  });
  let depth = 0;
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!holdsFiles(event)) return;
    depth += 1;
    page.classList.add("drop-over");
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) page.classList.remove("drop-over");
  });
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    depth = 0;
    page.classList.remove("drop-over");
    send(event.dataTransfer.files, event.target);
  });
  addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && !event.target.closest?.("form, dialog")) send(event.clipboardData.files);
  });
}

// Files go to the attachment item they were dropped on or chosen for, else to the first of the document.
async function send(files, place = null) {
  if (!files.length) return;
  const data = new FormData();
  const group = place?.closest?.("[data-file-item]") ?? zone.querySelector("[data-file-item]");
  data.append("item", group?.dataset.fileItem ?? "");
  for (const file of files) data.append("file", file, file.name || "picture.png");
  zone.setAttribute("aria-busy", "true");
  try {
    const told = await call("POST", page.dataset.upload, data);
    zone.innerHTML = told.html;
    revised(told.rev);
    toast(`${page.dataset.textUploaded}: ${told.files.map((file) => file.name).join(", ")}`, { kind: "success" });
    for (const problem of told.problems) toast(problem, { kind: "error" });
  } catch (problem) {
    toast(problem.message, { kind: "error" });
  } finally {
    zone.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const words = event.target.dataset.confirm;
  if (words && !confirm(words)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-preview]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  preview(link);
});

function preview(link) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog file-preview";
  dialog.setAttribute("aria-label", link.dataset.name);
  const head = document.createElement("header");
  const title = document.createElement("h2");
  title.textContent = link.dataset.name;
  const open = Object.assign(document.createElement("a"), { href: link.href, target: "_blank", rel: "noopener", className: "btn btn-plain btn-sm" });
  open.textContent = link.dataset.textOpen || link.closest("li").querySelector("[data-text-open]").dataset.textOpen;
  const close = document.createElement("button");
  Object.assign(close, { type: "button", className: "btn btn-quiet icon-only", textContent: "×" });
  close.setAttribute("aria-label", link.dataset.textClose || link.closest("li").querySelector("[data-text-close]").dataset.textClose);
  close.addEventListener("click", () => dialog.close());
  head.append(title, open, close);
  let content;
  if (link.dataset.preview === "picture") {
    content = document.createElement("img");
    content.alt = link.dataset.name;
  } else {
    content = document.createElement("iframe");
    content.title = link.dataset.name;
    if (link.dataset.preview === "text") content.setAttribute("sandbox", "");
  }
  content.src = link.href;
  dialog.append(head, content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
