// Numbers with their bars, what they mean, and a mark to compare with.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, clamp } = window.pgWidgets;

  function row() {
    const label = make("span", { class: "label" });
    const text = make("b", { class: "text" });
    const fill = make("span", { class: "fill" });
    const mark = make("span", { class: "mark" });
    const bar = make("div", { class: "bar", role: "meter", "aria-valuemin": 0 }, fill, mark);
    const meaning = make("span", { class: "meaning" });
    const against = make("span", { class: "against" });
    const node = make("div", { class: "item" }, make("div", { class: "row" }, label, text), bar, make("p", {}, meaning, against));
    return {
      node,
      paint(item) {
        const part = (number) => `${(100 * clamp(number / (item.max || 1), 0, 1)).toFixed(2)}%`;
        const marked = item.mark !== null && item.mark !== undefined;
        setText(label, item.label);
        setText(text, item.text ?? item.value);
        setVariable(fill, "width", part(item.value));
        mark.hidden = !marked;
        against.hidden = !marked || !item.mark_label;
        if (marked) setVariable(mark, "left", part(item.mark));
        setText(against, item.mark_label);
        setText(meaning, item.meaning);
        setAttribute(bar, "aria-label", item.label);
        setAttribute(bar, "aria-valuemax", item.max);
        setAttribute(bar, "aria-valuenow", clamp(item.value, 0, item.max));
        setAttribute(bar, "aria-valuetext", [item.text, marked && item.mark_label].filter(Boolean).join(", ") || null);
      },
    };
  }

  window.playground.define("meter", ({ root }) => {
    const box = make("div", { class: "pg-meters" });
    root.replaceChildren(box);
    const rows = [];
    return {
      paint(value) {
        const items = value?.items ?? [];
        while (rows.length > items.length) rows.pop().node.remove();
        while (rows.length < items.length) {
          rows.push(row());
          box.append(rows.at(-1).node);
        }
        items.forEach((item, i) => rows[i].paint(item));
      },
    };
  });
})();
