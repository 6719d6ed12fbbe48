// Ctrl+K: views, documents whose name begins so, and actions, in one list.
import { get } from "./http.js";

const dialog = document.getElementById("palette");
const field = dialog?.querySelector("input");
const list = dialog?.querySelector("ul");
let asked = 0;
let timer;

function show(rows) {
  list.replaceChildren();
  let group = "";
  for (const row of rows) {
    if (row.group !== group) {
      group = row.group;
      const head = document.createElement("li");
      head.className = "palette-group";
      head.setAttribute("role", "presentation");
      head.textContent = group;
      list.append(head);
    }
    const line = document.createElement("li");
    line.setAttribute("role", "option");
    line.id = `palette-${list.children.length}`;
    line.dataset.url = row.url;
    line.innerHTML = row.icon; // an SVG from our own server, no text of people
    const name = document.createElement("span");
    name.textContent = row.label;
    line.append(name);
    if (row.detail) {
      const detail = document.createElement("small");
      detail.textContent = row.detail;
      line.append(detail);
    }
    list.append(line);
  }
  choose(options()[0]);
}

const options = () => [...list.querySelectorAll("[role=option]")];

function choose(line) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === line));
  line?.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", line?.id ?? "");
}

function go(line) {
  if (!line) return;
  const { url } = line.dataset;
  dialog.close();
  if (url.startsWith("#")) document.querySelector(url)?.showModal?.();
  else location.assign(url);
}

async function ask() {
  const number = (asked += 1);
  const here = location.pathname.match(/^\/db\/([^/]+)/)?.[1] ?? "";
  const rows = await get(`/palette?q=${encodeURIComponent(field.value)}&here=${encodeURIComponent(here)}`);
  if (number === asked) show(rows);
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) return;
      field.value = "";
      dialog.showModal();
      ask();
    }
  });
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 90); });
  field.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.findIndex((line) => line.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all.at(at - 1));
    else if (event.key === "Enter" && !event.isComposing) go(all[at]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));
}
