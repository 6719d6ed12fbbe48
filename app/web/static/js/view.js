// The page of a view: cursor, selection, preview, marks, folding, keys. Rows come from the server ready to show.
import { get, post, token } from "./http.js";
import { toast } from "./toast.js";
import { on, typing } from "./shortcuts.js";
import { remember, refreshUnread } from "./frame.js";
import { editCell } from "./inline.js";
import "./board.js";
import "./columns.js";
import "./listdialogs.js";

export const view = document.getElementById("view");
export const words = view.dataset;
const list = document.getElementById("list");
const bar = document.getElementById("bulk-bar");
const find = document.getElementById("find");
const selected = new Set();
let allResults = false;
let anchor = null;

// --- cursor: one row has the focus; groups are rows too

const lines = () => [...list.querySelectorAll(".row-line, .group-line")].filter((line) => line.offsetParent !== null);
export const current = () => document.activeElement?.closest?.(".row-line, .group-line, .card-line") ?? list.querySelector(".cursor");

function place(line, { focus = true } = {}) {
  if (!line) return;
  for (const old of list.querySelectorAll(".cursor")) { old.classList.remove("cursor"); old.tabIndex = -1; }
  line.classList.add("cursor");
  line.tabIndex = 0;
  if (focus) line.focus({ preventScroll: true });
  reveal(line);
  if (line.dataset.id) preview(line);
}

function reveal(line) {
  const scroll = line.closest(".grid-scroll");
  if (!scroll) return line.scrollIntoView({ block: "nearest" });
  const box = line.getBoundingClientRect();
  const frame = scroll.getBoundingClientRect();
  const head = scroll.querySelector("thead")?.offsetHeight ?? 0;
  if (box.top < frame.top + head) scroll.scrollTop -= frame.top + head - box.top;
  else if (box.bottom > frame.bottom) scroll.scrollTop += box.bottom - frame.bottom;
}

function move(step, extend) {
  const all = lines();
  const at = all.indexOf(current());
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step))];
  if (extend && next?.dataset.id) { mark(current(), true); mark(next, true); }
  place(next);
}

// --- preview: what the cursor stands on, a moment later

const pane = document.getElementById("preview");
let waiting;
let shown = "";
const paneOn = () => pane.parentElement.offsetWidth > 0;

function preview(line, now = false) {
  clearTimeout(waiting);
  if (!paneOn() || line.dataset.id === shown) return;
  waiting = setTimeout(() => {
    shown = line.dataset.id;
    htmx.ajax("GET", `${line.dataset.url}?fragment=preview`, { target: "#preview", swap: "innerHTML" }).then(() => {
      pane.parentElement.scrollTop = 0;
      read(line);
    });
    const open = document.getElementById("preview-open");
    open.hidden = false;
    open.href = line.dataset.url;
  }, now ? 0 : 140);
}

function read(line) {
  if (!line.classList.contains("unread")) return;
  line.classList.remove("unread");
  line.querySelector(".dot")?.remove();
  setTimeout(refreshUnread, 300);
}

function setPane(name) {
  remember("pane", name);
  document.body.classList.remove("pane-auto", "pane-right", "pane-below", "pane-off");
  document.body.classList.add(`pane-${name}`);
  for (const button of document.querySelectorAll(".menu-choice [data-pane]")) button.setAttribute("aria-pressed", String(button.dataset.pane === name));
  shown = "";
  const line = current();
  if (name !== "off" && line?.dataset.id) preview(line, true);
}

// --- selection

function mark(line, on_) {
  if (!line?.dataset.id || !line.classList.contains("row-line")) return;
  if (on_) selected.add(line.dataset.id); else selected.delete(line.dataset.id);
  line.setAttribute("aria-selected", String(on_));
  line.querySelector("input[type=checkbox]").checked = on_;
  allResults = false;
  count();
}

function range(from, to) {
  const all = lines().filter((line) => line.dataset.id);
  const [low, high] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  for (const line of all.slice(Math.max(0, low), high + 1)) mark(line, true);
}

function selectNone() {
  allResults = false;
  for (const line of list.querySelectorAll("[aria-selected=true]")) {
    line.setAttribute("aria-selected", "false");
    line.querySelector("input[type=checkbox]").checked = false;
  }
  selected.clear();
  const all = document.getElementById("select-shown");
  if (all) all.checked = false;
  count();
}

function count() {
  bar.hidden = !selected.size && !allResults;
  for (const act of ["select-all-results", "bulk-read", "bulk-unread"]) bar.querySelector(`[data-act=${act}]`).hidden = allResults;
  bar.querySelector("[data-bulk-count]").textContent = allResults ? words.all : words.selected.replace("%s", selected.size);
}

export const selection = () => ({ ids: [...selected], all: allResults });

// --- marks

async function marks(ids, isRead) {
  await post(`/db/${encodeURIComponent(words.database)}/marks`, { ids, read: isRead });
  for (const id of ids) {
    const line = document.getElementById(`r-${id}`);
    if (!line) continue;
    line.classList.toggle("unread", !isRead);
    line.querySelector(".dot")?.remove();
    if (!isRead) line.querySelector(".cell-mark")?.insertAdjacentHTML("beforeend", '<span class="dot"></span>');
  }
  refreshUnread();
}

