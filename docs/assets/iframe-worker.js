/* The search of a site that is opened from a disk: a browser starts no worker there, so the worker's
   script runs in a hidden frame. The theme looks for this name in the frame's parent. */
window.IFrameWorker = function (address) {
  var self = this, waiting = [], frame = document.createElement("iframe");
  self.listeners = [];
  frame.hidden = true;
  frame.title = "";
  document.body.appendChild(frame);
  var inside = frame.contentWindow, page = inside.document;
  page.open();
  page.write("<!doctype html><html><body></body></html>");
  page.close();
  inside.postMessage = function (data) {
    self.listeners.forEach(function (listener) { listener(new MessageEvent("message", { data: data })); });
  };
  inside.importScripts = function () {
    return Array.prototype.reduce.call(arguments, function (before, each) {
      return before.then(function () { return load(each); });
    }, Promise.resolve());
  };
  function load(each) {
    return new Promise(function (done, failed) {
      var script = page.createElement("script");
      script.src = each;
      script.onload = done;
      script.onerror = failed;
      page.body.appendChild(script);
    });
  }
  load(address).then(function () {
    self.tell = function (data) { inside.dispatchEvent(new MessageEvent("message", { data: data })); };
    waiting.forEach(self.tell);
  });
  self.tell = function (data) { waiting.push(data); };
};
window.IFrameWorker.prototype = {
  addEventListener: function (kind, listener) { if (kind === "message") { this.listeners.push(listener); } },
  removeEventListener: function (kind, listener) {
    this.listeners = this.listeners.filter(function (each) { return each !== listener; });
  },
  postMessage: function (data) { this.tell(data); },
  terminate: function () {}
};
if (location.protocol === "file:") { window.Worker = window.IFrameWorker; }
