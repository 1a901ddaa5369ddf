/* What the portal adds to plain links and forms. Everything works without this file, and it works without keys.js,
   loading.js and list.js. Hooks in the markup:
   forms: data-busy-label, data-counter (id of the counter, which has data-words and data-limit), data-use with data-into
     (a value for the field of that id), data-error-summary, data-read-only (a POST that changes nothing);
   dialog: data-close-dialog, data-cancel, data-refused on #dialog-head;
   fragments: data-announce, data-renamed with data-name, data-polls, data-hide-after with data-hidden;
   session banners: data-session-notice, data-fresh-token; connection: data-unreachable;
   others: data-copy, data-opened (rest of the document's title on a tab), data-picker (id of the list, which has data-label;
     its options have data-value and data-words). */
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const dialog = byId("dialog");
  const live = byId("live");
  const on = (name, listener) => document.body.addEventListener(name, listener);
  const find = (root, selector) => (root.matches?.(selector) ? root : root.querySelector?.(selector));
  const cloneOf = (templateId) => byId(templateId).content.firstElementChild.cloneNode(true);
  const removeAll = (selector) => document.querySelectorAll(selector).forEach((element) => element.remove());
  const focusIsLost = () => document.activeElement === document.body;

  function announce(words) {
    if (!words) return;
    // Screen readers announce the same sentence again only if the region was empty in between.
    live.textContent = "";
    setTimeout(() => { live.textContent = words; }, 60);
  }

  /* Submission: one request per press. The button is disabled meanwhile and shows its busy label. */
  function setBusy(form, submitter) {
    const pressed = submitter?.matches("button:not([aria-hidden])") && submitter;
    const button = pressed || form.querySelector("button:not([type=button], [aria-hidden], [name])");
    if (!button || button.disabled) return;
    const label = button.querySelector("span") || button;
    form.dataset.busy = button === document.activeElement ? "focused" : "yes";
    button.dataset.idleLabel = label.textContent;
    if (button.dataset.busyLabel) label.textContent = button.dataset.busyLabel;
    button.disabled = true;
  }

  function setIdle(form) {
    const restoreFocus = form.dataset.busy === "focused" && focusIsLost(); // a disabled button loses it
    delete form.dataset.busy;
    for (const button of form.querySelectorAll("button[data-idle-label]")) {
      (button.querySelector("span") || button).textContent = button.dataset.idleLabel;
      delete button.dataset.idleLabel;
      button.disabled = false;
      if (restoreFocus) button.focus();
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return; // htmx sends it
    const form = event.target;
    if (form.dataset.busy) event.preventDefault();
    // Later: the form leaves out a button that is disabled.
    else if (form.method === "post") setTimeout(() => setBusy(form, event.submitter), 0);
  });
  on("htmx:confirm", (event) => { if (event.detail.elt.dataset.busy) event.preventDefault(); });

  /* Dialog: htmx fills it, this opens it. The browser returns the focus to what opened it. */
  function showDialog() {
    if (!dialog.querySelector("[data-close-dialog]")) { // the fragment of an error page
      dialog.prepend(cloneOf("dialog-head"));
      dialog.append(cloneOf("dialog-foot"));
    }
    if (!dialog.open) dialog.showModal();
    const first = ["[aria-invalid=true]", "input:not([type=hidden]), select, textarea", "[data-cancel]", "[data-close-dialog]"]
      .map((selector) => dialog.querySelector(selector)).find(Boolean);
    first.focus();
    if (first.matches("input[type=text]")) first.setSelectionRange(first.value.length, first.value.length);
  }

  // The document's title begins with "Error:" while the dialog shows a refused form, as it does on a page.
  function updateTitle() {
    const word = byId("dialog-head").dataset.refused;
    const title = document.title.startsWith(word) ? document.title.slice(word.length).trim() : document.title;
    document.title = dialog.open && dialog.querySelector("[data-error-summary]") ? `${word} ${title}` : title;
  }

  dialog.addEventListener("close", () => {
    updateTitle();
    if (!dialog.querySelector("[data-busy]")) dialog.replaceChildren(); // the reply may need the form
  });
  on("deviceChanged", () => dialog.close());

  /* Clicks. */
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : event.target.parentElement;
    if (dialog.open && dialog.contains(target.closest("[data-close-dialog]"))) {
      event.preventDefault();
      dialog.close();
    }
    const copier = target.closest("[data-copy]");
    if (copier) copy(copier);
    const suggestion = target.closest("[data-use]");
    const field = byId(suggestion?.dataset.into);
    if (field) {
      field.value = suggestion.dataset.use;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
    }
  });

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch { // plain http has no clipboard
      const field = document.createElement("textarea");
      field.value = button.dataset.copy;
      field.className = "visually-hidden";
      button.after(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.classList.add("copied");
    announce(button.querySelector(".copy-done").textContent);
    setTimeout(() => button.classList.remove("copied"), 2000);
  }

  document.addEventListener("input", ({ target }) => {
    const counter = byId(target.dataset.counter);
    if (!counter) return;
    const used = [...target.value].length; // characters, as the server counts them
    counter.textContent = counter.dataset.words.replace("%(used)s", used).replace("%(limit)s", counter.dataset.limit);
  });

  /* Requests by htmx 2: its event names stand in this file, loading.js and nowhere else. */
  on("htmx:beforeRequest", ({ detail }) => {
    const { verb, triggeringEvent } = detail.requestConfig;
    if (detail.elt.matches("form") && verb !== "get") setBusy(detail.elt, triggeringEvent?.submitter);
    detail.target.setAttribute("aria-busy", "true");
  });

  on("htmx:afterRequest", ({ detail }) => {
    detail.requestConfig.target.removeAttribute("aria-busy");
    if (detail.elt.matches("form")) setIdle(detail.elt);
    if (!dialog.open && detail.target !== dialog) dialog.replaceChildren();
    if (detail.xhr.status) removeAll("[data-unreachable]");
    // Signed in again, in another tab. `detail.successful` is true for each reply that htmx swaps in, even a 401.
    if (detail.xhr.status >= 200 && detail.xhr.status < 400) removeAll(".notice:has([data-session-notice])");
  });

  function showUnreachable({ detail }) {
    removeAll("[data-unreachable]");
    // The change may have been made although its reply is lost.
    const isWrite = detail.requestConfig.verb !== "get" && !detail.elt.matches("[data-read-only]");
    const form = isWrite && detail.elt.closest("form");
    const region = detail.target.matches("div, section") && detail.target;
    const notice = cloneOf(isWrite ? "unanswered-notice" : "unreachable-notice");
    (form?.querySelector?.(".dialog-body") || form || region || byId("session-banner")).prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  }
  on("htmx:sendError", showUnreachable);
  on("htmx:timeout", showUnreachable);

  /* Session banner: it stands in the form that was submitted, or in the open dialog, which makes the rest of the page inert. */
  let submitted; // the form that the banner is about

  function placeBanner(banner) {
    const form = submitted?.isConnected && submitted;
    const place = (form && (form.querySelector(".dialog-body") || form)) || (dialog.open && dialog);
    const token = find(banner, "[data-fresh-token] input")?.value;
    if (token) document.querySelectorAll("input[name=csrfmiddlewaretoken]").forEach((field) => { field.value = token; });
    if (!place) return;
    place.prepend(banner);
    banner.scrollIntoView({ block: "nearest" });
    find(banner, "a")?.focus();
  }

  /* Focus: when a swap removes the element that has it, its replacement gets it. htmx itself finds elements of the same id. */
  let held = {}; // focus: the old content had it; id: of its disabled button; link: its link

  on("htmx:beforeSwap", ({ detail }) => {
    const { elt, verb } = detail.requestConfig;
    const locked = elt.dataset.busy === "focused";
    submitted = verb !== "get" && elt.closest("form");
    if (detail.target.id === "session-banner") removeAll(".notice:has([data-session-notice])"); // one banner is enough
    const focus = locked || detail.target.contains(document.activeElement);
    held = {
      focus,
      id: locked && elt.querySelector("button[data-idle-label]")?.id,
      link: focus && document.activeElement.closest("a[href]"),
    };
  });

  function restoreFocus(fresh) {
    if (!held.focus || dialog.open || !focusIsLost()) return;
    const button = held.id && byId(held.id);
    // Rows of a list have no ids: their links have the same address and the same class.
    const { href, className } = held.link || {};
    const link = [...fresh.querySelectorAll("a[href]")].find((one) => one.href === href && one.className === className);
    (fresh.contains(button || null) ? button : link || find(fresh, "a[href], button, input:not([type=hidden])"))?.focus();
  }

  /* New content. htmx fires this for each piece, and for the body when the page opens. */
  on("htmx:load", ({ target: fresh }) => {
    if (fresh.closest(".listbox")) return;
    showCurrentTab();
    if (fresh !== document.body) receive(fresh);
    hideLater(find(fresh, "[data-hide-after]"));
    find(fresh, "[data-error-summary]")?.focus();
  });

  function receive(fresh) {
    if (dialog.contains(fresh)) showDialog();
    else if (fresh.closest("#session-banner")) placeBanner(fresh);
    restoreFocus(fresh);
    const renamed = find(fresh, "[data-renamed]");
    if (renamed) {
      const links = document.querySelectorAll(`tbody th > a[href="${renamed.dataset.renamed}"]`);
      links.forEach((link) => { link.textContent = renamed.dataset.name; });
      // The row that opened the dialog may be gone.
      if (focusIsLost() || dialog.contains(document.activeElement)) find(renamed, "button, a[href]")?.focus();
    }
    if (dialog.contains(fresh)) updateTitle();
    announce(find(fresh, "[data-announce]")?.dataset.announce);
  }

  function hideLater(element) {
    if (!element) return;
    setTimeout(() => {
      if (!element.isConnected) return;
      element.replaceChildren(element.dataset.hidden);
      announce(element.dataset.hidden);
    }, element.dataset.hideAfter * 1000);
  }

  /* htmx replaces a tab's panel, not the tabs: mark the current one, and scroll to it on a phone. */
  function showCurrentTab() {
    const nav = document.querySelector(".tabs");
    const tab = [...(nav?.querySelectorAll("a") || [])].find((link) => link.pathname === location.pathname);
    if (!tab) return;
    nav.querySelector("[aria-current]")?.removeAttribute("aria-current");
    tab.setAttribute("aria-current", "page");
    const heading = document.querySelector("h1");
    if (heading && tab.dataset.opened) document.title = heading.textContent.slice(0, 80) + tab.dataset.opened;
    nav.scrollLeft = tab.offsetLeft - (nav.clientWidth - tab.offsetWidth) / 2;
  }

  document.querySelector("input:target")?.focus();

  // The back-forward cache may restore a page of an ended session, or a busy button.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  /* Polling: pauses in a hidden tab and while a menu or dialog is open, and stops when the session has ended. */
  const OPEN = ":popover-open, dialog[open]";
  on("htmx:configRequest", (event) => {
    if (!event.detail.elt.matches("[data-polls]")) return;
    if (document.hidden || document.querySelector(`[data-session-notice], ${OPEN}`)) event.preventDefault();
  });
  on("htmx:beforeSwap", ({ detail }) => {
    const isPoll = detail.target.matches("[data-polls]") && detail.requestConfig.elt === detail.target;
    if (isPoll && document.querySelector(OPEN)) detail.shouldSwap = false;
  });

  /* Picker: a field with matches below it, by the combobox pattern of the ARIA practices. The server sends the list. Without
     script it is a plain field. */
  const pickerOf = (target) => target.closest?.("input[data-picker]");
  const listboxOf = (input) => byId(input.dataset.picker);
  const optionsOf = (input) => [...listboxOf(input).querySelectorAll("[role=option]")];

  function selectOption(input, option) {
    for (const each of optionsOf(input)) each.setAttribute("aria-selected", each === option);
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function closeListbox(input) {
    if (input.getAttribute("aria-expanded") === "true") listboxOf(input).replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function commitOption(input, option) {
    const { value, words } = option.dataset;
    input.value = value;
    closeListbox(input);
    if (words !== value) {
      const note = document.createElement("p");
      note.className = "hint";
      note.textContent = words;
      listboxOf(input).replaceChildren(note);
    }
    announce(words);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("focusin", ({ target }) => {
    const input = pickerOf(target);
    if (!input || input.hasAttribute("role")) return;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
  });
  document.addEventListener("focusout", ({ target }) => { if (pickerOf(target)) closeListbox(target); });

  document.addEventListener("keydown", (event) => {
    const input = pickerOf(event.target);
    if (input?.getAttribute("aria-expanded") !== "true") return;
    const options = optionsOf(input);
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") selectOption(input, options[(at + 1) % options.length]);
    else if (event.key === "ArrowUp") selectOption(input, options.at(at < 0 ? -1 : at - 1));
    else if (event.key === "Enter" && at >= 0) commitOption(input, options[at]);
    else if (event.key === "Escape") closeListbox(input);
    else return;
    event.preventDefault(); // the caret does not move, the form is not submitted, the dialog stays open
  });

  // Pressing an option would move the focus out of the field, which closes the list before the click.
  document.addEventListener("mousedown", (event) => { if (event.target.closest(".listbox [role=option]")) event.preventDefault(); });
  document.addEventListener("click", ({ target }) => {
    const option = target.closest(".listbox [role=option]");
    if (option) commitOption(document.querySelector(`[data-picker="${option.closest(".listbox").id}"]`), option);
  });

  on("htmx:configRequest", (event) => {
    const { elt: input, parameters } = event.detail;
    if (!pickerOf(input)) return;
    closeListbox(input);
    if (input.value.trim().length < 2) return event.preventDefault();
    delete parameters[input.name];
    parameters.q = input.value;
  });

  on("htmx:afterRequest", ({ detail }) => {
    const input = pickerOf(detail.elt);
    if (!input) return;
    const box = listboxOf(input);
    if (document.activeElement !== input) return box.replaceChildren(); // the person went on to another field
    const list = box.querySelector("[role=listbox]");
    input.setAttribute("aria-expanded", String(Boolean(list)));
    if (!list) return announce(box.textContent.trim());
    list.id = `${input.dataset.picker}-list`;
    list.setAttribute("aria-label", box.dataset.label);
    input.setAttribute("aria-controls", list.id);
    optionsOf(input).forEach((option, n) => { option.id = `${list.id}-${n}`; });
    announce(list.dataset.announce);
  });
})();
