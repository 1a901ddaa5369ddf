/* Single keys, for whoever has not switched them off: `data-keys` on the body. What a key does is said where it acts: a field
   with `data-key` takes the focus, a link or a button is pressed. Each can be reached without its key. */
(() => {
  "use strict";
  if (!document.body.hasAttribute("data-keys")) return;

  const inert = (target) => target.closest?.("input, select, textarea, [contenteditable]");

  function act(key) {
    const all = [...document.querySelectorAll("[data-key]")].filter((element) => element.dataset.key === key);
    // What is folded away or left out at this width comes last: the menu's own entries can be pressed from anywhere.
    const element = all.find((one) => one.checkVisibility?.()) || all[0];
    if (!element) return false;
    if (element.matches("input, select, textarea")) {
      element.focus();
      element.select?.();
    } else element.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.repeat || event.isComposing || event.key.length !== 1) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (document.querySelector("dialog[open]") || inert(event.target)) return;
    if (act(event.key)) event.preventDefault(); // or the key would be typed into the field that it leads to
  });
})();
