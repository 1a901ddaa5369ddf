/* What scripts add to the lists: the menu of a row. Everything works without this file. */
(() => {
  "use strict";
  const menu = document.getElementById("row-menu");
  const EDGE = 8; // pixels between the menu and the window's edge
  let opener = null; // the row's button

  const buttonOf = (target) => target.closest?.("a.more");
  const items = () => [...menu.querySelectorAll("a[href], button")];

  if (menu?.showPopover) {
    // A link until somebody comes near it: only then it is known that script runs.
    for (const name of ["focusin", "pointerover"]) {
      document.addEventListener(name, ({ target }) => {
        const more = buttonOf(target);
        if (!more || more.hasAttribute("role")) return;
        more.setAttribute("role", "button");
        more.setAttribute("aria-expanded", "false");
      });
    }

    let closing = null; // the press that is just closing the menu must not open it again
    document.addEventListener("pointerdown", ({ target }) => {
      closing = menu.matches(":popover-open") ? buttonOf(target) : null;
    }, true);

    document.addEventListener("click", (event) => {
      const more = buttonOf(event.target);
      if (!more || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (more === closing && more === opener) closing = null;
      else open(more);
    });

    document.addEventListener("keydown", (event) => {
      if (event.key === " " && buttonOf(event.target)) {
        event.preventDefault();
        open(buttonOf(event.target));
      }
    });

    menu.addEventListener("keydown", (event) => {
      const all = items();
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: (at + 1) % all.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      all.at(to).focus();
    });

    // Over the list, as on the device's own page. Closing the menu gives the focus to the row's button, closing the dialog too.
    menu.addEventListener("click", (event) => {
      const item = event.target.closest("[data-dialog]");
      if (!item || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      const from = opener;
      menu.hidePopover();
      from.focus();
      window.htmx.ajax("get", item.getAttribute("href"), { source: item, target: "#dialog", swap: "innerHTML" });
    });

    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !menu.contains(relatedTarget)) menu.hidePopover();
    });

    menu.addEventListener("toggle", ({ newState }) => {
      opener?.setAttribute("aria-expanded", String(newState === "open"));
      if (newState === "open") return;
      if (opener?.isConnected && (document.activeElement === document.body || menu.contains(document.activeElement))) opener.focus();
      opener = null;
    });

    // It stands where its row was.
    window.addEventListener("scroll", () => { if (menu.matches(":popover-open")) menu.hidePopover(); }, { passive: true });
    window.addEventListener("resize", () => { if (menu.matches(":popover-open")) menu.hidePopover(); });
  }

  function open(more) {
    if (menu.matches(":popover-open")) menu.hidePopover();
    const link = more.closest("tr").querySelector("th a");
    const path = more.getAttribute("href");
    const id = path.slice(menu.dataset.prefix.length, -1);
    document.getElementById("row-menu-name").textContent = link.textContent;
    menu.querySelector(".row-menu-id").textContent = id;
    const copier = menu.querySelector("[data-copy]");
    copier.dataset.copy = id;
    copier.classList.remove("copied");
    for (const item of menu.querySelectorAll("[data-path]")) item.href = path + item.dataset.path;
    opener = more;
    menu.showPopover();
    const from = more.getBoundingClientRect();
    const below = from.bottom + menu.offsetHeight + EDGE <= window.innerHeight;
    menu.style.top = `${Math.max(EDGE, below ? from.bottom + 2 : from.top - menu.offsetHeight - 2)}px`;
    menu.style.left = `${Math.max(EDGE, from.right - menu.offsetWidth)}px`;
    items()[0].focus({ preventScroll: true });
  }

  // The button goes away with the failure that it stands beside: the focus goes to the one that stays.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#go-on")) document.getElementById("check").focus();
  });

  /* The columns' form is replaced with the rows: its button has the focus before, and so has it after. */
  document.addEventListener("submit", ({ target }) => {
    const details = target.id === "columns-form" && target.closest("details");
    if (!details) return;
    // Later: htmx forgets which button was pressed when the focus leaves it.
    setTimeout(() => {
      details.open = false;
      details.querySelector("summary").focus();
    }, 0);
  }, true);
})();