const failed = (problem) => toast(problem.message, { kind: "error" });

// --- groups

function fold(line, open) {
  const group = line.closest("[data-group]");
  const isOpen = line.getAttribute("aria-expanded") === "true";
  if (open === isOpen) return;
  line.setAttribute("aria-expanded", String(!isOpen));
  group.classList.toggle("folded", isOpen);
  if ("parent" in group.dataset) refold();
  else if (!isOpen && !group.querySelector(".row-line, .more")) htmx.ajax("GET", line.dataset.groupUrl, { target: group, swap: "beforeend" });
  post(`${words.base}/folds`, { key: group.dataset.key, open: !isOpen }).catch(() => {});
}

// what stands under a folded category is hidden, whatever it is itself
function refold() {
  let shut = 99;
  for (const group of list.querySelectorAll("[data-group]")) {
    const level = Number(group.dataset.level);
    if (level <= shut) shut = 99;
    group.classList.toggle("under-folded", level > shut);
    if (level <= shut && group.classList.contains("folded")) shut = level;
  }
}

async function foldAll(open) {
  if (!list.querySelector("[data-group]")) return false;
  try {
    await post(`${words.base}/folds`, { all: open ? "open" : "closed" });
    await search();
    if (!list.querySelector(".cursor")) place(lines()[0]);
  } catch (problem) { failed(problem); }
}

// --- mouse

list.addEventListener("click", (event) => {
  const group = event.target.closest(".group-line");
  if (group) { fold(group); place(group); return; }
  const box = event.target.closest(".cell-mark input");
  if (box?.id === "select-shown") {
    for (const line of lines()) mark(line, box.checked);
    return;
  }
  const line = event.target.closest(".row-line");
  if (!line) return;
  if (event.target.closest(".cell-mark")) {
    if (event.shiftKey && anchor) range(anchor, line); else mark(line, box ? box.checked : line.getAttribute("aria-selected") !== "true");
    anchor = line;
    place(line);
    return;
  }
  if (event.target.closest(".cell-editor")) return;
  if (event.shiftKey) { event.preventDefault(); range(anchor ?? current() ?? line, line); place(line); return; }
  if (event.ctrlKey || event.metaKey) { if (!event.target.closest("a")) mark(line, line.getAttribute("aria-selected") !== "true"); anchor = line; return; }
  anchor = line;
  const link = event.target.closest("a");
  if (link && !paneOn()) return;
  if (link) event.preventDefault();
  if (!paneOn() && matchMedia("(width < 800px)").matches) { location.assign(line.dataset.url); return; }
  place(line);
});
list.addEventListener("dblclick", (event) => {
  const line = event.target.closest(".row-line");
  const cell = event.target.closest("td[data-item]");
  if (!line || event.target.closest(".cell-editor")) return;
  if (event.target.closest("a")) location.assign(line.dataset.url);
  else if (cell) editCell(line, cell);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pane]");
  if (button) setPane(button.dataset.pane);
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) actions[act]?.();
  if (event.target.closest("[data-reload]")) location.reload();
});

const actions = {
  "read-all": async () => {
    try {
      await post(`/db/${encodeURIComponent(words.database)}/marks`, { all: true });
      for (const line of list.querySelectorAll(".unread")) { line.classList.remove("unread"); line.querySelector(".dot")?.remove(); }
      toast(words.read, { kind: "success" });
      refreshUnread();
    } catch (problem) { failed(problem); }
  },
  "bulk-read": () => marks([...selected], true).then(() => toast(words.read, { kind: "success" }), failed),
  "bulk-unread": () => marks([...selected], false).then(() => toast(words.unread, { kind: "success" }), failed),
  "select-none": selectNone,
  "select-all-results": () => { for (const line of lines()) mark(line, true); allResults = true; count(); },
  "bulk-change": () => bulk(),
  "unfold-all": () => foldAll(true),
  "fold-all": () => foldAll(false),
};

async function bulk() {
  const dialog = document.getElementById("bulk-dialog");
  const query = location.search;
  await htmx.ajax("GET", `${words.base}/bulk${query}`, { target: "#bulk-place", swap: "innerHTML" });
  const form = document.getElementById("bulk-form");
  if (!form) return;
  form.elements.ids.value = allResults ? "" : [...selected].join("\n");
  form.querySelector("[data-bulk-words]").textContent = bar.querySelector("[data-bulk-count]").textContent;
  dialog.showModal();
}

// --- keys

