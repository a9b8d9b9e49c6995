/* Before anything else runs: where a browser is too old to watch sizes, the theme would fetch what is
   missing from another server. Nothing here may ask anybody else, so it gets one that watches nothing. */
if (!("ResizeObserver" in window)) {
  window.ResizeObserver = function () {};
  window.ResizeObserver.prototype = {
    observe: function () {}, unobserve: function () {}, disconnect: function () {}
  };
}
