// Asks the server what the form as it stands would cost, and shows what is wrong beside its field.
(() => {
  "use strict";

  const shown = document.querySelector("[data-preview]");
  if (!shown) return;
  const form = shown.closest("form");
  const wait = 250;
  let timer = 0;
  let asked = null;

  function mark(errors) {
    form.querySelectorAll(".live-error").forEach((said) => said.remove());
    form.querySelectorAll("[aria-invalid=true][data-live]").forEach((field) => {
      field.removeAttribute("aria-invalid");
      delete field.dataset.live;
    });
    for (const [name, said] of Object.entries(errors)) {
      const field = form.elements.namedItem(name);
      // What the page was sent with is said already.
      if (!(field instanceof Element) || !field.value && !touched.has(name)) continue;
      const text = document.createElement("p");
      text.className = "live-error";
      text.textContent = said.join(" ");
      field.setAttribute("aria-invalid", "true");
      field.dataset.live = "";
      field.closest("td, .form-row").append(text);
    }
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    try {
      const options = { method: "POST", body: new FormData(form), signal: asked.signal };
      const answer = await fetch(shown.dataset.preview, options);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const { html, errors } = await answer.json();
      shown.innerHTML = html;
      mark(errors);
    } catch (error) {
      if (error.name !== "AbortError") shown.textContent = `No preview: ${error.message}.`;
    }
  }

  const touched = new Set();
  function later(event) {
    if (event.target.name) touched.add(event.target.name);
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  }

  form.addEventListener("input", later);
  form.addEventListener("change", later);
  // Enter in a question asks it, and does not save.
  form.querySelectorAll("[data-asks]").forEach((field) => {
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      ask();
    });
  });
  ask();
})();
