// The state as a link: written into the address bar, copied, and sent to the page around a Space.
(() => {
  "use strict";
  const { dialog, el, on } = playground;
  const SPACES = "https://huggingface.co";
  let timer = 0;
  let sent = "";

  // gradio's own parameters (__theme ...) stay in the address
  function full() {
    const store = playground.current();
    if (!store?.query) return location.search;
    const link = new URLSearchParams(store.query);
    for (const [name, value] of new URLSearchParams(location.search)) {
      if (name.startsWith("__")) link.set(name, name === "__theme" ? document.documentElement.dataset.theme : value);
    }
    return `?${link}`;
  }

  function onSpaces() {
    if (window.parent === window) return false;
    return location.ancestorOrigins ? location.ancestorOrigins.contains(SPACES) : location.hostname.endsWith(".hf.space");
  }

  function rewrite() {
    clearTimeout(timer);
    timer = 0;
    const query = full();
    if (query !== location.search) history.replaceState(history.state, "", location.pathname + query + location.hash);
    const own = playground.current()?.query ?? "";
    if (own !== sent && onSpaces()) window.parent.postMessage({ queryString: own.slice(1), hash: location.hash.slice(1) }, SPACES);
    sent = own;
  }

  // browsers limit how often an address may change; a settled state waits its turn
  const soon = () => (timer ||= setTimeout(rewrite, 250));
  on("arrived", (store) => store === playground.current() && soon());
  on("tab", soon);

  async function write(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      playground.notice(done);
    } catch {
      // no clipboard (plain http, or an iframe without clipboard-write): show it, selected
      const field = el("textarea", { readonly: true, rows: 4, "aria-label": "Text to copy" });
      field.value = text;
      dialog("Copy this", el("p", {}, "This browser does not let the page copy. Press Ctrl+C:"), field);
      field.focus();
      field.select();
    }
  }

  function copy() {
    const store = playground.current();
    if (!store?.query) return;
    const left = store.leftOut.length ? " What you uploaded, drew or changed on the way is left out: the link shows the nearest state that can travel." : "";
    write(location.origin + location.pathname + store.query, `Link copied.${left}`);
    if (left && document.getElementById("stage-dialog")) playground.notice(left.trim(), { kind: "warning" });
  }

  playground.link = { copy, write, rewrite };
})();
