// Settling versions side by side: choose all of one version, send with Ctrl+Enter. Radio buttons do the rest by themselves.

const form = document.querySelector("form[data-settle]");

form?.addEventListener("click", (event) => {
  const rev = event.target.closest("[data-all]")?.dataset.all;
  if (!rev) return;
  for (const radio of form.querySelectorAll("input[data-versions]")) {
    if (radio.dataset.versions.split(" ").includes(rev)) radio.checked = true;
  }
});
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});
