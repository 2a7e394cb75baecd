// Probabilities of words after one prompt or two: bars to the right of each word, or to both sides.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, painted, idOf, clamp } = window.pgWidgets;

  // Three digits or so, however small.
  function percent(share) {
    const number = 100 * share;
    if (number >= 9.95) return `${number.toFixed(0)} %`;
    if (number >= 0.095) return `${number.toFixed(1)} %`;
    if (number >= 0.00095) return `${Number(number.toPrecision(1))} %`;
    return number > 0 ? "< 0.001 %" : "0 %";
  }

  function row() {
    const side = (name) => make("div", { class: `side ${name}` }, make("b", {}), make("div", { class: "bar" }, make("span", {})));
    const [a, b] = [side("a"), side("b")];
    const word = make("span", { class: "word" });
    const text = make("span", { class: "text" });
    const node = make("li", {}, a, word, b, text);
    return {
      node,
      paint(item, max, alone) {
        setText(word, item.label);
        setText(text, item.text);
        text.hidden = !item.text;
        a.hidden = alone;
        setAttribute(node, "data-tone", alone ? item.tone : null);
        for (const [box, share] of alone ? [[b, item.b]] : [[a, item.a], [b, item.b]]) {
          setText(box.firstChild, percent(share));
          setVariable(box.lastChild.firstChild, "width", `${(100 * clamp(share / (max || 1), 0, 1)).toFixed(2)}%`);
        }
        const said = alone ? percent(item.b) : `${percent(item.a)} after the first, ${percent(item.b)} after the second`;
        setAttribute(node, "aria-label", `${item.label}: ${said}. ${item.text ?? ""}`);
      },
    };
  }

  window.playground.define("pair_bars", ({ root, props }) => {
    const [first, second] = [make("span", { class: "a" }), make("span", { class: "b" })];
    const list = make("ol", {});
    const [caption, source] = [make("span", {}), make("span", { class: "source" })];
    const figure = make("figure", { class: "pg-pair" }, make("div", { class: "heads" }, first, make("span", {}), second), list, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);
    const rows = [];
    return {
      paint(value) {
        const items = value?.rows ?? [];
        const alone = value?.a === null || value?.a === undefined;
        figure.classList.toggle("alone", alone);
        first.hidden = alone;
        setText(first, value?.a);
        setText(second, value?.b);
        setText(caption, value?.caption);
        setText(source, value?.source);
        while (rows.length > items.length) rows.pop().node.remove();
        while (rows.length < items.length) {
          rows.push(row());
          list.append(rows.at(-1).node);
        }
        items.forEach((item, i) => rows[i].paint(item, value.max, alone));
        painted(idOf(props));
      },
    };
  });
})();
