// The edit page: saves without leaving it, shows errors beside their fields, keeps a draft on the server, undo and redo,
// and asks the server what is computed, hidden, required and offered after each change.
//
//   <form id="edit" data-recompute data-draft data-attachments data-dynamic> … <span data-draft-state>
//   answers to a save (JSON): {location} | {errors: {item: sentence}, reason} | {dialog: html} | {reason}

import { enhance, setChoices } from "./picker.js";
import { addRow, rows, start as startTables } from "./tables.js";
import { Steps, read } from "./form-state.js";
import { toast } from "./toast.js";
import { addPictures, headers, start as startRichText } from "./richtext.js";

const form = document.getElementById("edit");
let asking = null;
if (form && !form.dataset.started) begin();

function begin() {
  form.dataset.started = "";
  enhance(form);
  startTables(form);
  startRichText(form);
  const steps = new Steps(form);
  let clean = JSON.stringify(read(form));
  let files = false;
  let leaving = false;
  const dirty = () => !leaving && (files || form.dataset.restored === "1" || JSON.stringify(read(form)) !== clean);

  // -- changes ------------------------------------------------------------------------------------------------------
  const recompute = debounced(250, () => ask(form, steps));
  const keep = debounced(1500, () => saveDraft(form));
  const changed = (event) => {
    if (event?.target?.type === "file") files = true;
    if (event?.target?.closest?.("dialog")) return;
    clearError(event?.target);
    steps.note(event?.target?.name || "");
    buttons();
    if ("dynamic" in form.dataset) recompute();
    keep();
  };
  form.addEventListener("input", (event) => !event.target.matches(".picker-input") && changed(event));
  form.addEventListener("change", (event) => !event.target.matches(".picker-input") && changed(event));
  form.addEventListener("document:revised", (event) => (form.elements._rev.value = event.detail));
  form.addEventListener("richtext:image-refused", () => say(form.dataset.textNoImage));

  const buttons = () => {
    for (const [name, list] of [["undo", steps.past], ["redo", steps.future]]) {
      const button = form.querySelector(`[data-${name}]`);
      if (button) button.disabled = list.length === 0;
    }
  };
  const step = (which) => {
    if (!steps[which]()) return;
    buttons();
    if ("dynamic" in form.dataset) recompute();
    keep();
  };
  form.querySelector("[data-undo]")?.addEventListener("click", () => step("undo"));
  form.querySelector("[data-redo]")?.addEventListener("click", () => step("redo"));

  // -- keyboard -----------------------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (command && key === "s") {
      event.preventDefault();
      staying = form.elements._id.value !== "";
      form.requestSubmit(form.querySelector("[data-save]"));
    } else if (command && event.key === "Enter") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[data-save]"));
    } else if (command && (key === "z" || key === "y") && !event.target.closest?.(".richtext, dialog, .picker-input")) {
      event.preventDefault();
      step(key === "y" || event.shiftKey ? "redo" : "undo");
    }
  });
  form.addEventListener("keydown", (event) => {
    const plain = event.target.matches?.("input:not([type=submit], .picker-input)") && !event.target.closest("tr[data-row]");
    if (event.key === "Enter" && plain && !event.ctrlKey) event.preventDefault(); // Enter in a field does not save
  });

  // -- saving -------------------------------------------------------------------------------------------------------
  let saving = false;
  let staying = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (saving) return;
    saving = true;
    const button = form.querySelector("[data-save]");
    button?.setAttribute("aria-busy", "true");
    keep.cancel();
    const data = new FormData(form, event.submitter instanceof HTMLElement && event.submitter.name ? event.submitter : null);
    if (staying && !files && !data.has("_remove_file")) data.append("_stay", "1");
    addPictures(form, data);
    staying = false;
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: headers() });
      const result = await answer.json();
      if (result.location) {
        leaving = true;
        location.assign(result.location);
        return;
      }
      if (result.rev) {
        form.elements._rev.value = result.rev;
        clean = JSON.stringify(read(form));
        form.dataset.restored = "";
        form.querySelector(".error-summary").hidden = true;
        form.querySelector("[data-draft-state]").textContent = "";
        toast(result.saved, { kind: "success" });
        for (const warning of result.warnings) toast(warning, { kind: "warning" });
        return;
      }
      if (result.dialog) showDialog(result.dialog);
      else showErrors(result.errors || {}, result.reason);
    } catch {
      showErrors({}, form.dataset.textOffline);
      saveDraft(form);
    } finally {
      saving = false;
      button?.removeAttribute("aria-busy");
    }
  });

  // -- leaving ------------------------------------------------------------------------------------------------------
  addEventListener("beforeunload", (event) => {
    if (dirty()) event.preventDefault();
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const whole = event.detail.boosted || event.detail.target?.id === "main";
    if (whole && dirty() && !confirm(form.dataset.textLeave)) event.preventDefault();
    else if (whole) leaving = true;
  });
  addEventListener("pagehide", () => {
    if (dirty()) navigator.sendBeacon(form.dataset.draft, values(form));
  });
  for (const link of form.querySelectorAll("[data-leave]")) {
    link.addEventListener("click", (event) => {
      if (dirty() && !confirm(form.dataset.textLeave)) return event.preventDefault();
      leaving = true;
      if (form.dataset.draft) fetch(form.dataset.draft, { method: "DELETE", headers: headers(), keepalive: true });
    });
  }
  if (form.dataset.draftUrl && !new URLSearchParams(location.search).has("draft")) {
    history.replaceState(history.state, "", form.dataset.draftUrl);
  }

  fileNames();
  buttons();
  const wanted = form.querySelector("[autofocus]") || form.querySelector(".field input:not([type=hidden]):not([disabled])");
  if (!form.querySelector(".error-summary:not([hidden])")) wanted?.focus({ preventScroll: true });
  if ("dynamic" in form.dataset) ask(form, steps).then(() => (clean = form.dataset.restored === "1" ? clean : JSON.stringify(read(form))));
}