const row = () => { const line = current(); return line?.dataset.id ? line : null; };
on("ArrowDown", (event) => { if (list.querySelector(".grid")) move(1, event.shiftKey); else return false; });
on("ArrowUp", (event) => { if (list.querySelector(".grid")) move(-1, event.shiftKey); else return false; });
on("Home", () => place(lines()[0]));
on("End", () => place(lines().at(-1)));
on("PageDown", () => move(15));
on("PageUp", () => move(-15));
on("ArrowRight", () => { const line = current(); if (line?.matches(".group-line")) fold(line, true); else return false; });
on("ArrowLeft", () => {
  const line = current();
  if (line?.matches(".group-line")) fold(line, false);
  else if (line?.closest("[data-group]")) place(line.closest("[data-group]").querySelector(".group-line"));
  else return false;
});
on("+", () => foldAll(true));
on("-", () => foldAll(false));
on("Enter", (event) => {
  if (event.target.closest("a, button, summary, input")) return false;
  const line = current();
  if (line?.matches(".group-line")) fold(line); else if (line) location.assign(line.dataset.url); else return false;
});
on(" ", (event) => {
  if (event.target.closest("a, button, summary, input")) return false;
  const line = row();
  if (!line) return false;
  if (!paneOn()) setPane("right"); else preview(line, true);
});
on("x", () => { const line = row(); if (!line) return false; mark(line, line.getAttribute("aria-selected") !== "true"); anchor = line; });
on("u", () => {
  const ids = selected.size ? [...selected] : row() ? [row().dataset.id] : [];
  if (!ids.length) return false;
  const isRead = document.getElementById(`r-${ids[0]}`)?.classList.contains("unread") ?? false;
  marks(ids, isRead).catch(failed);
});
on("e", () => { const line = row(); if (!line) return false; location.assign(`${line.dataset.url}/edit`); });
on("F2", () => { const line = row(); if (!line?.matches(".row-line")) return false; editCell(line, null); });
on("p", () => setPane(paneOn() ? "off" : "right"));
on("f", () => { if (!find) return false; find.focus(); find.select(); });
on("F", () => document.getElementById("filter-dialog").showModal());
on("Escape", () => { if (selected.size || allResults) selectNone(); else if (paneOn() && document.body.classList.contains("pane-open")) document.body.classList.remove("pane-open"); else return false; });

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "a" && !typing(event.target) && list.querySelector(".grid")) {
    event.preventDefault();
    for (const line of lines()) mark(line, true);
  } else if (!event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)
    && /^[\p{L}\p{N}]$/u.test(event.key) && event.key !== "g" && !document.querySelector("dialog[open]") && list.contains(event.target)) {
    find?.focus(); // a letter that is no shortcut begins the search for it
  }
});

// --- find: the list follows while one types, the address too; an older answer never replaces a newer one

let typed = null;
let asking = null;

async function search() {
  clearTimeout(typed);
  typed = null;
  asking?.abort();
  const mine = (asking = new AbortController());
  const address = new URL(location.href);
  if (find?.value.trim()) address.searchParams.set("starts", find.value.trim()); else address.searchParams.delete("starts");
  history.replaceState(null, "", address);
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": "list" }, signal: mine.signal });
    const html = await answer.text();
    if (!answer.ok) throw new Error(html.slice(0, 300));
    const inside = list.contains(document.activeElement);
    list.innerHTML = html;
    htmx.process(list);
    remark();
    stand(inside);
  } catch (problem) {
    if (problem.name !== "AbortError") failed(problem);
  } finally {
    if (asking === mine) asking = null;
  }
}

const later = (wait) => { clearTimeout(typed); typed = setTimeout(search, wait); };
const settled = async () => { if (typed || asking) await search(); };
const enter = async () => { await settled(); place(lines().find((line) => line.dataset.id)); };
find?.addEventListener("input", (event) => { if (!event.isComposing) later(160); });
find?.addEventListener("compositionend", () => later(60));
find?.form.addEventListener("submit", (event) => { event.preventDefault(); enter(); });
find?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); enter(); }
  if (event.key === "Escape") { find.value = ""; search(); find.blur(); }
});

// the cursor stands on the first row of a fresh list, and has the focus if it had it before
function stand(focus) {
  const first = lines().find((line) => line.dataset.id);
  if (!first || list.querySelector(".cursor")) return;
  first.classList.add("cursor");
  first.tabIndex = 0;
  if (focus) first.focus({ preventScroll: true });
}

// what was selected stays selected when more rows come or the list is drawn anew
function remark() {
  for (const id of selected) {
    const line = document.getElementById(`r-${id}`);
    if (line) { line.setAttribute("aria-selected", "true"); line.querySelector("input[type=checkbox]").checked = true; }
  }
}
list.addEventListener("htmx:load", remark);

export async function refreshRow(line) {
  const answer = await fetch(`${words.base}/row/${encodeURIComponent(line.dataset.id)}${location.search}`, { headers: { "HX-Request": "true", "X-CSRFToken": token() } });
  if (!answer.ok) return line;
  const holder = document.createElement("template");
  holder.innerHTML = (await answer.text()).trim();
  const fresh = holder.content.querySelector(".row-line");
  if (!fresh) return line;
  const link = line.querySelector(".cell-link");
  if (link) fresh.querySelector(".cell-link")?.setAttribute("class", link.className);
  line.replaceWith(fresh);
  if (selected.has(fresh.dataset.id)) mark(fresh, true);
  return fresh;
}

stand(document.activeElement === document.body && paneOn());
