// Runs before the first paint: "auto" follows the system, so that a dark screen never flashes white.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const contrast = matchMedia("(prefers-contrast: more)");
  const apply = () => {
    const chosen = root.dataset.theme;
    root.dataset.bsTheme = chosen === "dark" || (chosen === "auto" && dark.matches) ? "dark" : "light";
    root.toggleAttribute("data-contrast", chosen === "contrast" || (chosen === "auto" && contrast.matches));
    if (chosen === "contrast" && dark.matches) root.dataset.bsTheme = "dark";
  };
  apply();
  dark.addEventListener("change", apply);
  contrast.addEventListener("change", apply);
  new MutationObserver(apply).observe(root, { attributeFilter: ["data-theme"] });
})();
