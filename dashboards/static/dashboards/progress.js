// Follows the close of a month, and shows the page anew when it is done.
(() => {
  "use strict";

  const shown = document.querySelector("[data-progress]");
  if (!shown) return;
  const bar = shown.querySelector("progress");
  const said = shown.querySelector("[data-said]");
  const every = 2000;

  async function look() {
    try {
      const answer = await fetch(shown.dataset.progress);
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const found = await answer.json();
      if (!found.running) {
        location.reload();
        return;
      }
      bar.max = Math.max(found.tenants, 1);
      bar.value = found.done;
      said.textContent = found.said;
    } catch (error) {
      said.textContent = `no news: ${error.message}`;
    }
    setTimeout(look, every);
  }

  setTimeout(look, every);
})();
