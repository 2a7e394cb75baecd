// The top bar: title, tabs, the app-wide choices and tools. Also menus and dialogs, which other files use.
(() => {
  "use strict";
  const { el, on } = playground;

  const PATHS = {
    undo: "M8 5 4 9l4 4M4 9h8a4 4 0 0 1 0 8h-2",
    redo: "M12 5l4 4-4 4M16 9H8a4 4 0 0 0 0 8h2",
    pin: "M7 3h6l-1 6 3 3H5l3-3zM10 12v5",
    link: "M8.500 11.500a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-1 1M11.500 8.500a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l1-1",
    save: "M10 3v9m0 0 4-4m-4 4-4-4M4 16h12",
    sun: "M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
    present: "M3 4h14v9H3zM10 13v3M6.500 17h7",
    info: "M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM10 9v5M10 6.200v.1",
    down: "M5.500 8l4.500 4.500L14.500 8",
  };

  function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const path = document.createElementNS(space, "path");
    for (const [key, value] of [["viewBox", "0 0 20 20"], ["aria-hidden", "true"], ["class", "stage-icon"]]) svg.setAttribute(key, value);
    path.setAttribute("d", PATHS[name]);
    svg.append(path);
    return svg;
  }

  function button(symbol, words, act, { label = words, title = null } = {}) {
    const inside = [symbol && icon(symbol), words && el("span", { class: "words" }, words)];
    return el("button", { type: "button", class: "stage-button", "aria-label": label, title: title ?? label, onclick: act }, ...inside);
  }

  // A button that opens a list. items() -> [{label, act, disabled, title}] is asked whenever it opens.
  function menu(opener, items) {
    const list = el("div", { class: "stage-menu", role: "menu", hidden: true });
    const box = el("div", { class: "stage-menu-box" }, opener, list);
    opener.setAttribute("aria-haspopup", "menu");
    opener.setAttribute("aria-expanded", "false");
    const close = (focus) => {
      list.hidden = true;
      opener.setAttribute("aria-expanded", "false");
      if (focus) opener.focus();
    };
    const open = () => {
      list.replaceChildren(
        ...items().map(({ label, act, disabled, title, checked }) => {
          const run = () => {
            close(true);
            act();
          };
          const role = checked === undefined ? "menuitem" : "menuitemradio";
          const attributes = { type: "button", role, disabled, title, "aria-checked": checked === undefined ? null : String(checked), onclick: run };
          return el("button", attributes, label);
        }),
      );
      list.hidden = false;
      opener.setAttribute("aria-expanded", "true");
      list.querySelector("button:enabled")?.focus();
    };
    opener.addEventListener("click", () => (list.hidden ? open() : close(true)));
    box.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !box.contains(event.relatedTarget)) close(false);
    });
    document.addEventListener("pointerdown", (event) => !box.contains(event.target) && close(false));
    list.addEventListener("keydown", (event) => {
      const enabled = [...list.querySelectorAll("button:enabled")];
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") close(true);
      else if (move) enabled.at((enabled.indexOf(document.activeElement) + move) % enabled.length).focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return box;
  }

  // The one dialog of the page. lines: nodes or words; returns the dialog.
  function dialog(title, ...lines) {
    document.getElementById("stage-dialog")?.remove();
    const heading = el("h2", { id: "stage-dialog-title" }, title);
    const close = el("button", { type: "button", class: "stage-close", "aria-label": "Close" }, "×");
    const box = el("dialog", { id: "stage-dialog", "aria-labelledby": "stage-dialog-title" }, el("header", {}, heading, close), ...lines);
    close.addEventListener("click", () => box.close());
    box.addEventListener("click", (event) => event.target === box && box.close());
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
    return box;
  }

  // ---- light and dark

  const root = document.documentElement;
  const known = (theme) => (["dark", "light"].includes(theme) ? theme : null);
  function remembered() {
    try {
      return localStorage.getItem("playground-theme");
    } catch {
      return null; // storage is closed to embedded pages in some browsers
    }
  }
  function setTheme(theme) {
    root.dataset.theme = theme;
    document.body?.classList.toggle("dark", theme === "dark");
  }
  const asked = known(new URLSearchParams(location.search).get("__theme"));
  setTheme(asked ?? known(remembered()) ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark"));
  // gradio sets its own class while it starts; ours decides
  new MutationObserver(() => {
    if (document.body.classList.contains("dark") !== (root.dataset.theme === "dark")) setTheme(root.dataset.theme);
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });

  function switchTheme() {
    setTheme(root.dataset.theme === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("playground-theme", root.dataset.theme);
    } catch {
      // not remembered then
    }
    playground.link.rewrite();
  }

  // ---- the bar

  playground.define("bar", ({ root: host, props }) => {
    const store = () => playground.current();
    const tabs = props.tabs.map(({ name, label, dark, light }, place) => {
      const number = el("span", { class: "number", "aria-hidden": "true" }, String(place + 1));
      const attributes = { type: "button", role: "tab", "data-tab": name, "aria-controls": `tab-${name}`, onclick: () => playground.select(name) };
      const node = el("button", attributes, number, label);
      node.style.setProperty("--accent-dark", dark);
      node.style.setProperty("--accent-light", light);
      return node;
    });
    const list = el("div", { class: "stage-tablist", role: "tablist", "aria-label": "Families of models" }, ...tabs);
    list.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      const next = tabs[(tabs.indexOf(document.activeElement) + move + tabs.length) % tabs.length];
      next.focus();
      next.click();
    });

    const data = ["portraits", "toons"].map((name) => {
      const words = name[0].toUpperCase() + name.slice(1);
      return el("button", { type: "button", "data-value": name, onclick: () => store().dispatch({ name: "data", value: name }) }, words);
    });
    const undo = button("undo", null, () => store().undo(), { label: "Undo", title: "Undo (Ctrl+Z)" });
    const redo = button("redo", null, () => store().redo(), { label: "Redo", title: "Redo (Ctrl+Shift+Z)" });
    const pin = button("pin", "Pin A", () => playground.togglePin(), { title: "Keep this as A and compare with it" });
    const copy = button("link", "Copy link", () => playground.link.copy());
    const save = menu(button("save", "Export", () => {}), () => playground.exports(props.tabs));
    const theme = button("sun", null, switchTheme, { label: "Light or dark" });
    const present = button("present", "Present", () => playground.present(), { title: "Presenter mode (P)" });
    const help = button(null, "?", () => playground.help(), { label: "Help", title: "Keys and help (?)" });
    help.classList.add("always");

    host.append(
      el(
        "header",
        { class: "stage-bar" },
        el("h1", {}, props.title),
        list,
        el(
          "div",
          { class: "stage-tools" },
          el("div", { class: "stage-switch", role: "group", "aria-label": "Pictures the models learnt from" }, ...data),
          el("div", { class: "stage-pair" }, undo, redo),
          pin,
          copy,
          save,
          theme,
          present,
          help,
        ),
      ),
    );

    function refresh() {
      const now = store();
      if (!now) return;
      for (const node of tabs) {
        const chosen = node.dataset.tab === now.name;
        const before = node.getAttribute("aria-selected");
        node.setAttribute("aria-selected", String(chosen));
        node.tabIndex = chosen ? 0 : -1;
        // narrow windows: the row scrolls by itself, never the page; asking where a tab stands costs a layout
        if (chosen && before !== "true") list.scrollLeft = node.offsetLeft - (list.clientWidth - node.offsetWidth) / 2;
      }
      for (const node of data) node.setAttribute("aria-pressed", String(now.state?.data === node.dataset.value));
      undo.disabled = !now.canUndo;
      redo.disabled = !now.canRedo;
      pin.hidden = now.props.compares === false;
      const pinned = Boolean(now.state?.pin);
      pin.setAttribute("aria-pressed", String(pinned));
      const words = pin.querySelector(".words");
      if (words.textContent !== (pinned ? "Unpin A" : "Pin A")) words.textContent = pinned ? "Unpin A" : "Pin A";
      pin.setAttribute("aria-label", pinned ? "Unpin A" : "Pin A");
    }
    on("change", refresh);
    on("settled", refresh);
    on("tab", (now) => {
      refresh();
      const { dark, light } = props.tabs.find((one) => one.name === now.name);
      document.body.style.setProperty("--accent-dark", dark);
      document.body.style.setProperty("--accent-light", light);
    });
    playground.start(props.tabs.map((one) => one.name));
    refresh();
  });

  playground.togglePin = () => {
    const store = playground.current();
    if (!store.state || store.props.compares === false) return;
    if (store.state.pin) return store.unpin();
    if (store.leftOut.length) playground.notice("A is pinned as its link can carry it: without what you uploaded or drew.", { kind: "warning" });
    store.pin();
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea, [contenteditable], input:not([type=range], [type=checkbox], [type=radio], [type=button])");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z" || typing) return;
    event.preventDefault();
    if (event.shiftKey) playground.current()?.redo();
    else playground.current()?.undo();
  });

  Object.assign(playground, { icon, menu, dialog, button });
})();
