// Dialogs of a list: a condition's operator names its input; only what was filled in goes into the address.
const filter = document.getElementById("filter-form");
filter?.addEventListener("change", (event) => {
  const operator = event.target.closest("[data-operator]");
  if (operator) operator.parentElement.querySelector("input").name = operator.value;
});
filter?.addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = new FormData(filter);
  const address = new URL(filter.action);
  const item = chosen.get("_item");
  for (const [name, value] of chosen) {
    const hidden = filter.querySelector(`input[type=hidden][name="${CSS.escape(name)}"]`);
    const own = name === `f.${item}` || name.startsWith(`f.${item}.`);
    if (name === "_item" || !value || (own && hidden && hidden.value === value && chosen.getAll(name).length < 2)) continue;
    if (!address.searchParams.getAll(name).includes(value)) address.searchParams.append(name, value);
  }
  location.assign(address);
});

document.querySelector("[data-save-filter]")?.addEventListener("submit", (event) => {
  event.target.elements.query.value = location.search.slice(1);
});
