// Layers downwards, their most probable tokens across; colour is probability.
(() => {
  "use strict";
  const { make, setText, setVariable, painted, idOf } = window.pgWidgets;
  const DEEPEST = 46; // percent of the tab's colour behind a certain token: words on it stay readable

  window.playground.define("layer_table", ({ root, props }) => {
    const head = make("tr", {});
    const body = make("tbody", {});
    const [caption, source] = [make("span", {}), make("span", { class: "source" })];
    const table = make("table", {}, make("thead", {}, head), body);
    const figure = make("figure", { class: "pg-layers" }, make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The guess of every layer" }, table), make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);

    function fill(node, count, tag) {
      while (node.children.length > count) node.lastChild.remove();
      while (node.children.length < count) node.append(make(tag, {}));
      return [...node.children];
    }

    return {
      paint(value) {
        if (!value) return;
        setVariable(figure, "--rows", value.rows.length + 1);
        fill(head, value.head.length, "th").forEach((cell, i) => setText(cell, value.head[i]));
        fill(body, value.rows.length, "tr").forEach((line, i) => {
          const { label, cells, lead } = value.rows[i];
          line.classList.toggle("lead", Boolean(lead));
          fill(line, cells.length + 1, "td").forEach((cell, k) => {
            if (k === 0) return setText(cell, label);
            const { t, p, answer } = cells[k - 1];
            if (cell.children.length !== 2) cell.replaceChildren(make("b", {}), make("span", {}));
            setText(cell.firstChild, t);
            setText(cell.lastChild, p < 0.0005 ? "0 %" : p < 0.0995 ? `${(100 * p).toFixed(1)} %` : `${(100 * p).toFixed(0)} %`);
            cell.classList.toggle("answer", Boolean(answer));
            setVariable(cell, "--deep", `${(DEEPEST * p ** 0.6).toFixed(1)}%`);
          });
        });
        setText(caption, value.caption);
        setText(source, value.source);
        painted(idOf(props));
      },
    };
  });
})();