// -- what depends on what ---------------------------------------------------------------------------------------------

async function ask(form, steps) {
  asking?.abort();
  asking = new AbortController();
  let told;
  try {
    const answer = await fetch(form.dataset.recompute, { method: "POST", body: values(form), headers: headers(), signal: asking.signal });
    if (!answer.ok) return;
    told = await answer.json();
  } catch {
    return;
  }
  for (const [name, hidden] of Object.entries(told.hidden || {})) toggle(form, `[data-item="${name}"]`, hidden);
  for (const [name, hidden] of Object.entries(told.hidden_sections || {})) toggle(form, `[data-section="${name}"]`, hidden);
  for (const [name, needed] of Object.entries(told.required || {})) {
    const field = form.querySelector(`[data-item="${name}"]`);
    field?.classList.toggle("field-required", needed);
  }
  for (const [name, fixed] of Object.entries(told.readonly || {})) {
    for (const input of form.querySelectorAll(`[data-item="${name}"] :is(input, select, textarea)`)) {
      if (input.tagName === "INPUT" || input.tagName === "TEXTAREA") input.readOnly = fixed;
    }
  }
  for (const [name, choices] of Object.entries(told.choices || {})) {
    const select = form.querySelector(`select[name="item.${name}"]`);
    if (select) setChoices(select, choices);
  }
  for (const [name, shown] of Object.entries(told.computed || {})) {
    for (const output of form.querySelectorAll(`[data-computed="${name}"]`)) output.textContent = shown;
  }
  for (const [name, lines] of Object.entries(told.tables || {})) {
    const editor = form.querySelector(`.table-editor[data-table="${name}"]`);
    if (!editor) continue;
    rows(editor).forEach((row, index) => {
      for (const [cell, shown] of Object.entries(lines[index] || {})) {
        const output = row.querySelector(`[data-computed-cell="${cell}"]`);
        if (output) output.textContent = shown;
      }
    });
  }
  for (const [name, value] of Object.entries(told.defaults || {})) {
    const field = form.querySelector(`[name="item.${name}"]`);
    const shown = form.querySelector(`[name="_default.${name}"]`);
    if (!field || !shown) continue;
    if (field.value === shown.value && field !== document.activeElement) fill(field, value);
    shown.value = value.value;
  }
  for (const [name, value] of Object.entries(told.pulled || {})) {
    const field = form.querySelector(`[name="item.${name}"]`);
    if (!field) {
      const output = document.getElementById(`f-${name}`);
      if (output && output.textContent.trim() !== value.label) output.textContent = value.label;
      continue;
    }
    if (field === document.activeElement || field.value === value.value) continue;
    fill(field, value);
    field.closest(".field")?.classList.add("field-pulled");
  }
  steps.absorb();
}

