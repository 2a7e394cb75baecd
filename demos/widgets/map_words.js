// The words of a map: the card beside the hand, and the legend under the canvas.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, decode, clamp, mapPoints } = window.pgWidgets;
  const APART = 18; // CSS pixels between the hand and its card
  const SIDE = 112; // pixels of its picture

  // follow(held, look): the enlarged thumbnail of the point under the hand, at once; tell(card): what Python says.
  window.pgWidgets.mapCard = () => {
    const face = make("canvas", { width: SIDE, height: SIDE });
    const title = make("b", {});
    const list = make("span", {});
    const node = make("div", { class: "card silent", hidden: "", "aria-live": "polite" }, face, make("div", {}, title, list));
    let shown = -1;
    let known = null;

    let spot = null; // where it stands: the point's pixels and the canvas's size, in CSS pixels
    let size = null; // its own; asked for only when its words have changed

    function words() {
      const fits = known && known.point === shown;
      const silent = node.classList.contains("silent");
      if (!fits && silent) return;
      setText(title, fits ? known.title : "");
      setText(list, fits ? (known.words ?? []).join(" · ") : "");
      node.classList.toggle("silent", !fits);
      size = null;
    }
    function stand() {
      if (node.hidden || !spot) return;
      size ??= [node.offsetWidth, node.offsetHeight];
      const { x, y, wide, tall } = spot;
      const left = x + APART + size[0] > wide ? x - APART - size[0] : x + APART;
      const top = clamp(y - size[1] / 2, 4, Math.max(4, tall - size[1] - 4));
      node.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
    }
    function draw(picture) {
      const pen = face.getContext("2d");
      pen.clearRect(0, 0, SIDE, SIDE);
      pen.imageSmoothingQuality = "high";
      return picture(pen);
    }
    return {
      node,
      follow(held, { field, thumbs, screen, unit, size: { wide, tall } }) {
        shown = held?.point ?? -1;
        if (node.hidden !== shown < 0) [node.hidden, size] = [shown < 0, null];
        if (node.hidden) return;
        face.hidden = !draw((pen) => window.pgWidgets.mapThumb(pen, thumbs, field.ids[shown], 0, 0, SIDE));
        words();
        spot = { x: screen[3 * shown] / unit, y: screen[3 * shown + 1] / unit, wide, tall };
        stand();
      },
      tell(card) {
        if (card === known) return;
        known = card ?? null;
        words();
        stand();
        if (!known?.image || known.point !== shown) return;
        decode(known.image).then((image) => {
          if (known.point !== shown) return;
          face.hidden = false;
          draw((pen) => pen.drawImage(image, 0, 0, SIDE, SIDE));
        });
      },
    };
  };

  // Classes that a click hides and shows, or a scale. changed(off): the classes that are hidden now.
  window.pgWidgets.mapLegend = (changed) => {
    const label = make("span", { class: "of" });
    const list = make("span", { class: "classes", role: "group" });
    const scale = make("span", { class: "scale" }, make("span", {}), make("i", {}), make("span", {}));
    const node = make("div", { class: "legend", hidden: "" }, label, list, scale);
    let value = null;
    let shape = "";

    function press(k) {
      const off = new Set(value.off ?? []);
      if (!off.delete(k)) off.add(k);
      changed([...off].sort((a, b) => a - b));
      paint({ ...value, off: [...off] });
    }
    function paint(next) {
      value = next ?? null;
      node.hidden = !value;
      if (!value) return;
      setText(label, value.label);
      const classes = value.kind === "classes";
      list.hidden = !classes;
      scale.hidden = classes;
      if (!classes) {
        setText(scale.firstChild, value.low);
        setText(scale.lastChild, value.high);
        const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${mapPoints.scaleColour(share).join(" ")})`);
        scale.children[1].style.background = `linear-gradient(90deg, ${steps.join(", ")})`;
        return;
      }
      setAttribute(list, "aria-label", `${value.label}: shown`);
      const wanted = JSON.stringify(value.names);
      if (wanted !== shape) {
        shape = wanted;
        list.replaceChildren(
          ...value.names.map((name, k) => {
            const one = make("button", { type: "button", class: "class" }, make("i", {}), make("span", { text: name }));
            one.addEventListener("click", () => press(k));
            return one;
          }),
        );
      }
      [...list.children].forEach((one, k) => {
        setVariable(one, "--tint", mapPoints.classColour(k, value.palette));
        setAttribute(one, "aria-pressed", String(!(value.off ?? []).includes(k)));
      });
    }
    return { node, paint };
  };
})();
