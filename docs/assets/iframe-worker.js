// A worker in a frame, for pages that are opened as files: browsers start no worker from a file, and search runs in one.
// It has the interface of the Worker that the theme's search asks for, under the name by which the search knows it.
if (location.protocol === "file:") {
  const script = (source) => `<script src="${source}"><\/script>`;
  const inside = `
    postMessage = (data) => parent.postMessage(data, "*");
    importScripts = (...sources) => sources.reduce((before, source) => before.then(() => new Promise((done, failed) => {
      const element = Object.assign(document.createElement("script"), { src: source, onload: done, onerror: failed });
      document.body.appendChild(element);
    })), Promise.resolve());`;
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = Object.assign(document.createElement("iframe"), { hidden: true });
      document.body.appendChild(this.frame);
      const page = this.frame.contentDocument;
      page.open();
      page.write(`<html><body><script>${inside}<\/script>${script(new URL(url, document.baseURI))}</body></html>`);
      page.close();
      this.ready = new Promise((done) => this.frame.contentWindow.addEventListener("load", done));
      this.listen = (message) => {
        if (message.source !== this.frame.contentWindow) return;
        const event = new MessageEvent("message", { data: message.data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      addEventListener("message", this.listen);
    }
    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {
      removeEventListener("message", this.listen);
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
