/* What scripts add to a device's page. Everything works without this file. */
(() => {
  "use strict";
})();
