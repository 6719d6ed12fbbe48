// The text of a design element: line numbers, Tab indents, checked by the server while one writes, mistakes beside their
// lines, and a preview. Without this module the textarea and its buttons work by themselves.
import { token } from "./http.js";

const form = document.getElementById("design-editor");
const text = form.querySelector(".code-text");
const lines = form.querySelector(".code-lines");
const list = form.querySelector(".problem-list");
const others = form.querySelector(".problem-list-others");
const preview = document.getElementById("design-preview");
let wrong = new Map();
let clean = text.value;
let waiting = null;
let shown = false;
let free = false; // Escape lets Tab leave

function number() {
  const count = text.value.split("\n").length;
  lines.replaceChildren(...Array.from({ length: count }, (_, index) => {
    const line = document.createElement("span");
    line.textContent = String(index + 1);
    if (wrong.has(index + 1)) {
      line.className = "wrong";
      line.title = wrong.get(index + 1);
    }
    return line;
  }));
  lines.scrollTop = text.scrollTop;
}

function goTo(line) {
  const before = text.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const end = text.value.indexOf("\n", before);
  text.focus();
  text.setSelectionRange(before, end < 0 ? text.value.length : end);
  text.scrollTop = Math.max(0, (line - 6) * 19);
}

const body = () => new URLSearchParams({ text: text.value });
const headers = { "X-CSRFToken": token(), Accept: "application/json" };

async function check() {
  waiting?.abort();
  waiting = new AbortController();
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: body(), headers, signal: waiting.signal });
    if (answer.ok) show(await answer.json());
  } catch { /* a newer check runs, or there is no connection: the save checks again */ }
}

function show(found) {
  wrong = new Map(found.problems.filter((one) => one.line).map((one) => [one.line, one.reason]));
  list.replaceChildren(...found.problems.map((one) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.line = one.line;
    if (one.line) button.append(part("b", form.dataset.textLine.replace("%s", one.line)), " ");
    if (one.key) button.append(part("code", one.key), " ");
    button.append(part("span", one.reason));
    row.append(button);
    return row;
  }));
  others.replaceChildren(...found.others.map((one) => {
    const row = part("li", "");
    row.append(part("code", one.file), one.line ? ` ${form.dataset.textLine.replace("%s", one.line)} ` : " ", one.reason);
    return row;
  }));
  form.querySelector(".problems-good").hidden = found.problems.length + found.others.length > 0;
  form.querySelector(".problems-others").hidden = found.others.length === 0;
  number();
  if (shown) showPreview();
}

function part(tag, content) {
  const made = document.createElement(tag);
  made.textContent = content;
  return made;
}

async function showPreview() {
  const answer = await fetch(form.dataset.preview, { method: "POST", body: body(), headers: { ...headers, Accept: "text/html", "HX-Request": "true" } });
  if (!answer.ok) return;
  preview.innerHTML = await answer.text();
  preview.hidden = false;
}

let timer = 0;
text.addEventListener("input", () => {
  number();
  clearTimeout(timer);
  timer = setTimeout(check, 350);
});
text.addEventListener("scroll", () => { lines.scrollTop = text.scrollTop; });
text.addEventListener("keydown", (event) => {
  if (event.key === "Escape") free = true;
  else if (event.key === "Tab" && !free) {
    event.preventDefault();
    const start = text.value.lastIndexOf("\n", text.selectionStart - 1) + 1;
    if (event.shiftKey) {
      if (text.value.startsWith("  ", start)) text.setRangeText("", start, start + 2, "end");
    } else text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  } else if (event.key === "Enter" && !event.ctrlKey) {
    const start = text.value.lastIndexOf("\n", text.selectionStart - 1) + 1;
    const indent = /^ */.exec(text.value.slice(start, text.selectionStart))[0];
    if (!indent) return;
    event.preventDefault();
    text.setRangeText(`\n${indent}`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  } else free = false;
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    form.requestSubmit(form.querySelector("[value=save]"));
  }
});
form.addEventListener("click", (event) => {
  const problem = event.target.closest("[data-line]");
  if (problem?.dataset.line > 0) goTo(Number(problem.dataset.line));
  if (event.target.closest("[data-show-preview]")) {
    shown = true;
    showPreview().then(() => preview.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  }
});
form.addEventListener("submit", () => { clean = text.value; });
addEventListener("beforeunload", (event) => { if (text.value !== clean) event.preventDefault(); });

wrong = new Map([...list.querySelectorAll("[data-line]")].map((one) => [Number(one.dataset.line), one.textContent]));
number();
