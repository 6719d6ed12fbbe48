// Rich text: the editor of Flask-TUI-Editor over a <textarea data-richtext>, loaded only where a form has one.
//
// The textarea stays the form control and holds Markdown. The editor writes style="" attributes, which the page's content
// policy refuses; while it works, such attributes are set through the style object instead, which the policy allows.

let loading = null;

export async function start(root = document) {
  const areas = [...root.querySelectorAll("textarea[data-richtext]:not([data-ready])")];
  if (!areas.length) return;
  for (const area of areas) area.dataset.ready = "";
  try {
    await (loading ??= load(areas[0].dataset));
  } catch {
    return; // the plain textarea does the work
  }
  for (const area of areas) if (area.isConnected) mount(area);
}

async function load({ editorScript, editorStyle, editorDark, editorLanguage }) {
  for (const address of [editorStyle, editorDark]) {
    if (!address || document.querySelector(`link[href="${address}"]`)) continue;
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: address });
    document.head.append(link);
  }
  stylesWithoutAttributes();
  await script(editorScript);
  if (editorLanguage) await script(editorLanguage);
}

function script(address) {
  return new Promise((done, failed) => {
    const tag = document.createElement("script");
    Object.assign(tag, { src: address, onload: done, onerror: failed });
    document.head.append(tag);
  });
}

function stylesWithoutAttributes() {
  const set = Element.prototype.setAttribute;
  const insert = Element.prototype.insertAdjacentHTML;
  const inner = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
  const inert = (html) => String(html).replace(/(<[a-z][^<>]*?)\sstyle=/gi, "$1 data-editor-style=");
  const apply = (root) => {
    for (const node of root.querySelectorAll("[data-editor-style]")) {
      node.style.cssText = node.dataset.editorStyle;
      node.removeAttribute("data-editor-style");
    }
  };
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else set.call(this, name, value);
  };
  Element.prototype.insertAdjacentHTML = function (where, html) {
    insert.call(this, where, inert(html));
    apply(this.parentElement || this);
  };
  Object.defineProperty(Element.prototype, "innerHTML", {
    ...inner,
    set(html) {
      inner.set.call(this, inert(html));
      apply(this);
    },
  });
}

function mount(area) {
  const place = document.createElement("div");
  place.className = "richtext";
  area.after(place);
  area.hidden = true;
  const dark = document.documentElement.dataset.bsTheme === "dark";
  let quiet = true;
  const editor = new window.toastui.Editor({
    el: place,
    initialValue: area.value,
    initialEditType: matchMedia("(max-width: 640px)").matches ? "markdown" : "wysiwyg",
    previewStyle: "tab",
    height: "auto",
    minHeight: "180px",
    theme: dark ? "dark" : "light",
    language: area.dataset.editorLanguage ? area.dataset.language : "en-US",
    usageStatistics: false,
    autofocus: false,
    toolbarItems: [["heading", "bold", "italic", "strike"], ["ul", "ol", "quote", "hr"], ["table", "link", "image"], ["code", "codeblock"]],
    hooks: { addImageBlobHook: (blob, done) => image(area, blob, done) },
    events: {
      change: () => {
        if (quiet) return;
        area.value = editor.getMarkdown();
        area.dispatchEvent(new Event("input", { bubbles: true }));
      },
    },
  });
  const content = place.querySelector(".toastui-editor-ww-container [contenteditable]");
  const label = document.querySelector(`label[for="${area.id}"]`);
  for (const box of place.querySelectorAll("[contenteditable]")) {
    box.setAttribute("role", "textbox");
    box.setAttribute("aria-multiline", "true");
    if (label) box.setAttribute("aria-label", label.firstChild.textContent.trim());
  }
  label?.addEventListener("click", () => editor.focus());
  area.addEventListener("richtext:refresh", () => {
    quiet = true;
    editor.setMarkdown(area.value, false);
    setTimeout(() => (quiet = false));
  });
  area.richtext = { editor, content };
  setTimeout(() => (quiet = false));
}

// A picture put into the text becomes an attachment of the document. A new document has no place for it yet: it stands in
// the text under an address of this page, goes with the save, and the server writes its lasting address in its place.
const waiting = new Map();

export function addPictures(form, data) {
  const texts = [...form.querySelectorAll("textarea[data-richtext]")].map((area) => area.value);
  for (const [address, blob] of waiting) {
    if (!texts.some((text) => text.includes(address))) continue;
    data.append("_picture", address);
    data.append("_pictures", blob, blob.name || "picture.png");
  }
}

async function image(area, blob, done) {
  const form = area.closest("form");
  const address = form?.dataset.attachments;
  if (!address && form?.dataset.draft) {
    const here = URL.createObjectURL(blob);
    waiting.set(here, blob);
    return done(here, blob.name || "picture.png");
  }
  if (!address) return area.dispatchEvent(new CustomEvent("richtext:image-refused", { bubbles: true }));
  const data = new FormData();
  data.append("file", blob, blob.name || "picture.png");
  const answer = await fetch(address, { method: "POST", body: data, headers: headers() });
  if (!answer.ok) return area.dispatchEvent(new CustomEvent("richtext:image-refused", { bubbles: true }));
  const { files, rev } = await answer.json();
  area.dispatchEvent(new CustomEvent("document:revised", { bubbles: true, detail: rev }));
  done(files[0].url, files[0].name);
}

export function headers() {
  const token = document.querySelector("meta[name=csrf-token]")?.content;
  return { Accept: "application/json", ...(token ? { "X-CSRFToken": token } : {}) };
}
