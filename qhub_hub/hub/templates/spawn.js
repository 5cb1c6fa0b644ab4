"use strict";
// Comfort only: without this file the page does the same.
{
  const form = document.getElementById("spawn_form");
  const chosen = document.getElementById("qhub-chosen");
  const say = () => {
    const card = form.querySelector("input[name=profile]:checked")?.closest(".qh-card");
    if (!card) return;
    const size = card.querySelector(".qh-row input:checked")?.closest(".qh-row");
    const text = (from, selector) => from?.querySelector(selector)?.textContent.trim().replace(/\s+/g, " ");
    const name = document.createElement("strong");
    name.textContent = text(card, ".qh-title");
    const rest = [text(size, ".qh-row-title"), size ? text(size, ".qh-row-price") : text(card, ".qh-price")];
    chosen.replaceChildren(name, ...rest.filter(Boolean).map((part) => ` · ${part}`));
  };
  form.addEventListener("change", say);
  say();
  // A page that comes back from the browser's memory still has its button switched off by the last start.
  window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());
  for (const time of document.querySelectorAll(".qh-running time")) {
    time.title = time.textContent;
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}
