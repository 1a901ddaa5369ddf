/* What a person sees while a panel or a page takes long. Everything works without this file. */
(() => {
  "use strict";
})();
