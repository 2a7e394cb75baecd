// Numbers in rows and columns. A row's label or a cell that does something is a button; nodes are kept from paint to paint.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, clamp } = window.pgWidgets;

  // A cell of the table: its words, a bar, and a button around both where it can be pressed.
  function slot(tag, press) {
    const text = make("span", { class: "text" });
    const note = make("span", { class: "note" });
    const fill = make("span", {});
    const bar = make("span", { class: "bar", "aria-hidden": "true" }, fill);
    const inside = make("button", { type: "button", class: "press" });
    const plain = make("div", { class: "plain" });
    const node = make(tag, tag === "th" ? { scope: "row" } : {});
    let action = null;
    let box = null;
    inside.addEventListener("click", () => action && press(action));
    return {
      node,
      paint(item, name) {
        action = item.action ?? null;
        const wanted = action ? inside : plain;
        if (box !== wanted) {
          wanted.append(text, note, bar);
          node.replaceChildren(wanted);
          box = wanted;
        }
        setText(text, item.text);
        setText(note, item.note);
        note.hidden = !item.note;
        const measured = item.share !== null && item.share !== undefined;
        bar.hidden = !measured;
        setVariable(fill, "width", `${(100 * clamp(item.share ?? 0, 0, 1)).toFixed(1)}%`);
        setAttribute(inside, "aria-pressed", action ? String(Boolean(item.selected)) : null);
        setAttribute(inside, "aria-label", action && name ? name : null);
        node.classList.toggle("selected", Boolean(item.selected));
        node.classList.toggle("best", Boolean(item.best));
      },
    };
  }

  window.playground.define("table", ({ root, emit }) => {
    const corner = make("td", { class: "corner" });
    const heads = make("tr", {}, corner);
    const body = make("tbody", {});
    const caption = make("span", {});
    const source = make("span", {});
    const words = make("div", { class: "pg-caption" }, caption, source);
    const table = make("table", {}, make("thead", {}, heads), body);
    root.replaceChildren(make("div", { class: "pg-table" }, make("div", { class: "wide" }, table), words));
    const press = (action) => emit(action, { live: false });
    const rows = [];

    function row() {
      const label = slot("th", press);
      const node = make("tr", {}, label.node);
      const cells = [];
      return {
        node,
        paint(item, columns) {
          while (cells.length > item.cells.length) cells.pop().node.remove();
          while (cells.length < item.cells.length) {
            cells.push(slot("td", press));
            node.append(cells.at(-1).node);
          }
          label.paint({ text: item.label, note: item.note, action: item.action, selected: item.selected });
          item.cells.forEach((cell, i) => cells[i].paint(cell, `${item.label}, ${columns[i] ?? ""}: ${cell.text}`));
          node.classList.toggle("selected", Boolean(item.selected));
        },
      };
    }

    return {
      paint(value) {
        const { columns = [], rows: items = [] } = value ?? {};
        setText(corner, value?.corner);
        while (heads.children.length > columns.length + 1) heads.lastChild.remove();
        while (heads.children.length < columns.length + 1) heads.append(make("th", { scope: "col" }));
        columns.forEach((name, i) => setText(heads.children[i + 1], name));
        while (rows.length > items.length) rows.pop().node.remove();
        while (rows.length < items.length) {
          rows.push(row());
          body.append(rows.at(-1).node);
        }
        items.forEach((item, i) => rows[i].paint(item, columns));
        setText(caption, value?.caption);
        setText(source, value?.source);
        words.hidden = !value?.caption && !value?.source;
      },
    };
  });
})();
