// Draws every figure of a page in the colours of the theme, and folds navigation and menus.
(() => {
  "use strict";

  const config = { displayModeBar: false, responsive: true, doubleClick: false };
  const labelWidth = 56;
  const variable = /^var\((--[\w-]+)\)$/;

  // A figure names its colours; what they are is up to the style sheet and the theme in force.
  function coloured(value, style) {
    if (typeof value === "string") {
      const name = variable.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, coloured(item, style)]),
      );
    }
    return value;
  }

  // Labels keep their size on a phone, so there are fewer of them.
  function thinned(axis, width) {
    const every = Math.ceil((axis.tickvals.length * labelWidth) / width);
    const kept = (_, n) => n % every === 0;
    axis.tickvals = axis.tickvals.filter(kept);
    axis.ticktext = axis.ticktext.filter(kept);
  }

  async function draw(holder) {
    const figure = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
    const { data, layout } = coloured(figure, getComputedStyle(document.documentElement));
    if (layout.xaxis.tickvals) thinned(layout.xaxis, holder.clientWidth);
    if (layout.height) holder.style.height = `${layout.height}px`;
    await window.Plotly.react(holder, data, layout, config);
    holder.dataset.drawn = "yes";
  }

  function drawAll() {
    document.querySelectorAll("[data-figure]").forEach(draw);
  }

  function foldNavigation() {
    const button = document.querySelector("[data-folds]");
    if (!button) return;
    const folded = document.getElementById(button.dataset.folds);
    button.addEventListener("click", () => {
      const open = folded.classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    });
  }

  // A menu closes when something else is clicked, and with Escape, which gives the focus back.
  function closeMenus(event) {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (event.type === "keydown") {
        if (event.key !== "Escape") return;
        menu.querySelector("summary").focus();
      } else if (menu.contains(event.target)) return;
      menu.open = false;
    });
  }

  foldNavigation();
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", closeMenus);
  if (window.Plotly) {
    drawAll();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  }
})();
