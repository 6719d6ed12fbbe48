// Short messages at the bottom: toast("Saved"), toast("Moved", {action: "Undo", run: undo}), toast(text, {kind: "error"}).
const PLACE = document.getElementById("toasts");

export function toast(text, { kind = "message", action = null, run = null, seconds = action || kind === "error" ? 9 : 4 } = {}) {
  const template = document.getElementById("toast-template");
  const line = template ? template.content.firstElementChild.cloneNode(true) : document.createElement("div");
  line.className = `toast-line ${kind}`;
  (line.querySelector("p") ?? line).textContent = text;
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-quiet btn-sm toast-action";
    button.textContent = action;
    button.addEventListener("click", () => { line.remove(); run(); });
    line.querySelector("p").after(button);
  }
  PLACE.append(line);
  leave(line, seconds);
  return line;
}

function leave(line, seconds) {
  let timer = setTimeout(() => line.remove(), seconds * 1000);
  line.addEventListener("pointerenter", () => clearTimeout(timer));
  line.addEventListener("pointerleave", () => { timer = setTimeout(() => line.remove(), 3000); });
}

PLACE?.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast-line")?.remove());
PLACE?.querySelectorAll(".toast-line").forEach((line) => leave(line, line.classList.contains("error") ? 12 : 5));
