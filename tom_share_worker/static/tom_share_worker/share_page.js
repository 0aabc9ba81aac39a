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
    for (const box of shown) box.disabled = isWhole(section);
    if (!all) return;
    all.hidden = false;
    all.disabled = isWhole(section);
    const here = shown.filter((box) => box.checked).length;
    all.checked = here === shown.length;
    all.indeterminate = here > 0 && here < shown.length;
    const many = ticked.get(section).size;
    count.textContent = many && !isWhole(section) ? `; ${many.toLocaleString("en")} ticked` : "";
  };

  const sum = () => {
    const parts = sections.flatMap((section) => {
      const name = section.dataset.shareTitle;
      if (isWhole(section)) return [`all ${name}`];
      const many = ticked.get(section).size;
      return many ? [`${many.toLocaleString("en")} of ${name}`] : [];
    });
    if (form.elements["with-target"].checked) parts.unshift("the target itself");
    const said = parts.length ? `Chosen: ${parts.join(", ")}.` : "Nothing is chosen yet.";
    if (summary.textContent !== said) summary.textContent = said;
  };

  const refresh = (section) => {
    show(section);
    sum();
  };

  const turn = async (section, link) => {
    let page;
    try {
      const answer = await fetch(link.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      window.location.assign(link.href);
      return;
    }
    const fresh = page.getElementById(section.id);
    const wasWhole = isWhole(section);
    const way = link.dataset.shareTurn;
    section.replaceChildren(...fresh.childNodes);
    if (whole(section)) whole(section).checked = wasWhole;
    for (const box of boxes(section)) box.checked = ticked.get(section).has(box.value);
    refresh(section);
    const links = [...section.querySelectorAll("[data-share-turn]")];
    (links.find((one) => one.dataset.shareTurn === way) ?? links[0])?.focus();
    // The links of the other sections know where this one stands only after a reload.
  };

  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-share-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    turn(link.closest("[data-share-section]"), link);
  });

  form.addEventListener("change", (event) => {
    const section = event.target.closest("[data-share-section]");
    if (!section) return sum();
    if (event.target.matches("[data-share-tick-page]")) {
      for (const box of boxes(section)) box.checked = event.target.checked;
    }
    remember(section);
    refresh(section);
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
