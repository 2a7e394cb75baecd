// A pinned state beside the live one, and where they differ.
(() => {
  "use strict";
  const { define, el } = playground;

  define("compare", ({ root, tab }) => {
    const store = playground.tab(tab);
    const pane = (title, alt) => {
      const picture = el("img", { alt });
      return { picture, figure: el("figure", {}, picture, el("figcaption", {}, title)) };
    };
    const a = pane("A, pinned", "A, the pinned picture");
    const b = pane("B, now", "B, the picture as it is now");
    const difference = pane("|A − B|", "The difference of A and B");
    const text = el("p");
    const back = el("button", { type: "button", class: "stage-button", onclick: () => store.restore({ query: store.state.pin }) }, "Back to A");
    const unpin = el("button", { type: "button", class: "stage-button", onclick: () => store.unpin() }, "Unpin");
    const panes = el("div", { class: "panes" }, a.figure, b.figure, difference.figure);
    root.append(el("div", { class: "stage-compare" }, panes, el("div", { class: "links" }, text, back, unpin)));

    return {
      paint(value) {
        for (const [one, uri] of [[a, value.a], [b, value.b], [difference, value.difference]]) {
          one.figure.hidden = !uri;
          if (uri) one.picture.src = uri;
        }
        text.textContent = value.text;
      },
    };
  });
})();
