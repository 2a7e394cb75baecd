// Presenter mode and its keys. P and ? work anywhere, the others in presenter mode only, and never while something that
// uses the key has the focus: a text field, slider, select, button or canvas.
(() => {
  "use strict";
  const { dialog, el, on } = playground;

  const KEYS = [
    ["1–9", "tabs"],
    ["← →", "step"],
    ["Space", "play"],
    ["A", "pin"],
    ["R", "reset"],
    ["N", "next"],
    ["F", "full screen"],
    ["?", "help"],
  ];
  // the tabs' own digits: the bar comes after this script
  const numbers = () => `1–${document.querySelectorAll(".stage-tablist [data-tab]").length || 9}`;
  const presenting = () => document.body.classList.contains("presenting");

  function present(wanted = !presenting()) {
    document.body.classList.toggle("presenting", wanted);
    if (!wanted && document.fullscreenElement) document.exitFullscreen();
    if (wanted && document.activeElement?.closest?.(".stage-bar")) document.activeElement.blur();
    legend.hidden = !wanted;
    legend.querySelector("kbd").textContent = numbers();
    window.dispatchEvent(new Event("resize"));
  }

  const leave = el("button", { type: "button", class: "quiet", onclick: () => present(false) }, el("kbd", {}, "P"), "leave");
  const legend = el("div", { id: "stage-legend", hidden: true }, ...KEYS.map(([key, what]) => el("span", {}, el("kbd", {}, key), what)), leave);
  document.body.append(legend);

  function help() {
    const rows = [
      ["P", "presenter mode: larger type, no chrome"],
      ["?", "this help"],
      ["Ctrl+Z, Ctrl+Shift+Z", "undo, redo"],
      [numbers(), "tabs"],
      ["← →", "step or scrub; without a run: the story"],
      ["Space", "play or stop"],
      ["A", "pin this as A, compare with it; again: unpin"],
      ["R", "reset (can be undone)"],
      ["N", "next story step, or reveal"],
      ["F", "full screen"],
      ["Esc", "close, leave"],
    ];
    const list = el("dl", {}, ...rows.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what))));
    dialog(
      "Keys and help",
      el("p", {}, "Everything drawn here is computed by the model named beside it, from the seed shown; what was recorded says so. Move a control, click a face, or follow a story."),
      list,
      el("p", { class: "muted" }, "From 1 on, the keys work in presenter mode, while no field, slider or list that uses them has the focus."),
    );
  }

  async function fullScreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen();
    } catch {
      playground.notice("Full screen is not allowed here.", { kind: "error" });
    }
  }

  // Whether the focused element has its own use for a key.
  function uses(node, key) {
    if (!node || node === document.body) return false;
    const arrows = /^(Arrow|Home|End|Page)/.test(key);
    const space = key === " " || key === "Enter";
    if (node.isContentEditable || node.matches("textarea, select, [role=textbox], [role=listbox], [role=combobox]")) return true;
    if (node.matches("input")) {
      if (node.type === "range") return arrows;
      if (node.type === "radio") return arrows || space;
      if (["checkbox", "button", "submit", "reset", "file", "color"].includes(node.type)) return space;
      return true;
    }
    if (node.closest("[role=menu], [role=tablist]")) return arrows || space;
    if (node.closest("button, a[href], summary")) return space;
    // canvases and other focusable pictures scrub, walk and play; some zoom
    if (node.closest("canvas, video, [role=slider], [role=grid], [role=application], [tabindex]")) return arrows || space || "+-".includes(key);
    return false;
  }

  // A widget that steps or plays handles the event on the tab's root and calls preventDefault.
  const offer = (name, detail) => !playground.current().root.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));

  function step(direction) {
    const { story } = playground.current();
    if (!offer("step", direction)) story?.[direction > 0 ? "next" : "previous"]();
  }

  // The part's own play or pause; without one a widget's.
  function play() {
    const store = playground.current();
    if (store.play) store.dispatch(store.play);
    else offer("play", null);
  }

  const ACTIONS = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    " ": play,
    a: () => playground.togglePin(),
    r: () => playground.current().reset(),
    n: () => playground.current().story?.next(),
    f: fullScreen,
  };

  function keydown(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return; // Escape closes it without us
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const store = playground.current();
    if (!store?.root || uses(document.activeElement, event.key)) return;
    let act = null;
    if (key === "p") act = () => present();
    else if (key === "?") act = help;
    else if (!presenting()) return;
    else if (key === "Escape") act = () => present(false);
    else if (/^[1-9]$/.test(key)) act = () => document.querySelectorAll(".stage-tablist [data-tab]")[Number(key) - 1]?.click();
    else act = ACTIONS[key];
    if (!act || (event.repeat && !key.startsWith("Arrow"))) return;
    event.preventDefault();
    act();
  }
  document.addEventListener("keydown", keydown);
  on("tab", () => window.scrollTo(0, 0));

  Object.assign(playground, { present, help });
})();
