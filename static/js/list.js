/* What scripts add to the lists. Everything works without this file. */
(() => {
  "use strict";
})();
