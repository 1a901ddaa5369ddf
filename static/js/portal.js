/* What the portal adds to plain links and forms. Everything works without this file; it owns every htmx event name.
   Hooks in the markup: data-close-dialog, data-cancel, data-copy, data-busy-label, data-counter, data-announce, data-opened, data-picker, data-polls,
   data-read-only (a POST that changes nothing), data-hide-after, data-session-notice, data-fresh-token, data-use with data-into, data-refused, data-renamed with data-name. */
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const dialog = byId("dialog");
  const live = byId("live");
  const find = (root, selector) => (root.matches?.(selector) ? root : root.querySelector?.(selector));

  function say(words) {
    if (!words) return;
    // The same sentence twice in a row is announced only if the region was empty in between.
    live.textContent = "";
    setTimeout(() => { live.textContent = words; }, 60);
  }

  function cloneOf(templateId) {
    return byId(templateId)?.content.firstElementChild.cloneNode(true);
  }

  /* Submitting: one request a press, and the button says what it is doing. */
  function setBusy(form, submitter) {
    const pressed = submitter?.matches("button:not([aria-hidden])") && submitter;
    const button = pressed || form.querySelector("button:not([type=button], [aria-hidden], [name])");
    if (!button || button.disabled) return;
    const words = button.querySelector("span") || button;
    form.dataset.busy = button === document.activeElement ? "focused" : "yes";
    button.dataset.idleLabel = words.textContent;
    if (button.dataset.busyLabel) words.textContent = button.dataset.busyLabel;
    button.disabled = true;
  }

  function setIdle(form) {
    const focused = form.dataset.busy === "focused" && document.activeElement === document.body;
    delete form.dataset.busy;
    for (const button of form.querySelectorAll("button[data-idle-label]")) {
      (button.querySelector("span") || button).textContent = button.dataset.idleLabel;
      delete button.dataset.idleLabel;
      button.disabled = false;
      if (focused) button.focus(); // a disabled button drops it
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return; // htmx sends it
    const form = event.target;
    if (form.dataset.busy) event.preventDefault();
    // Later: a button disabled at once would be missing from what is sent.
    else if (form.method === "post") setTimeout(() => setBusy(form, event.submitter), 0);
  });

  /* The dialog: filled by htmx, shown by us. The browser gives focus back to what opened it. */
  function showDialog() {
    if (!dialog.querySelector("[data-close-dialog]")) { // an error page's fragment
      dialog.prepend(cloneOf("dialog-head"));
      dialog.append(cloneOf("dialog-foot"));
    }
    if (!dialog.open) dialog.showModal();
    const first =
      dialog.querySelector("[aria-invalid=true]") ||
      dialog.querySelector("input:not([type=hidden]), select, textarea") ||
      dialog.querySelector("[data-cancel]") ||
      dialog.querySelector("[data-close-dialog]");
    first?.focus();
    if (first?.matches("input[type=text]")) first.setSelectionRange(first.value.length, first.value.length);
  }

  function closeDialog() {
    if (dialog.open) dialog.close();
  }

  /* The document's title says that what the dialog holds was refused, as it does on a page. */
  function titleOfDialog() {
    const word = byId("dialog-head").dataset.refused;
    const title = document.title.startsWith(word) ? document.title.slice(word.length).trim() : document.title;
    document.title = dialog.open && dialog.querySelector("[data-error-summary]") ? `${word} ${title}` : title;
  }

  // Closed while its form is under way, it keeps the form: the answer may need it.
  dialog.addEventListener("close", () => {
    titleOfDialog();
    if (!dialog.querySelector("[data-busy]")) dialog.replaceChildren();
  });
  document.body.addEventListener("deviceChanged", closeDialog);

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : event.target.parentElement;
    const closer = target.closest("[data-close-dialog]");
    if (closer && dialog.open && dialog.contains(closer)) {
      event.preventDefault();
      closeDialog();
    }
    const copier = target.closest("[data-copy]");
    if (copier) copy(copier);
    const offer = target.closest("[data-use]");
    const into = byId(offer?.dataset.into);
    if (into) {
      into.value = offer.dataset.use;
      into.dispatchEvent(new Event("input", { bubbles: true }));
      into.focus();
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  async function copy(button) {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard on plain http: the old way, through a selection.
      const field = document.createElement("textarea");
      field.value = text;
      field.className = "visually-hidden";
      button.after(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.classList.add("copied");
    say(button.querySelector(".copy-said")?.textContent);
    setTimeout(() => button.classList.remove("copied"), 2000);
  }

  document.addEventListener("input", (event) => {
    const counter = byId(event.target.dataset?.counter);
    if (!counter) return;
    const used = [...event.target.value].length; // characters, as the server counts them
    counter.textContent = counter.dataset.words.replace("%(used)s", used).replace("%(limit)s", counter.dataset.limit);
  });

  /* htmx 2 event names, and nowhere else. */
  const on = (name, listener) => document.body.addEventListener(name, listener);
  const waiting = new Map(); // request -> the region that it will change
  let heldFocus = false; // what is being replaced held the focus
  let heldId = ""; // and this button in it, which was locked meanwhile
  let heldLink = null; // or this link
  let paging = false; // a pager link was followed

  on("htmx:confirm", (event) => { if (event.detail.elt.dataset.busy) event.preventDefault(); }); // no second one queues up

  on("htmx:beforeRequest", ({ detail }) => {
    const { verb, triggeringEvent } = detail.requestConfig;
    if (detail.elt.matches("form") && verb !== "get") setBusy(detail.elt, triggeringEvent?.submitter);
    paging = Boolean(detail.elt.closest(".pager"));
    detail.target.setAttribute("aria-busy", "true");
    waiting.set(detail.xhr, detail.target);
  });

  on("htmx:afterRequest", ({ detail }) => {
    waiting.get(detail.xhr)?.removeAttribute("aria-busy");
    waiting.delete(detail.xhr);
    if (detail.elt.matches("form")) setIdle(detail.elt);
    if (!dialog.open && detail.target !== dialog) dialog.replaceChildren();
    if (detail.xhr.status) document.querySelectorAll("[data-unreachable]").forEach((notice) => notice.remove());
    // Not `detail.successful`: to htmx, whatever may be swapped in is a success, this banner's own 401 too.
    if (detail.xhr.status >= 200 && detail.xhr.status < 400) removeBanners(); // signed in again, in another tab
  });

  function unreachable({ detail }) {
    document.querySelectorAll("[data-unreachable]").forEach((notice) => notice.remove());
    // A write whose answer is lost may have been carried out.
    const wrote = detail.requestConfig.verb !== "get" && !detail.elt.matches("[data-read-only]");
    const form = wrote && detail.elt.closest("form");
    const region = detail.target.matches("div, section") && detail.target;
    const slot = form?.querySelector?.(".dialog-body") || form || region || byId("session-banner");
    const notice = cloneOf(wrote ? "unanswered-notice" : "unreachable-notice");
    slot.prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  }
  on("htmx:sendError", unreachable);
  on("htmx:timeout", unreachable);

  /* The session's banner, beside what is on the screen: in the form that was sent, or it would stand out of sight; behind a
     modal dialog nothing can be reached at all. */
  let refused; // the form that it is about

  function removeBanners() {
    document.querySelectorAll("[data-session-notice]").forEach((notice) => notice.closest(".notice").remove());
  }

  function placeBanner(banner) {
    const form = refused?.isConnected && refused;
    const slot = (form && (form.querySelector(".dialog-body") || form)) || (dialog.open && dialog);
    const token = find(banner, "[data-fresh-token] input")?.value;
    if (token) document.querySelectorAll(`input[name=csrfmiddlewaretoken]`).forEach((field) => { field.value = token; });
    if (!slot) return;
    slot.prepend(banner);
    banner.scrollIntoView({ block: "nearest" });
    find(banner, "a")?.focus();
  }

  on("htmx:beforeSwap", ({ detail }) => {
    const { elt, verb } = detail.requestConfig;
    refused = verb !== "get" && elt.closest("form");
    if (detail.target.id === "session-banner") removeBanners(); // one says it
    heldFocus = detail.target.contains(document.activeElement) || elt.dataset.busy === "focused";
    heldId = (elt.dataset.busy === "focused" && elt.querySelector("button[data-idle-label]")?.id) || "";
    heldLink = heldFocus && document.activeElement.closest("a[href]");
  });

  // The link to the same place that looks the same: rows of a list are many, and have no ids.
  const sameLink = (root) => heldLink && [...root.querySelectorAll("a[href]")].find(
    (link) => link.href === heldLink.href && link.className === heldLink.className);

  // Fires on each piece of new content, out-of-band ones too, and once on the body at the start.
  on("htmx:load", (event) => {
    const fresh = event.target;
    if (fresh === document.body) return;
    if (fresh.closest(".listbox")) return; // a list below a field that somebody is typing in
    if (dialog.contains(fresh)) showDialog();
    else if (fresh.closest("#session-banner")) placeBanner(fresh);
    // An element of the same id has the focus back by now; else the first thing one can act on takes it.
    if (heldFocus && !dialog.open && document.activeElement === document.body) {
      const same = heldId ? byId(heldId) : null; // contains() takes no empty words
      (fresh.contains(same) ? same : sameLink(fresh) || find(fresh, "a[href], button, input:not([type=hidden])"))?.focus();
    }
    const panel = paging && fresh.closest(".panel");
    if (panel && panel.getBoundingClientRect().top < 0) panel.scrollIntoView();
    showCurrentTab();
    const named = find(fresh, "[data-renamed]");
    if (named) {
      document.querySelectorAll(`tbody th > a[href="${named.dataset.renamed}"]`).forEach((link) => { link.textContent = named.dataset.name; });
      // The row is gone, and its button with it.
      if (document.activeElement === document.body || dialog.contains(document.activeElement)) find(named, "button, a[href]")?.focus();
    }
    titleOfDialog();
    say(find(fresh, "[data-announce]")?.dataset.announce);
  });

  /* A tab's panel came by htmx while the tabs stayed: mark the one whose address it is. On a phone tabs scroll sideways,
     and the current one must not hide beyond the edge. */
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
  showCurrentTab();

  /* On arrival: a refused form is read from its summary; a link to a field puts the caret there. */
  document.querySelector("[data-error-summary]")?.focus();
  document.querySelector("input:target")?.focus();

  // A page kept by the browser may be of a session that has ended since, or hold a busy button.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  /* What may stay on the screen for a moment only. */
  on("htmx:load", (event) => {
    const shown = find(event.target, "[data-hide-after]");
    if (!shown) return;
    setTimeout(() => {
      if (!shown.isConnected) return;
      shown.replaceChildren(shown.dataset.hidden);
      say(shown.dataset.hidden);
    }, shown.dataset.hideAfter * 1000);
  });

  /* A region that asks again by itself rests while nobody looks, while a menu or a dialog of it stands open, and for good
     once the session has ended. */
  const OPEN = "details.menu[open], [popover]:popover-open, dialog[open]";
  on("htmx:configRequest", (event) => {
    if (!event.detail.elt.matches("[data-polls]")) return;
    if (document.hidden || document.querySelector(`[data-session-notice], ${OPEN}`)) event.preventDefault();
  });
  on("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.matches("[data-polls]") && detail.requestConfig.elt === detail.target && document.querySelector(OPEN)) detail.shouldSwap = false;
  });

  // A form that came back refused is read from its summary, as on arrival.
  on("htmx:load", ({ target }) => find(target, "[data-error-summary]")?.focus());

  /* Pickers: matches below a field while somebody types, as the combobox pattern of the ARIA practices has them. The server
     sends the list; here are the keys, the pointer, and what assistive technology is told. Without script the field is plain. */
  const picksOf = (input) => byId(input.dataset.picker);
  const optionsOf = (input) => [...picksOf(input).querySelectorAll("[role=option]")];
  const picker = (target) => target.closest?.("input[data-picker]");
  const chosen = (input) => optionsOf(input).find((option) => option.getAttribute("aria-selected") === "true");

  function choose(input, option) {
    for (const each of optionsOf(input)) each.setAttribute("aria-selected", each === option);
    if (!option) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function closePicks(input) {
    if (input.getAttribute("aria-expanded") === "true") picksOf(input).replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function take(input, option) {
    const { value, words } = option.dataset;
    input.value = value;
    closePicks(input);
    if (words !== value) {
      const note = document.createElement("p");
      note.className = "hint";
      note.textContent = words;
      picksOf(input).replaceChildren(note);
    }
    say(words);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("focusin", ({ target }) => {
    const input = picker(target);
    if (!input || input.hasAttribute("role")) return;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
  });
  document.addEventListener("focusout", ({ target }) => { if (picker(target)) closePicks(target); });

  document.addEventListener("keydown", (event) => {
    const input = picker(event.target);
    if (!input || input.getAttribute("aria-expanded") !== "true") return;
    const options = optionsOf(input);
    const at = options.indexOf(chosen(input));
    if (event.key === "ArrowDown") choose(input, options[(at + 1) % options.length]);
    else if (event.key === "ArrowUp") choose(input, options.at(at < 0 ? -1 : at - 1));
    else if (event.key === "Enter" && at >= 0) take(input, options[at]);
    else if (event.key === "Escape") closePicks(input);
    else return;
    event.preventDefault(); // the caret stays, the form is not sent, the dialog stays open
  });

  // The press alone would take the focus out of the field, and the list would close before the click.
  document.addEventListener("mousedown", (event) => { if (event.target.closest(".listbox [role=option]")) event.preventDefault(); });
  document.addEventListener("click", ({ target }) => {
    const option = target.closest(".listbox [role=option]");
    if (option) take(document.querySelector(`[data-picker="${option.closest(".listbox").id}"]`), option);
  });

  on("htmx:configRequest", (event) => {
    const { elt: input, parameters } = event.detail;
    if (!picker(input)) return;
    closePicks(input);
    if (input.value.trim().length < 2) return event.preventDefault();
    delete parameters[input.name];
    parameters.q = input.value;
  });

  on("htmx:afterRequest", ({ detail }) => {
    const input = picker(detail.elt);
    if (!input) return;
    const options = optionsOf(input);
    if (document.activeElement !== input) return picksOf(input).replaceChildren(); // they have gone on
    const list = picksOf(input).querySelector("[role=listbox]");
    input.setAttribute("aria-expanded", String(options.length > 0));
    if (!list) return say(picksOf(input).textContent.trim());
    list.id = `${input.dataset.picker}-list`;
    list.setAttribute("aria-label", picksOf(input).dataset.label);
    input.setAttribute("aria-controls", list.id);
    options.forEach((option, n) => { option.id = `${list.id}-${n}`; });
    say(list.dataset.announce);
  });
})();
