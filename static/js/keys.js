/* Single-key shortcuts, where the body has data-keys. The element with data-key names its key: a field takes the focus, a link
   or button is pressed. Everything can be reached without a key. */
(() => {
  "use strict";
  if (!document.body.hasAttribute("data-keys")) return;

  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || event.repeat || event.isComposing || key.length !== 1) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]") || target.closest?.("input, select, textarea, [contenteditable]")) return;
    const all = [...document.querySelectorAll("[data-key]")].filter((element) => element.dataset.key === key);
    // A visible element wins, but an entry of a closed menu can be pressed too.
    const element = all.find((one) => one.checkVisibility?.()) || all[0];
    if (!element) return;
    event.preventDefault(); // or the key is typed into the field that gets the focus
    if (!element.matches("input, select, textarea")) return element.click();
    element.focus();
    element.select?.();
  });
})();
