// What every page does: htmx with the token, errors as toasts, menus, dialogs, navigation state, shortcuts, palette.
import { token } from "./http.js";
import { toast } from "./toast.js";
import "./menus.js";
import "./frame.js";
import "./shortcuts.js";
import "./palette.js";

const body = document.body;
body.addEventListener("htmx:configRequest", (event) => { event.detail.headers["X-CSRFToken"] = token(); });
body.addEventListener("htmx:responseError", (event) => {
  const { xhr } = event.detail;
  const kind = xhr.getResponseHeader("Content-Type") ?? "";
  toast(kind.startsWith("text/plain") ? xhr.responseText : `${xhr.status}`, { kind: "error" });
});
body.addEventListener("htmx:sendError", () => toast(body.dataset.offline ?? "No connection.", { kind: "error" }));
// The server may answer with HX-Trigger: {"toast": {"text": …, "kind": …}}.
body.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, { kind: event.detail.kind }));
