// The frame's own memory: folded databases and colours in cookies, unread counts beside the views.
import { get } from "./http.js";

export const remember = (name, value) => { document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`; };

const side = document.getElementById("side");
side?.addEventListener("toggle", (event) => {
  if (!event.target.matches?.(".side-database")) return;
  const closed = [...side.querySelectorAll(".side-database:not([open])")].map((one) => one.dataset.database);
  remember("closed", closed.join("."));
}, true);
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
    const counts = await get("/frame/unread");
    for (const place of side.querySelectorAll("[data-unread]")) {
      const text = counts[place.dataset.unread] ?? "";
      if (place.textContent !== text) place.textContent = text;
    }
  } catch { /* the next round tries again */ }
}
refreshUnread();
setInterval(refreshUnread, 60_000);
document.body.addEventListener("marks", refreshUnread);
