// Columns: dragged wider at their edge, chosen and ordered in a dialog; kept for this person.
import { post } from "./http.js";

const form = document.getElementById("columns-form");
const url = form?.dataset.url;
const list = document.getElementById("list");

list.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-resize]");
  if (!handle) return;
  event.preventDefault();
  const name = handle.closest("th").dataset.column;
  const col = list.querySelector(`col[data-column="${CSS.escape(name)}"]`);
  const table = list.querySelector("table.grid");
  const least = Number(table.getAttribute("width"));
  const start = event.clientX;
  const before = handle.closest("th").getBoundingClientRect().width;
  let width = before;
  handle.setPointerCapture(event.pointerId);
  const drag = (moved) => { width = Math.round(Math.max(40, Math.min(900, before + moved.clientX - start))); col.width = width; table.setAttribute("width", Math.round(least + width - before)); };
  handle.addEventListener("pointermove", drag);
  handle.addEventListener("pointerup", () => {
    handle.removeEventListener("pointermove", drag);
    if (width !== before) post(url, { widths: { [name]: width } });
  }, { once: true });
});
list.addEventListener("click", (event) => { if (event.target.closest("[data-resize]")) event.preventDefault(); }, true);

form?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (button) {
    const line = button.closest("li");
    const other = button.dataset.move === "-1" ? line.previousElementSibling : line.nextElementSibling;
    if (other) { button.dataset.move === "-1" ? other.before(line) : other.after(line); button.focus(); }
  }
  if (event.target.closest("[data-reset]")) post(url, { reset: true }).finally(() => location.reload());
});
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const lines = [...form.querySelectorAll("li")];
  const name = (line) => line.dataset.name;
  const ticked = (line) => line.querySelector("input").checked;
  await post(url, { order: lines.map(name), hidden: lines.filter((line) => !ticked(line)).map(name), shown: lines.filter(ticked).map(name) });
  location.reload();
});
