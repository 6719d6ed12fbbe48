// Keys that work on every page. A page adds its own with on(key, run); they rest while somebody types.
const keys = new Map();
let prefix = "";

export const typing = (target) => target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]");
export const on = (key, run) => keys.set(key, run);

const open = (id) => { const dialog = document.getElementById(id); if (dialog && !dialog.open) dialog.showModal(); };
on("/", () => document.getElementById("search")?.focus());
on("?", () => open("shortcuts"));
on("n", () => {
  const button = document.getElementById("new-document");
  if (button) return button.click();
  const menu = document.getElementById("new-menu");
  if (menu) { menu.open = true; menu.querySelector("summary").focus(); }
});
on("g s", () => location.assign("/"));
on("g v", () => document.querySelector(".side-link.current, .side-link")?.focus());
for (let number = 1; number <= 9; number += 1) {
  on(`g ${number}`, () => document.querySelectorAll(".side-database")[number - 1]?.querySelector("a")?.click());
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const name = prefix ? `${prefix} ${event.key}` : event.key;
  prefix = "";
  if (keys.has(name)) {
    if (keys.get(name)(event) !== false) event.preventDefault();
  } else if (event.key === "g") {
    prefix = "g";
    setTimeout(() => { prefix = ""; }, 1200);
    event.preventDefault();
  }
});
