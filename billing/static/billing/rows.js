// Adds and removes rows of a form, and numbers them as the server expects.
(() => {
  "use strict";

  const numbered = ["name", "id", "for", "aria-describedby"];

  function renumber(holder) {
    const prefix = holder.dataset.rows;
    const pattern = new RegExp(`(^|_)${prefix}-(\\d+|__prefix__)-`);
    const rows = holder.querySelectorAll("tbody [data-row]");
    rows.forEach((row, n) => {
      row.querySelectorAll("*").forEach((element) => {
        for (const name of numbered) {
          const value = element.getAttribute(name);
          if (value) element.setAttribute(name, value.replace(pattern, `$1${prefix}-${n}-`));
        }
      });
      row.querySelectorAll("input:not([type=checkbox]), select").forEach((field) => {
        const column = field.closest("[data-column]").dataset.column.replace("_", " ");
        field.setAttribute("aria-label", `${prefix.slice(0, -1)} ${n + 1}, ${column}`);
      });
      row.querySelector("[data-removes]").setAttribute("aria-label", `Remove ${prefix.slice(0, -1)} ${n + 1}`);
    });
    holder.querySelector(`[name=${prefix}-TOTAL_FORMS]`).value = rows.length;
  }

  function changed(holder) {
    holder.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function withButton(row) {
    const cell = row.querySelector(".remove");
    if (cell.querySelector("[data-removes]")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "remove-row";
    button.textContent = "×";
    button.dataset.removes = "";
    cell.replaceChildren(button);
  }

  function add(holder) {
    const body = holder.querySelector("tbody");
    const row = holder.querySelector("template").content.querySelector("[data-row]").cloneNode(true);
    const last = body.querySelector("[data-row]:last-child");
    // The last tier has no bound, so a new one goes before it.
    if (holder.dataset.last && last) body.insertBefore(row, last);
    else body.append(row);
    withButton(row);
    renumber(holder);
    row.querySelector("input, select").focus();
    changed(holder);
  }

  function remove(holder, button) {
    button.closest("[data-row]").remove();
    renumber(holder);
    holder.querySelector("[data-adds]").focus();
    changed(holder);
  }

  document.querySelectorAll("[data-rows]").forEach((holder) => {
    holder.querySelectorAll("tbody [data-row]").forEach(withButton);
    renumber(holder);
    holder.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if ("adds" in button.dataset) add(holder);
      if ("removes" in button.dataset) remove(holder, button);
    });
  });
})();
