// <details class="menu"> closes on a click elsewhere and on Escape; arrows move inside. <dialog> opens by data-dialog.
const items = (menu) => [...menu.querySelectorAll(".menu-items :is(a, button, input:not([type=hidden]))")].filter((one) => one.offsetParent);

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    opener.closest("details.menu")?.removeAttribute("open");
    if (dialog) { event.preventDefault(); dialog.showModal(); }
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target.matches?.("dialog[open]") && !event.target.hasAttribute("data-stay")) event.target.close();
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  if (event.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && event.target.type !== "search") {
    const all = items(menu);
    const at = all.indexOf(event.target);
    all.at(at < 0 && step < 0 ? -1 : (at + step) % all.length)?.focus();
    event.preventDefault();
  }
});

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.menu") || !menu.open) return;
  const box = menu.querySelector(".menu-items");
  const edge = box.getBoundingClientRect();
  box.classList.toggle("end", edge.right > innerWidth - 8 || (box.classList.contains("end") && edge.left > 8));
  box.classList.toggle("up", edge.bottom > innerHeight && menu.getBoundingClientRect().top > edge.height);
  box.querySelector("input[type=search], [autofocus]")?.focus();
}, true);
