// The board: cards are dragged, or moved with Ctrl+arrows; each move is saved, can be undone, and a refused one goes back.
import { post } from "./http.js";
import { toast } from "./toast.js";
import { on } from "./shortcuts.js";

const words = document.getElementById("view").dataset;
const list = document.getElementById("list");
let dragged = null;

list.addEventListener("dragstart", (event) => {
  dragged = event.target.closest(".card-line");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.id);
  setTimeout(() => dragged?.classList.add("dragging"));
});
list.addEventListener("dragend", () => {
  dragged?.classList.remove("dragging");
  for (const column of list.querySelectorAll(".drop-here")) column.classList.remove("drop-here");
  dragged = null;
});
list.addEventListener("dragover", (event) => {
  const column = event.target.closest(".board-column");
  if (!dragged || !column) return;
  event.preventDefault();
  for (const other of list.querySelectorAll(".drop-here")) if (other !== column) other.classList.remove("drop-here");
  column.classList.add("drop-here");
});
list.addEventListener("drop", (event) => {
  const column = event.target.closest(".board-column");
  if (!dragged || !column) return;
  event.preventDefault();
  move(dragged, column);
});

const word = (column) => column.querySelector("header .badge-word").textContent;

async function move(card, column, { undoing = false } = {}) {
  const from = card.closest(".board-column");
  if (from === column) return;
  const next = card.nextElementSibling;
  const focused = card.contains(document.activeElement) || card === document.activeElement;
  column.querySelector(".cards").prepend(card);
  if (focused) card.focus();
  try {
    const answer = await post(`${words.base}/move${location.search}`, { id: card.dataset.id, rev: card.dataset.rev, value: column.dataset.value });
    card.dataset.rev = answer.rev;
    counts(answer.columns);
    if (undoing) toast(words.undone, { kind: "success" });
    else toast(words.moved.replace("%s", word(column)), { kind: "success", action: words.undo, run: () => move(card, from, { undoing: true }) });
  } catch (problem) {
    from.querySelector(".cards").insertBefore(card, next?.isConnected ? next : null);
    const reasons = Object.values(problem.fields ?? {});
    toast([problem.message, ...reasons.filter((one) => one !== problem.message)].join(" "), { kind: "error", action: words.open ?? null, run: () => location.assign(`${card.dataset.url}/edit`) });
  }
}

function counts(columns) {
  const known = new Map(columns.map((column) => [column.key, column]));
  for (const column of list.querySelectorAll(".board-column")) {
    const found = known.get(column.dataset.key);
    column.querySelector(".group-count").textContent = found?.count ?? "0";
    let total = column.querySelector(".board-total");
    if (!total) {
      total = document.createElement("span");
      total.className = "board-total";
      column.querySelector("header").append(total);
    }
    total.textContent = found?.total ?? "";
  }
}

const card = () => document.activeElement?.closest?.(".card-line");
const columns = () => [...list.querySelectorAll(".board-column")];
const within = (one) => [...one.closest(".cards").querySelectorAll(".card-line")];

list.addEventListener("keydown", (event) => {
  const one = card();
  if (!one || !event.key.startsWith("Arrow")) return;
  const all = columns();
  const at = all.indexOf(one.closest(".board-column"));
  event.preventDefault();
  event.stopPropagation();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const cards = within(one);
    cards[cards.indexOf(one) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    return;
  }
  const step = event.key === "ArrowRight" ? 1 : -1;
  if (event.ctrlKey || event.metaKey) { if (all[at + step]) move(one, all[at + step]); return; }
  for (let next = at + step; all[next]; next += step) {
    const cards = all[next].querySelectorAll(".card-line");
    if (cards.length) { cards[Math.min(cards.length - 1, within(one).indexOf(one))].focus(); return; }
  }
});
list.addEventListener("click", (event) => {
  const one = event.target.closest(".card-line");
  if (one && !event.target.closest("a")) one.focus();
});
list.addEventListener("dblclick", (event) => { const one = event.target.closest(".card-line"); if (one) location.assign(one.dataset.url); });
if (list.querySelector(".board")) on("j", () => list.querySelector(".card-line")?.focus());
