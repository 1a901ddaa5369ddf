/* Row menu and column choice of the lists. Everything works without this file.
   Hooks: data-prefix on #row-menu (path of the list), data-path on its items (below the device's path), data-dialog (opens
   in the dialog), data-copy. */
(() => {
  "use strict";
  const menu = document.getElementById("row-menu");
  const buttonOf = (target) => target.closest?.("a.more");
  const isPlainClick = (event) => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const items = () => [...menu.querySelectorAll("a[href], button")];
  let opener = null; // the row's button

  function openMenu(button) {
    const path = button.getAttribute("href");
    const copier = menu.querySelector("[data-copy]");
    copier.dataset.copy = menu.querySelector(".row-menu-id").textContent = path.slice(menu.dataset.prefix.length, -1);
    copier.classList.remove("copied");
    document.getElementById("row-menu-name").textContent = button.closest("tr").querySelector("th a").textContent;
    for (const item of menu.querySelectorAll("[data-path]")) item.href = path + item.dataset.path;
    menu.hidePopover();
    button.focus({ preventScroll: true }); // closing the menu returns the focus to it
    opener = button;
    menu.showPopover({ source: button });
    items()[0].focus({ preventScroll: true });
  }

  if (menu?.showPopover) {
    // The button is a link in the markup: without script it opens the device.
    for (const name of ["focusin", "pointerover"]) {
      document.addEventListener(name, ({ target }) => {
        const button = buttonOf(target);
        if (!button || button.hasAttribute("role")) return;
        button.setAttribute("role", "button");
        button.setAttribute("aria-expanded", "false");
      });
    }

    let closing = null; // the click that closes the menu must not open it again
    document.addEventListener("pointerdown", ({ target }) => {
      closing = menu.matches(":popover-open") && buttonOf(target) === opener ? opener : null;
    }, true);

    document.addEventListener("click", (event) => {
      const button = buttonOf(event.target);
      if (!button || !isPlainClick(event)) return;
      event.preventDefault();
      if (button !== closing) openMenu(button);
      closing = null;
    });

    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || !buttonOf(event.target)) return;
      event.preventDefault();
      openMenu(buttonOf(event.target));
    });

    menu.addEventListener("keydown", (event) => {
      const all = items();
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: (at + 1) % all.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      all.at(to).focus();
    });

    menu.addEventListener("click", (event) => {
      const item = event.target.closest("[data-dialog]");
      if (!item || !isPlainClick(event)) return;
      event.preventDefault();
      menu.hidePopover(); // first: the dialog returns the focus to the row's button then
      window.htmx.ajax("get", item.getAttribute("href"), { source: item, target: "#dialog", swap: "innerHTML" });
    });

    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !menu.contains(relatedTarget)) menu.hidePopover();
    });
    menu.addEventListener("toggle", ({ newState }) => opener.setAttribute("aria-expanded", String(newState === "open")));
  }

  // "Go on" disappears with the failure it belongs to; "Stop checking" stays.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#go-on")) document.getElementById("check").focus();
  });

  // Later: htmx forgets which button was pressed when the focus leaves it.
  document.addEventListener("submit", ({ target }) => {
    if (target.id === "columns-form") setTimeout(() => target.hidePopover?.(), 0);
  }, true);
})();
