// The plane on which D and G play. Python sends what is to be seen; the page keeps the moments it was shown, so that
// going back asks for no new computation, only for the game as it was.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit, button, painted, saveButton, guard, idOf, pointPen, arrow } = window.pgWidgets;
  const KEPT = 200; // moments; then every second one of them is forgotten

  window.playground.define("game_board", ({ root, props, emit, tab }) => {
    const id = idOf(props);
    const canvas = make("canvas", { role: "img" });
    const save = saveButton(() => canvas, id);
    const hint = make("div", { class: "hint", "aria-live": "polite" });
    const surface = make("div", { class: "surface" }, canvas, hint, save);
    const slider = make("input", { type: "range", class: "pg-range", id: `${id}-rewind`, min: 0, step: 1, "aria-label": "Go back in this game" });
    const now = make("output", { for: slider.id });
    const rewind = make("div", { class: "rewind" }, slider, now);
    const moves = make("div", { class: "moves" }, rewind);
    const legend = make("p", { class: "legend" });
    const caption = make("span", { class: "words" });
    const source = make("span", { class: "source" });
    const board = make("figure", { class: "pg-board" }, surface, moves, legend, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(board);
    const heat = make("canvas", {});

    let value = null;

    // ---- the picture

    // The theme's colours and the size of type, asked for once: while the page changes, every question costs a layout.
    let look = null;
    function looks() {
      if (look) return look;
      const style = getComputedStyle(board);
      const [made, real, halo, ink, muted] = ["--made", "--real", "--halo", "--pg-ink", "--pg-muted"].map((name) => style.getPropertyValue(name).trim());
      return (look = { made, real, halo, ink, muted, large: parseFloat(style.fontSize) > 20 });
    }

    function paintHeat() {
      const { side } = value;
      const bytes = atob(value.heat);
      const [made, real] = [looks().made, looks().real].map(rgb);
      if (heat.width !== side) [heat.width, heat.height] = [side, side];
      const image = new ImageData(side, side);
      for (let i = 0; i < side * side; i++) {
        const belief = (bytes.charCodeAt(i) - 128) / 127;
        const colour = belief > 0 ? real : made;
        const to = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side)); // y points up
        for (let c = 0; c < 3; c++) image.data[to + c] = colour[c];
        image.data[to + 3] = Math.round(158 * Math.min(1, Math.abs(belief)));
      }
      heat.getContext("2d").putImageData(image, 0, 0);
    }
    const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

    function draw() {
      if (!value) return;
      const { width, height } = canvas;
      const context = canvas.getContext("2d");
      const { made, real, halo, ink, muted, large } = looks();
      // in presenter mode, where type is doubled, points must be seen from the back row, too
      const unit = Math.max(width / 620, 0.62 * (window.devicePixelRatio || 1)) * (large ? 1.6 : 1);
      const size = width / (2 * value.reach);
      const x = (thousandths) => width / 2 + (thousandths / 1000) * size;
      const y = (thousandths) => height / 2 - (thousandths / 1000) * size;
      context.clearRect(0, 0, width, height);
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.drawImage(heat, 0, 0, width, height);

      const path = (places, from, step, count) => {
        for (let i = 0; i < count; i++) {
          const at = 2 * (from + i * step);
          context[i ? "lineTo" : "moveTo"](x(places[at]), y(places[at + 1]));
        }
      };
      const { columns, points } = value.lines;
      const rows = points.length / 2 / columns;
      context.globalAlpha = 0.5;
      context.strokeStyle = muted;
      context.lineWidth = (rows > 1 ? 0.9 : 2) * unit;
      context.beginPath();
      for (let row = 0; row < rows; row += 2) path(points, row * columns, 1, columns);
      if (rows > 1) for (let column = 0; column < columns; column += 2) path(points, column, columns, rows);
      context.stroke();
      context.globalAlpha = 1;

      const { centres, radius, round, covered } = value.modes;
      context.strokeStyle = ink;
      context.lineWidth = 1.6 * unit;
      context.setLineDash([5 * unit, 4 * unit]);
      covered.forEach((found, i) => {
        if (found) return;
        const r = Math.max(round ? 1.5 * radius : 0.92 * radius, 40) * (size / 1000);
        const [left, top] = [x(centres[2 * i]), y(centres[2 * i + 1])];
        context.beginPath();
        if (round) context.arc(left, top, r, 0, 2 * Math.PI);
        else context.rect(left - r, top - r, 2 * r, 2 * r);
        context.stroke();
      });
      context.setLineDash([]);

      // the halo keeps a point apart from a colour like its own
      const dots = (places, colour, shape) => {
        context.fillStyle = colour;
        context.strokeStyle = halo;
        context.lineWidth = 1.1 * unit;
        context.beginPath();
        for (let i = 0; i < places.length; i += 2) shape(x(places[i]), y(places[i + 1]));
        context.stroke();
        context.fill();
      };
      const circle = (r) => (left, top) => {
        context.moveTo(left + r, top);
        context.arc(left, top, r, 0, 2 * Math.PI);
      };
      const diamond = (r) => (left, top) => {
        context.moveTo(left, top - r);
        context.lineTo(left + r, top);
        context.lineTo(left, top + r);
        context.lineTo(left - r, top);
        context.closePath();
      };
      dots(pen.stroke()?.flatMap(([a, b]) => [1000 * a, 1000 * b]) ?? value.real, real, circle(2.9 * unit));
      dots(value.made, made, diamond(3.9 * unit));

      context.strokeStyle = ink;
      context.lineWidth = 1.3 * unit;
      context.beginPath();
      for (let i = 0; i < value.pushes.length; i += 2) {
        const [dx, dy] = [value.pushes[i] * (size / 1000), -value.pushes[i + 1] * (size / 1000)];
        if (Math.hypot(dx, dy) >= 2 * unit) arrow(context, x(value.made[i]), y(value.made[i + 1]), dx, dy, unit);
      }
      context.stroke();

      pen.cross(context, x, y, unit);
    }
    fit(canvas, draw);
    function relook() {
      look = null;
      if (value) paintHeat();
      draw();
    }
    new MutationObserver(relook).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    window.addEventListener("resize", relook); // presenter mode changes the size of type, not always that of the canvas

    // ---- the pen

    const pen = pointPen(canvas, { pen: () => value?.pen, reach: () => value.reach, emit, redraw: () => draw() });

    // ---- the past

    let moments = []; // {what, now}
    let run = null;
    let here = 0; // the moment that is shown
    const load = (k, live) => emit({ name: value.rewind.name, value: moments[k].what }, { live });

    const hand = guard(slider, {
      moved(k, byHand) {
        setVariable(slider, "--fill", ((100 * k) / Math.max(1, moments.length - 1)).toFixed(2));
        setText(now, moments[k]?.now);
        setAttribute(slider, "aria-valuetext", moments[k]?.now);
        if (byHand && moments[k]) load(k, true);
      },
      settled: (k) => moments[k] && load(k, false),
    });

    const same = (a, b) => value.rewind.params.every((name) => String(a[name]) === String(b[name]));

    function remember() {
      rewind.hidden = !value.rewind;
      const state = window.playground.tab(tab).state;
      if (!value.rewind || !state) return;
      const what = value.rewind.what ?? Object.fromEntries(value.rewind.params.map((name) => [name, state[name]]));
      if (run !== value.rewind.run) {
        [moments, run, here] = [[{ what: value.rewind.begin, now: value.rewind.begin_now }], value.rewind.run, 0];
      }
      const known = moments.findIndex((moment) => same(moment.what, what));
      if (known >= 0) here = known;
      else if (value.rewind.now === value.rewind.begin_now) [moments, here] = [[{ what, now: value.rewind.now }], 0];
      else if (!hand.held()) {
        moments.splice(here + 1, Infinity, { what, now: value.rewind.now });
        if (moments.length > KEPT) moments = moments.filter((_, i) => i % 2 === 0 || i === moments.length - 1);
        here = moments.length - 1;
      }
      setAttribute(slider, "max", Math.max(1, moments.length - 1));
      slider.disabled = moments.length < 2;
      hand.offer(here);
      if (!hand.held()) setText(now, value.rewind.now);
    }

    // a presenter's arrows: back to the moment before, and forward again or on
    window.playground.tab(tab).root?.addEventListener("step", (event) => {
      if (!board.offsetParent || !value?.rewind) return;
      const k = here + event.detail;
      if (k >= 0 && k < moments.length) load(k, false);
      else if (event.detail > 0 && value.buttons.length) emit({ name: value.buttons.at(-1).name, value: null });
      else return;
      event.preventDefault();
    });

    // ---- the words

    function paintButtons() {
      const known = [...moves.querySelectorAll("button")];
      const names = value.buttons.map((one) => one.name).join();
      if (moves.dataset.names === names) return;
      moves.dataset.names = names;
      known.forEach((node) => node.remove());
      rewind.before(
        ...value.buttons.map((one) => {
          const node = button({ words: one.label }, () => emit({ name: one.name, value: null }));
          setAttribute(node, "title", one.hint);
          setAttribute(node, "data-name", one.name);
          return node;
        }),
      );
    }

    function paintLegend() {
      const words = value.legend;
      const parts = [["scale", `${words.low} … ${words.high}`], ...["real", "made", "lines", "pushes"].map((name) => [name, words[name]])];
      while (legend.children.length < parts.length) legend.append(make("span", {}));
      parts.forEach(([name, text], i) => {
        const node = legend.children[i];
        setAttribute(node, "class", name);
        setText(node, text);
        node.hidden = !text;
      });
    }

    return {
      paint(next) {
        if (!next?.heat) return;
        value = next;
        board.classList.toggle("pen", Boolean(value.pen));
        setAttribute(canvas, "role", value.pen ? "application" : "img");
        setAttribute(canvas, "tabindex", value.pen ? "0" : null);
        setAttribute(canvas, "aria-label", value.pen ? `${value.alt} Arrow keys move the pen, space puts a point, backspace takes the last one away.` : value.alt);
        setText(hint, value.pen?.hint);
        hint.hidden = !value.pen?.hint;
        setText(caption, value.caption);
        setText(source, value.source);
        paintButtons();
        paintLegend();
        remember();
        paintHeat();
        draw();
        painted(id);
      },
    };
  });
})();
