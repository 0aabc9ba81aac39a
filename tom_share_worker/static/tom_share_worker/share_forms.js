// Packs the many ticked boxes of a share form into one field. Django answers 400 to a
// form of more than DATA_UPLOAD_MAX_NUMBER_FIELDS (1,000) fields, and a light curve has
// more points than that. Loaded on every page for people who are logged in.
(() => {
  "use strict";
  // A page may load this twice, by the navigation bar and by itself.
  if (window.tomShareForms) return;
  window.tomShareForms = true;

  const MANY = 100;

  const pack = (data, from, into) => {
    const ids = data.getAll(from);
    if (ids.length <= MANY) return;
    data.delete(from);
    data.set(into, ids.join(","));
  };

  document.addEventListener("formdata", (event) => {
    pack(event.formData, "share-box", "share-box-ids");
    // Other forms of the host have boxes of this name, too, and know nothing of ours.
    if (event.target.matches("[data-share-pack]")) {
      pack(event.formData, "selected-target", "selected-target-ids");
    }
  });

  // Hidden in the page, as it does nothing without this script.
  for (const all of document.querySelectorAll("[data-share-tick-all]")) {
    all.hidden = false;
    all.addEventListener("change", () => {
      for (const box of all.closest("form").querySelectorAll("[name=selected-target]")) {
        box.checked = all.checked;
      }
    });
  }
})();
