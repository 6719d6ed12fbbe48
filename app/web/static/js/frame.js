// The frame's own memory: unfolded databases, colours, unread counts beside the views.
import { get, post } from "./http.js";

export const remember = (name, value) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`; };

const side = document.getElementById("side");
let folding = null;
const unfolded = () => [...side.querySelectorAll(".side-database[open]")].map((one) => one.dataset.database);
side?.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".side-database")) return;
  if (!folding) return;
  clearTimeout(folding);
  folding = setTimeout(() => {
    post("/frame/opened", { databases: unfolded() }).catch(() => {});
    refreshUnread();
  }, 250);
}, true);
setTimeout(() => { folding ??= -1; }, 300); // what the page itself unfolds while it loads is nobody's choice
side?.querySelector(".side-link.current")?.scrollIntoView({ block: "nearest" });

const choice = document.querySelector("[data-theme-choice]");
choice?.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=theme]");
  if (!button) return;
  event.preventDefault();
  remember("theme", button.value);
  document.documentElement.dataset.theme = button.value;
  for (const one of choice.querySelectorAll("button")) one.toggleAttribute("aria-pressed", false);
  button.setAttribute("aria-pressed", "true");
});

export async function refreshUnread() {
  if (!side || document.hidden) return;
  try {
    const counts = await get(`/frame/unread?open=${encodeURIComponent(unfolded().join(","))}`);
    for (const place of side.querySelectorAll("[data-unread]")) {
      const text = counts[place.dataset.unread] ?? "";
      if (place.textContent !== text) place.textContent = text;
    }
  } catch { /* the next round tries again */ }
}
refreshUnread();
setInterval(refreshUnread, 60_000);
document.body.addEventListener("marks", refreshUnread);
