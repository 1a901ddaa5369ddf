/* Long waits: names what the portal waits for after two seconds, and counts down the waits that the platform asks for.
   Everything works without this file. Hooks: data-plain, data-named on #loading (sentences), data-words (name of a tab),
   data-slow-after on <html> (milliseconds, for tests), data-polls and data-read-only (requests that need no notice),
   data-retry-region, data-countdown (seconds) with data-over, data-left with data-words, data-retry, data-platform,
   data-old. It sets data-awaiting, whose text the style sheet shows. */
(() => {
  "use strict";
  const AFTER = Number(document.documentElement.dataset.slowAfter || 2000);
  const GIVE_UP_AFTER = 60_000; // the navigation failed or became a download
  const live = document.getElementById("live");
  const page = document.getElementById("loading");

  /* Shows the notice in the region, or above the page when the region cannot hold it. Returns a function that removes it. */
  function startWait(element, region) {
    const isBlock = region?.matches("div:not(#dialog), section") && !region.closest("dialog, .listbox, table");
    const inside = isBlock && region.childElementCount;
    const place = inside ? region : page;
    let words;
    const timer = setTimeout(() => {
      const name = (element?.querySelector(".tabs a > [data-words]") || region?.querySelector("h2"))?.textContent.trim();
      words = name ? page.dataset.named.replace("%(what)s", name) : page.dataset.plain;
      live.textContent = place.dataset.awaiting = words;
    }, AFTER);
    return () => {
      clearTimeout(timer);
      delete place.dataset.awaiting;
      if (live.textContent === words) live.textContent = "";
    };
  }

  document.body.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const { elt, target, xhr } = detail;
    if (!elt.matches("[data-polls], [data-read-only]")) xhr.addEventListener("loadend", startWait(elt, target));
  });
  // The platform replies again, so the banner about it is out of date.
  document.body.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
    if (xhr.status < 200 || xhr.status >= 400 || xhr.responseText.includes("data-platform")) return;
    document.querySelectorAll("#platform-banner [data-platform]:not([data-old])").forEach((banner) => banner.remove());
  });

  // Another page is loading: this one shows the notice until then.
  window.navigation?.addEventListener("navigate", ({ destination, downloadRequest }) => {
    if (!destination.sameDocument && downloadRequest === null) setTimeout(startWait(), GIVE_UP_AFTER);
  });
  // Replaces the reply to a POST in the history by its address: Back then opens the form and does not submit it again.
  history.replaceState(history.state, "");

  /* Counts down, announces the end once, and shows the way to try again only then. */
  function countDown(place) {
    if (place.dataset.counting) return;
    place.dataset.counting = "yes";
    const retries = place.closest("[data-retry-region]")?.querySelectorAll("[data-retry]") || [];
    const end = Date.now() + place.dataset.countdown * 1000;
    const bar = place.querySelector("progress");
    const left = place.querySelector("[data-left]");
    retries.forEach((retry) => { retry.hidden = true; });
    const timer = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      bar.value = seconds;
      left.textContent = left.dataset.words.replace("%(n)s", seconds);
      if (seconds && place.isConnected) return;
      clearInterval(timer);
      if (!place.isConnected) return;
      live.textContent = place.textContent = place.dataset.over;
      retries.forEach((retry) => { retry.hidden = false; });
    }, 250);
  }
  document.body.addEventListener("htmx:load", ({ target }) => target.querySelectorAll("[data-countdown]").forEach(countDown));
})();
