// The share page of a target: turns the pages of a section without losing ticks, says
// what is chosen, and packs all ticks of a section into one field (Django answers 400 to
// a form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS). Without this script the page works
// too, with the ticks of the pages that are shown.
(() => {
  "use strict";
  const form = document.querySelector("[data-share-page]");
  if (!form) return;
  const summary = form.querySelector("[data-share-summary]");
  const sections = [...form.querySelectorAll("[data-share-section]")];
  const ticked = new Map(sections.map((section) => [section, new Set()]));

  const boxes = (section) => [
    ...section.querySelectorAll(`input[name="${section.dataset.shareBox}"]`),
  ];
  const whole = (section) => section.querySelector("[data-share-whole]");
  const isWhole = (section) => Boolean(whole(section)?.checked);

  // Reads the boxes of the page that is shown; a browser keeps ticks on a reload.
  const remember = (section) => {
    const chosen = ticked.get(section);
    for (const box of boxes(section)) {
      if (box.checked) chosen.add(box.value);
      else chosen.delete(box.value);
    }
  };

  const show = (section) => {
    const shown = boxes(section);
    const all = section.querySelector("[data-share-tick-page]");
    const count = section.querySelector("[data-share-count]");
    const found = section.querySelector("[data-share-tick-found]");
    for (const box of shown) box.disabled = isWhole(section);
    if (found) found.hidden = isWhole(section);
    if (!all) return;
    all.hidden = false;
    all.disabled = isWhole(section);
    const here = shown.filter((box) => box.checked).length;
    all.checked = shown.length > 0 && here === shown.length;
    all.indeterminate = here > 0 && here < shown.length;
    const many = ticked.get(section).size;
    count.textContent = many && !isWhole(section) ? `; ${many.toLocaleString("en")} ticked` : "";
  };

  const sum = () => {
    const parts = sections.flatMap((section) => {
      const name = section.dataset.shareTitle;
      if (isWhole(section)) return [`all ${name}`];
      const many = ticked.get(section).size;
      const { shareOne, shareMany } = section.dataset;
      const noun = many === 1 ? shareOne : shareMany;
      return many ? [`${many.toLocaleString("en")} ${noun}`] : [];
    });
    const target = form.elements["with-target"].checked ? ["the target itself"] : [];
    const chosen = [...target, ...(parts.length ? [parts.join(", ")] : [])].join("; ");
    const said = chosen ? `Chosen: ${chosen}.` : "Nothing is chosen yet.";
    if (summary.textContent !== said) summary.textContent = said;
    summary.classList.remove("text-danger", "fw-bold");
    return Boolean(chosen);
  };

  const refresh = (section) => {
    show(section);
    sum();
  };

  const ask = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    return answer;
  };

  const tick = (section) => {
    for (const box of boxes(section)) box.checked = ticked.get(section).has(box.value);
    refresh(section);
  };

  // Shows other rows of a section; where that fails, the browser goes there by itself.
  // The links of the other sections know where this one stands only after a reload.
  const load = async (section, address, focus) => {
    let page;
    try {
      const text = await (await ask(address)).text();
      page = new DOMParser().parseFromString(text, "text/html");
    } catch {
      window.location.assign(address);
      return;
    }
    const wasWhole = isWhole(section);
    section.replaceChildren(...page.getElementById(section.id).childNodes);
    section.dataset.shareAddress = address;
    if (whole(section)) whole(section).checked = wasWhole;
    tick(section);
    const again = section.querySelector(focus) ?? section.querySelector("[data-share-turn]");
    (again ?? section.querySelector("summary")).focus();
  };

  const tickFound = async (section) => {
    const address = new URL(section.dataset.shareAddress ?? "", window.location.href);
    address.searchParams.set("ids", section.dataset.shareSection);
    try {
      const { ids } = await (await ask(address)).json();
      for (const id of ids) ticked.get(section).add(String(id));
    } catch {
      summary.textContent = "The data points could not be ticked. Reload the page and try again.";
      return;
    }
    tick(section);
  };

  document.addEventListener("submit", (event) => {
    const section = document.getElementById(event.target.dataset.shareNarrows);
    if (!section) return;
    event.preventDefault();
    const asked = new URLSearchParams(new FormData(event.target));
    load(section, `?${asked}#${section.id}`, "[data-share-narrow]");
  });

  form.addEventListener("click", (event) => {
    const section = event.target.closest("[data-share-section]");
    if (event.target.closest("[data-share-tick-found]")) tickFound(section);
    const link = event.target.closest("[data-share-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    load(section, link.href, `[data-share-turn="${link.dataset.shareTurn}"]`);
  });

  form.addEventListener("change", (event) => {
    const section = event.target.closest("[data-share-section]");
    if (!section) return sum();
    if (event.target.matches("[form]")) return; // narrows, and chooses nothing
    if (event.target.matches("[data-share-tick-page]")) {
      for (const box of boxes(section)) box.checked = event.target.checked;
    }
    remember(section);
    refresh(section);
  });

  // A server would refuse it, and what was typed and ticked would be gone.
  form.addEventListener("submit", (event) => {
    if (sum()) return;
    event.preventDefault();
    summary.textContent = "Nothing is chosen yet. Tick what to share.";
    summary.classList.add("text-danger", "fw-bold");
  });

  form.addEventListener("formdata", ({ formData }) => {
    for (const section of sections) {
      const name = section.dataset.shareBox;
      formData.delete(name);
      if (ticked.get(section).size && !isWhole(section)) {
        formData.set(`${name}-ids`, [...ticked.get(section)].join(","));
      }
    }
  });

  // Also when the browser comes back to the page with ticks that it kept.
  const begin = () => {
    for (const section of sections) {
      remember(section);
      show(section);
    }
    sum();
  };
  window.addEventListener("pageshow", begin);
  begin();
})();
