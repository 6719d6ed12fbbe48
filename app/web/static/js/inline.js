// Changing a cell where it stands: F2 or a double click opens the item's own input; Enter saves, Escape leaves, Tab goes on.
// A refused value puts the old one back and says why beside it.
import { call, token, Refused } from "./http.js";
import { toast } from "./toast.js";
import { refreshRow, words } from "./view.js";

const address = (line, item) => `${line.dataset.url}/item/${encodeURIComponent(item)}`;

async function opened(line, cell) {
  if (line.closest("table").querySelector(`col[data-column="${CSS.escape(cell.dataset.item)}"]`)?.hasAttribute("data-fixed")) return null;
  const answer = await fetch(address(line, cell.dataset.item), { headers: { "HX-Request": "true" } });
  return answer.ok ? answer.text() : null;
}

export async function editCell(line, wanted, step = 1) {
  const cells = [...line.querySelectorAll("td[data-item]")];
  let at = wanted ? cells.indexOf(wanted) : 0;
  for (; at >= 0 && at < cells.length; at += step) {
    const html = await opened(line, cells[at]);
    if (html !== null) return place(line, cells[at], html);
    if (wanted && step === 1 && cells.indexOf(wanted) === at && !wanted.dataset.tabbed) { toast(words.fixed, { kind: "warning" }); return line.focus(); }
  }
  line.focus();
}

function place(line, cell, html) {
  const old = cell.innerHTML;
  const box = document.createElement("form");
  box.className = "cell-editor";
  box.noValidate = true;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const input = holder.content.querySelector("select, textarea, input:not([type=hidden])");
  if (!input) return;
  for (const part of holder.content.querySelectorAll("input[type=hidden]")) box.append(part);
  input.className = `${input.className} cell-input`;
  input.removeAttribute("data-picker");
  input.setAttribute("aria-label", cell.dataset.item);
  box.append(input);
  cell.classList.add("editing");
  cell.replaceChildren(box);
  input.focus();
  input.select?.();
  const before = new FormData(box).getAll(input.name).join("\n");
  let done = false;

  const back = (focus = true) => { done = true; cell.classList.remove("editing"); cell.innerHTML = old; if (focus) line.focus(); };
  const save = async (next) => {
    if (done) return;
    const sent = new FormData(box);
    if (sent.getAll(input.name).join("\n") === before) { back(); return next ? go(line, cell, next) : undefined; }
    done = true;
    sent.set("csrf_token", token());
    sent.set("_rev", line.dataset.rev);
    try {
      await call("POST", address(line, cell.dataset.item), sent);
      const fresh = await refreshRow(line);
      fresh.focus();
      fresh.classList.add("cursor");
      const changed = fresh.querySelector(`td[data-item="${cell.dataset.item}"]`);
      changed?.classList.add("just-saved");
      if (next) return go(fresh, changed, next);
    } catch (problem) {
      back();
      refused(cell, problem instanceof Refused ? problem.fields[cell.dataset.item] ?? problem.message : problem.message);
    }
  };
  box.addEventListener("submit", (event) => { event.preventDefault(); save(0); });
  box.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { event.preventDefault(); back(); }
    else if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); save(0); }
    else if (event.key === "Tab") { event.preventDefault(); save(event.shiftKey ? -1 : 1); }
  });
  input.addEventListener("blur", () => setTimeout(() => { if (!done && !box.contains(document.activeElement)) save(0); }, 80));
}

function go(line, cell, step) {
  const cells = [...line.querySelectorAll("td[data-item]")];
  const next = cells[cells.indexOf(cell) + step];
  if (!next) return line.focus();
  next.dataset.tabbed = "1";
  return editCell(line, next, step).finally(() => delete next.dataset.tabbed);
}

function refused(cell, reason) {
  const note = document.createElement("span");
  note.className = "cell-refused";
  note.setAttribute("role", "alert");
  note.textContent = reason;
  cell.classList.add("refused");
  cell.append(note);
  setTimeout(() => { note.remove(); cell.classList.remove("refused"); }, 7000);
}
