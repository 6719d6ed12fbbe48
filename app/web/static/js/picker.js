// A <select> becomes a box with chips and type-ahead. The select stays the form control: without this module it works
// as it is, and what reads the form reads the select.
//
//   <select data-picker [multiple] [data-url="/pick/names?…"] [data-allow-new]>   options: what is chosen (and the choices, without a url)
//
// Events: `change` on the select when the person chose; `picker:refresh` sent to the select after its options were changed
// by a script (draft restored, undo, choices that depend on another item).

let count = 0;

export function enhance(root = document) {
  for (const select of root.querySelectorAll("select[data-picker]:not([data-picker-ready])")) new Picker(select);
}

class Picker {
  constructor(select) {
    this.select = select;
    this.multiple = select.multiple;
    this.url = select.dataset.url || "";
    this.allowNew = "allowNew" in select.dataset;
    this.active = -1;
    this.shown = [];
    this.build();
    this.draw();
    select.addEventListener("picker:refresh", () => this.draw());
  }

  build() {
    const select = this.select;
    const id = select.id || `picker-${++count}`;
    select.dataset.pickerReady = "";
    select.id = `${id}-value`;
    select.hidden = true;
    this.box = element("div", this.multiple ? "picker form-control" : "picker picker-one form-control");
    this.chips = element("ul", "picker-chips");
    this.input = element("input", "picker-input");
    this.list = element("ul", "picker-list");
    Object.assign(this.input, { type: "text", id, autocomplete: "off", spellcheck: false });
    this.list.id = `${id}-list`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id,
    })) this.input.setAttribute(name, value);
    for (const name of ["aria-describedby", "aria-invalid", "aria-required", "aria-label"]) {
      if (select.hasAttribute(name)) this.input.setAttribute(name, select.getAttribute(name));
    }
    this.input.disabled = select.disabled;
    this.box.append(this.chips, this.input, this.list);
    select.after(this.box);
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("focus", () => this.box.classList.add("picker-focus"));
    this.input.addEventListener("blur", () => setTimeout(() => this.leave(), 120));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("click", () => (this.list.hidden ? this.search() : this.close()));
    this.box.addEventListener("click", (event) => {
      if (event.target === this.box || event.target === this.chips) this.input.focus();
    });
    this.list.addEventListener("mousedown", (event) => {
      const row = event.target.closest("[role=option]");
      event.preventDefault();
      if (row) this.choose(this.shown[Number(row.dataset.index)]);
    });
  }

  chosen() {
    return [...this.select.options].filter((option) => option.selected && option.value !== "");
  }

  draw() {
    this.chips.replaceChildren();
    const chosen = this.chosen();
    for (const option of chosen) {
      const chip = element("li", "chip");
      chip.append(document.createTextNode(option.label || option.text));
      const remove = element("button", "chip-remove");
      Object.assign(remove, { type: "button", textContent: "×", tabIndex: -1 });
      remove.setAttribute("aria-label", text("remove", option.label || option.text));
      remove.addEventListener("click", () => this.remove(option));
      chip.append(remove);
      this.chips.append(chip);
    }
    this.box.classList.toggle("picker-full", !this.multiple && chosen.length > 0);
    this.input.placeholder = chosen.length ? "" : this.select.dataset.placeholder || "";
  }

  async search() {
    const words = this.input.value.trim();
    const taken = new Set(this.chosen().map((option) => option.value));
    let rows = this.url ? await this.fetch(words) : this.local(words);
    if (rows === null) return;
    rows = rows.filter((row) => !(this.multiple && taken.has(row.value)));
    if (this.allowNew && words && !rows.some((row) => row.label.toLowerCase() === words.toLowerCase())) {
      rows.push({ value: words, label: words, fresh: true });
    }
    this.show(rows, words);
  }

  local(words) {
    const wanted = words.toLowerCase();
    return [...this.select.options]
      .filter((option) => option.value !== "" && !option.dataset.retired)
      .map((option) => ({ value: option.value, label: option.label || option.text, hint: option.dataset.hint || "" }))
      .filter((row) => `${row.label} ${row.value} ${row.hint}`.toLowerCase().includes(wanted))
      .slice(0, 200);
  }

  async fetch(words) {
    this.waiting?.abort();
    this.waiting = new AbortController();
    const mark = this.url.includes("?") ? "&" : "?";
    try {
      const answer = await fetch(`${this.url}${mark}q=${encodeURIComponent(words)}`, {
        signal: this.waiting.signal, headers: { Accept: "application/json" },
      });
      return answer.ok ? (await answer.json()).rows : [];
    } catch (problem) {
      if (problem.name === "AbortError") return null;
      return [];
    }
  }

  show(rows, words) {
    this.shown = rows;
    this.active = words && rows.length ? 0 : -1;
    this.list.replaceChildren();
    rows.forEach((row, index) => {
      const line = element("li", "picker-row");
      line.id = `${this.list.id}-${index}`;
      line.dataset.index = index;
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", "false");
      line.append(element("span", "picker-label", row.fresh ? text("add", row.label) : row.label));
      if (row.hint) line.append(element("span", "picker-hint", row.hint));
      this.list.append(line);
    });
    if (!rows.length) this.list.append(element("li", "picker-none", text("none")));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((line, index) => {
      line.classList.toggle("picker-active", index === this.active);
      line.setAttribute("aria-selected", String(index === this.active));
    });
    const line = this.active >= 0 ? this.list.children[this.active] : null;
    if (line) {
      this.input.setAttribute("aria-activedescendant", line.id);
      line.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  async key(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return this.search();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.active = (this.active + step + this.shown.length) % (this.shown.length || 1);
      this.mark();
    } else if (event.key === "Enter") {
      if (open && this.active >= 0) {
        event.preventDefault();
        this.choose(this.shown[this.active]);
      } else if (this.input.value.trim()) {
        event.preventDefault();
        await this.search();
        if (this.shown.length) this.choose(this.shown[0]);
      }
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (event.key === "Backspace" && !this.input.value) {
      const last = this.chosen().at(-1);
      if (last) this.remove(last);
    } else if (this.multiple && this.allowNew && (event.key === "," || event.key === ";" || event.key === "，")) {
      const words = this.input.value.trim();
      if (words) {
        event.preventDefault();
        this.choose({ value: words, label: words });
      }
    }
  }

  choose(row) {
    if (!row) return;
    if (!this.multiple) for (const option of this.select.options) option.selected = false;
    let option = [...this.select.options].find((each) => each.value === row.value);
    if (!option) {
      option = new Option(row.label, row.value, true, true);
      this.select.append(option);
    }
    option.selected = true;
    this.input.value = "";
    this.close();
    this.draw();
    this.changed();
  }

  remove(option) {
    option.selected = false;
    if (!this.multiple && this.select.options[0]?.value === "") this.select.options[0].selected = true;
    this.draw();
    this.changed();
    this.input.focus();
  }

  leave() {
    this.box.classList.remove("picker-focus");
    this.close();
    const words = this.input.value.trim();
    if (words && this.allowNew) this.choose({ value: words, label: words });
    else this.input.value = "";
  }

  close() {
    this.list.hidden = true;
    this.active = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  changed() {
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// New choices from the server for a select (choices that depend on another item); keeps what is still offered.
export function setChoices(select, choices) {
  const chosen = new Set([...select.selectedOptions].map((option) => option.value));
  const blank = [...select.options].find((option) => option.value === "");
  select.replaceChildren(...(blank ? [blank] : []));
  for (const choice of choices) {
    const option = new Option(choice.label, choice.value, false, chosen.has(choice.value));
    if (choice.retired) option.dataset.retired = "1";
    if (choice.retired && !option.selected) continue;
    select.append(option);
  }
  select.dispatchEvent(new Event("picker:refresh"));
}

function element(tag, classes, content) {
  const made = document.createElement(tag);
  made.className = classes;
  if (content !== undefined) made.textContent = content;
  return made;
}

// Texts come from the page, translated: <body data-texts> or the nearest form's data-text-*.
function text(name, value = "") {
  const texts = document.querySelector("[data-picker-texts]")?.dataset || {};
  const found = { remove: texts.textRemove || "Remove %s", add: texts.textAdd || "Add “%s”", none: texts.textNone || "Nothing found" }[name];
  return found.replace("%s", value);
}
