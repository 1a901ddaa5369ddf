/* What takes long says so: after a moment what is awaited, and how long the platform asks us to wait. Everything works without.
   Hooks in the markup: data-loading-label (words for what a link or region asks for), data-slow-after on <html> (ms, for tests),
   data-retry-region (a region with one wait), data-countdown (seconds) with data-over, data-left with data-words, data-retry, data-platform. */
(() => {
  "use strict";
  const AFTER = Number(document.documentElement.dataset.slowAfter || 2000);
  const GIVES_UP = 60_000; // a page that never came; its browser says so
  const live = document.getElementById("live");
  const template = document.getElementById("waiting-notice");
  const under = new Map(); // request -> what stops its waiting

  function wordsFor(element, region) {
    const named = element.closest?.("[data-loading-label]")?.dataset.loadingLabel || element.querySelector?.("[data-words]")?.dataset.words ||
      region?.closest?.("[data-loading-label]")?.dataset.loadingLabel || region?.querySelector?.("h2")?.textContent;
    const { named: withName, plain } = template.dataset;
    return named?.trim() ? withName.replace("%(what)s", named.trim()) : plain;
  }

  /* One notice for one wait: in its region, marked old meanwhile; where that holds no block, above the page. */
  function wait(element, region) {
    let notice;
    const timer = setTimeout(() => {
      notice = template.content.firstElementChild.cloneNode(true);
      const words = wordsFor(element, region);
      notice.querySelector("[data-what]").textContent = words;
      const inside = region?.matches("div:not(#dialog), section") && !region.closest("dialog, .listbox, table") && region.childElementCount;
      (inside ? region : document.getElementById("slow")).prepend(notice);
      if (inside) region.dataset.awaiting = "";
      live.textContent = words;
    }, AFTER);
    return () => {
      clearTimeout(timer);
      notice?.remove();
      if (region) delete region.dataset.awaiting;
      if (notice && live.textContent === notice.textContent.trim()) live.textContent = "";
    };
  }

  document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
    // Nobody waits for what nobody asked for; and a check tells by itself how far it is.
    if (detail.elt.matches("[data-polls], [data-read-only]")) return;
    under.set(detail.xhr, wait(detail.elt, detail.target));
  });
  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    under.get(detail.xhr)?.();
    under.delete(detail.xhr);
    const answered = detail.xhr.status >= 200 && detail.xhr.status < 400;
    if (!answered || detail.xhr.responseText.includes("data-platform")) return;
    // The platform answers again: whoever waits need not.
    document.querySelectorAll("#platform-banner [data-platform]:not([data-old])").forEach((banner) => banner.remove());
  });

  /* A whole page: this one stays until the other has come. */
  let leaving;
  function leave(element) {
    // The answer to a POST stands in the history as its address alone: Back opens the form, and never asks to send it again.
    history.replaceState(history.state, "");
    leaving?.();
    const stop = wait(element, null);
    const timer = setTimeout(stop, GIVES_UP);
    leaving = () => { clearTimeout(timer); stop(); };
  }
  // On the window: after whatever else may take the press for its own, such as the menu of a row.
  window.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.hasAttribute("hx-get") || link.origin !== location.origin) return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
    leave(link);
  });
  window.addEventListener("submit", (event) => {
    if (!event.defaultPrevented && !event.target.target) leave(event.target);
  });
  window.addEventListener("pagehide", () => leaving?.());

  /* Counting down. Said aloud once, at its end; the way to try again comes then. */
  function count(place) {
    if (place.dataset.counting) return;
    place.dataset.counting = "yes";
    const region = place.closest("[data-retry-region]");
    const retries = [...(region?.querySelectorAll("[data-retry]") || [])];
    const ends = Date.now() + place.dataset.countdown * 1000;
    const bar = place.querySelector("progress");
    const left = place.querySelector("[data-left]");
    retries.forEach((retry) => { retry.hidden = true; });
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((ends - Date.now()) / 1000));
      if (!place.isConnected) return clearInterval(timer);
      if (bar) bar.value = seconds;
      if (left) left.textContent = left.dataset.words.replace("%(n)s", seconds);
      if (seconds) return;
      clearInterval(timer);
      place.textContent = place.dataset.over;
      live.textContent = place.dataset.over;
      retries.forEach((retry) => { retry.hidden = false; });
    }, 250);
  }
  const countIn = (root) => root.querySelectorAll?.("[data-countdown]").forEach(count);
  countIn(document);
  document.body.addEventListener("htmx:load", (event) => countIn(event.target));
})();