function fill(field, value) {
  if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value.value)) {
    field.append(new Option(value.label, value.value));
  }
  field.value = value.value;
  field.dispatchEvent(new Event("picker:refresh"));
}

function toggle(form, selector, hidden) {
  const part = form.querySelector(selector);
  if (part) part.hidden = hidden;
}

// -- drafts -----------------------------------------------------------------------------------------------------------

function values(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data.entries()]) if (value instanceof File) data.delete(name);
  return data;
}

async function saveDraft(form) {
  const place = form.querySelector("[data-draft-state]");
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: values(form), headers: headers() });
    if (answer.ok && place) place.textContent = (await answer.json()).saved;
  } catch {
    if (place) place.textContent = form.dataset.textDraftFailed;
  }
}

// -- errors and dialogs -----------------------------------------------------------------------------------------------

function showErrors(errors, reason) {
  for (const old of form.querySelectorAll(".field-error")) {
    old.textContent = "";
    old.hidden = true;
  }
  for (const input of form.querySelectorAll("[aria-invalid=true]")) input.removeAttribute("aria-invalid");
  const summary = form.querySelector(".error-summary");
  const list = summary.querySelector("ul");
  list.replaceChildren();
  summary.querySelector("[data-reason]").textContent = reason || "";
  for (const [name, sentence] of Object.entries(errors)) {
    const field = form.querySelector(`[data-item="${name.split(".")[0]}"]`);
    const line = document.createElement("li");
    if (field) {
      field.hidden = false;
      field.closest(".form-section")?.removeAttribute("hidden");
      const input = target(field, name);
      const place = field.querySelector(".field-error");
      if (place) {
        place.textContent = sentence;
        place.hidden = false;
      }
      input?.setAttribute("aria-invalid", "true");
      const link = document.createElement("a");
      link.href = `#${input?.id || ""}`;
      link.textContent = `${field.dataset.label}: ${sentence}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        input?.focus();
        field.scrollIntoView({ block: "center" });
      });
      line.append(link);
    } else line.textContent = `${name}: ${sentence}`;
    list.append(line);
  }
  summary.hidden = false;
  summary.focus();
  summary.scrollIntoView({ block: "start" });
}

function target(field, name) {
  const own = form.querySelector(`[name="item.${CSS.escape(name)}"]:not([hidden])`);
  return own || field.querySelector(".picker-input, input:not([type=hidden]):not([hidden]), select:not([hidden]), textarea:not([hidden]), [contenteditable]");
}

function clearError(input) {
  const field = input?.closest?.(".field");
  const place = field?.querySelector(".field-error");
  if (!place || place.hidden) return;
  place.hidden = true;
  for (const marked of field.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
}

function showDialog(html) {
  document.getElementById("edit-dialog")?.remove();
  const holder = document.createElement("div");
  holder.innerHTML = html;
  const dialog = holder.firstElementChild;
  dialog.id = "edit-dialog";
  form.append(dialog); // inside the form: its choices are sent with the next save
  enhance(dialog);
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  for (const box of dialog.querySelectorAll("[data-edits]")) {
    box.addEventListener("input", () => (dialog.querySelector(`#${box.dataset.edits}`).checked = true));
  }
  dialog.showModal();
}

// -- files ------------------------------------------------------------------------------------------------------------

function fileNames() {
  for (const zone of form.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]");
    const list = zone.querySelector("[data-files]");
    const show = () => list.replaceChildren(...[...input.files].map((file) => Object.assign(document.createElement("li"), { textContent: file.name })));
    input.addEventListener("change", show);
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("drop-over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("drop-over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("drop-over");
      add(input, event.dataTransfer.files);
    });
  }
  form.addEventListener("paste", (event) => {
    const input = form.querySelector("[data-drop] input[type=file]");
    if (input && event.clipboardData.files.length && !event.target.closest?.(".richtext")) add(input, event.clipboardData.files);
  });
}

function add(input, more) {
  const all = new DataTransfer();
  for (const file of [...(input.multiple ? input.files : []), ...more]) all.items.add(file);
  input.files = all.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function say(words) {
  toast(words, { kind: "warning" });
}

function debounced(wait, act) {
  let timer = 0;
  const run = () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
  run.cancel = () => clearTimeout(timer);
  return run;
}

export { addRow };
