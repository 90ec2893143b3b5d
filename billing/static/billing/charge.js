// Shows of a charge's form what the chosen model and meter have, by the server's own tables.
(() => {
  "use strict";

  const source = document.getElementById("charge-tables");
  if (!source) return;
  const tables = JSON.parse(source.textContent);
  const label = "labels.";
  const field = (name) => document.getElementById(`id_${name}`);
  const holder = (name) => document.querySelector(`[data-rows=${name}]`);

  function show(element, shown) {
    if (element) element.hidden = !shown;
  }

  function showRow(name, shown) {
    show(document.querySelector(`.form-row.field-${name}`), shown);
  }

  function offer(select, allowed) {
    for (const option of select.options) {
      const usable = option.value === "" || allowed.includes(option.value);
      option.disabled = option.hidden = !usable && !option.selected;
    }
  }

  function showModel() {
    const model = field("model").value;
    for (const name of tables.prices) showRow(name, tables.models[model].includes(name));
    const tiered = tables.tiered.includes(model);
    show(holder("tiers"), tiered);
    if (!tiered) return;
    const heading = holder("tiers").querySelector("th[data-column=price]");
    heading.textContent = tables.tierPrice[model] === "rate_percent" ? "Percent" : "Unit amount";
  }

  function showMeter() {
    const counts = field("counts").value;
    const metric = tables.metrics.includes(counts);
    const events = counts !== "" && !metric;
    const aggregation = field("aggregation").value;
    showRow("custom_type", counts === "custom.");
    showRow("window", counts !== "");
    showRow("aggregation", events);
    showRow("value", events && aggregation !== "count");
    showRow("value_label", events && aggregation !== "count" && field("value").value === label);
    show(holder("filters"), counts !== "");
    show(holder("groups"), counts !== "");
    if (counts === "") return;
    const dimensions = [...tables.dimensions[counts], label];
    if (events) offer(field("value"), aggregation === "unique" ? dimensions : tables.values[counts]);
    document.querySelectorAll("tbody [data-column=dimension] select").forEach((select) => {
      offer(select, dimensions);
      const key = select.closest("[data-row]").querySelector("[data-column=label] input");
      key.hidden = select.value !== label;
    });
  }

  function showAll() {
    showModel();
    showMeter();
  }

  document.addEventListener("change", showAll);
  showAll();
})();
