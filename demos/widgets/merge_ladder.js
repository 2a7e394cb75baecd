// Pieces of a word, row by row, each as wide as its bytes.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, painted, idOf } = window.pgWidgets;

  window.playground.define("merge_ladder", ({ root, props }) => {
    const list = make("ol", {});
    const [caption, source] = [make("span", {}), make("span", { class: "source" })];
    const figure = make("figure", { class: "pg-ladder" }, list, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);

    function grow(node, count, build) {
      while (node.children.length > count) node.lastChild.remove();
      while (node.children.length < count) node.append(build());
      return [...node.children];
    }

    return {
      paint(value) {
        const rows = value?.rows ?? [];
        setVariable(figure, "--rows", Math.max(1, rows.length));
        const build = () => make("li", {}, make("span", { class: "label" }), make("div", { class: "pieces" }), make("span", { class: "note" }));
        grow(list, rows.length, build).forEach((line, i) => {
          const { label, note, pieces } = rows[i];
          setText(line.firstChild, label);
          setText(line.lastChild, note);
          const total = pieces.reduce((sum, { size }) => sum + size, 0);
          setVariable(line.children[1], "--bytes", Math.max(1, total));
          grow(line.children[1], pieces.length, () => make("bdi", {})).forEach((box, k) => {
            setText(box, pieces[k].t);
            setVariable(box, "grid-column", `span ${pieces[k].size}`);
            box.classList.toggle("fresh", Boolean(pieces[k].fresh));
            box.classList.toggle("mark", Boolean(pieces[k].mark));
          });
          setAttribute(line, "aria-label", `${label}: ${pieces.map(({ t }) => t).join(", ")}. ${note ?? ""}`);
        });
        setText(caption, value?.caption);
        setText(source, value?.source);
        painted(idOf(props));
      },
    };
  });
})();
