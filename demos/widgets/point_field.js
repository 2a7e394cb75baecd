// Particles between noise and data. Python sends a whole run; the page plays it, scrubs it and fades its densities.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit, painted, timed, saveButton, guard, player, idOf, clamp, pointPen, arrow } = window.pgWidgets;

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const placesOf = (text) => new Int16Array(bytesOf(text).buffer);
  const arrowsOf = (text) => (text ? new Int8Array(bytesOf(text).buffer) : null);
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.trim().slice(i, i + 2), 16));
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  window.playground.define("point_field", ({ root, props, emit, tab }) => {
    const id = idOf(props);
    const canvas = make("canvas", { role: "img" });
    const hint = make("div", { class: "hint", "aria-live": "polite" });
    const surface = make("div", { class: "surface" }, canvas, hint, saveButton(() => canvas, id));
    const reel = player(root, {
      last: () => (value ? (value.sent.length < value.count ? 0 : value.count - 1) : -1),
      at: () => at,
      go: show,
      perSecond: () => (value.count - 1) / clamp(value.count / 12, 2.5, 6),
      tell: () => tell(false),
      whole: () => calm.matches, // where motion is unwelcome the particles jump from step to step instead of gliding
      stopped: () => show(Math.round(at)),
    });
    const range = make("input", { type: "range", class: "pg-range", id: `${id}-moment`, min: 0, step: 1, "aria-label": "Moment of the run" });
    const [left, now, right] = [make("span", {}), make("output", { for: range.id }), make("span", {})];
    const deck = make("div", { class: "deck" }, reel.button, make("div", { class: "track" }, range, make("div", { class: "ends" }, left, now, right)));
    const legend = make("p", { class: "legend" });
    const [caption, source] = [make("span", { class: "words" }), make("span", { class: "source" })];
    const figure = make("figure", { class: "pg-field" }, surface, deck, legend, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);

    let value = null;
    let dots, real, arrows, truth;
    let heats = []; // one canvas for each key
    let at = 0; // the moment shown; between two whole ones while it plays
    let wanted = false;

    // ---- what was sent

    function read() {
      dots = placesOf(value.dots);
      real = placesOf(value.real);
      arrows = arrowsOf(value.field?.arrows);
      truth = arrowsOf(value.field?.truth);
      tint();
    }
    // where the particles of moment i begin in `dots`, or -1
    const sent = (i) => {
      const place = value.sent.length === value.count ? i : value.sent.indexOf(i);
      return place < 0 ? -1 : (place * dots.length) / value.sent.length;
    };
    const known = (i) => value.sent.length === value.count || value.sent.includes(i);

    function tint() {
      heats = [];
      if (!value?.heat) return;
      const { side, bytes, colour, keys } = value.heat;
      const all = bytesOf(bytes);
      const tone = rgb(getComputedStyle(figure).getPropertyValue(`--${colour}`));
      heats = keys.map((_, k) => {
        const image = new ImageData(side, side);
        for (let i = 0; i < side * side; i++) {
          const to = 4 * ((side - 1 - Math.floor(i / side)) * side + (i % side)); // y points up
          for (let c = 0; c < 3; c++) image.data[to + c] = tone[c];
          image.data[to + 3] = Math.round(0.72 * all[k * side * side + i]);
        }
        const sheet = make("canvas", { width: side, height: side });
        sheet.getContext("2d").putImageData(image, 0, 0);
        return sheet;
      });
    }

    // ---- the picture

    function draw() {
      if (!value || !canvas.width) return;
      const began = performance.now();
      const { width, height } = canvas;
      const pen = canvas.getContext("2d");
      const style = getComputedStyle(figure);
      const [made, data, halo, ink, muted, panel] = ["--made", "--real", "--halo", "--pg-ink", "--pg-muted", "--pg-panel"].map((name) => style.getPropertyValue(name).trim());
      // in presenter mode, where type is doubled, points must be seen from the back row, too
      const unit = Math.max(width / 620, 0.62 * (window.devicePixelRatio || 1)) * (parseFloat(style.fontSize) > 20 ? 1.6 : 1);
      const size = width / (2 * value.reach);
      const x = (thousandths) => width / 2 + (thousandths / 1000) * size;
      const y = (thousandths) => height / 2 - (thousandths / 1000) * size;
      pen.fillStyle = panel; // a downloaded picture has its ground
      pen.fillRect(0, 0, width, height);

      if (heats.length) {
        pen.imageSmoothingQuality = "high";
        const { keys } = value.heat;
        const after = keys.findIndex((key) => key >= at);
        const k = after < 0 ? keys.length - 1 : after;
        const share = k > 0 && keys[k] > at ? (keys[k] - at) / (keys[k] - keys[k - 1]) : 0;
        for (const [one, part] of [[k, 1 - share], [k - 1, share]]) {
          if (!part) continue;
          pen.globalAlpha = part;
          pen.drawImage(heats[one], 0, 0, width, height);
        }
        pen.globalAlpha = 1;
      }

      // the halo keeps a point apart from a colour like its own
      const spots = (count, placeOf, radius, colour, edge = unit) => {
        pen.fillStyle = colour;
        pen.strokeStyle = halo;
        pen.lineWidth = edge;
        pen.beginPath();
        for (let i = 0; i < count; i++) {
          const [a, b] = placeOf(i);
          pen.moveTo(a + radius, b);
          pen.arc(a, b, radius, 0, 2 * Math.PI);
        }
        if (edge) pen.stroke();
        pen.fill();
      };
      pen.globalAlpha = 0.5;
      const stroke = brush.stroke();
      if (stroke) spots(stroke.length, (i) => [x(1000 * stroke[i][0]), y(1000 * stroke[i][1])], 2.6 * unit, data, 0);
      else spots(real.length / 2, (i) => [x(real[2 * i]), y(real[2 * i + 1])], 2.2 * unit, data, 0);
      pen.globalAlpha = 1;

      const whole = clamp(Math.floor(at), 0, value.count - 1);
      const from = sent(whole);
      if (from < 0) return; // what was asked for is on its way; the moment before it stays words only
      const part = at - whole;
      const to = part > 0 ? sent(whole + 1) : from;
      const count = dots.length / 2 / value.sent.length;
      const where = (i) => [0, 1].map((c) => (1 - part) * dots[from + 2 * i + c] + part * dots[to + 2 * i + c]);

      if (value.sent.length === value.count) {
        pen.strokeStyle = ink;
        pen.lineWidth = 1.3 * unit;
        pen.globalAlpha = 0.75;
        pen.beginPath();
        for (let i = 0; i < value.trails; i++) {
          for (let k = 0; k <= whole; k++) pen[k ? "lineTo" : "moveTo"](x(dots[2 * (k * count + i)]), y(dots[2 * (k * count + i) + 1]));
          const [a, b] = where(i);
          pen.lineTo(x(a), y(b));
        }
        pen.stroke();
        pen.globalAlpha = 1;
      }

      const place = (i) => where(i).map((part, c) => (c ? y(part) : x(part)));
      const own = value.colour === "real" ? data : made;
      spots(count, place, 3.1 * unit, own);
      if (value.sent.length === value.count) {
        // the followed ones wear a ring
        pen.strokeStyle = ink;
        pen.lineWidth = 1.5 * unit;
        pen.beginPath();
        for (let i = 0; i < value.trails; i++) {
          const [a, b] = place(i);
          pen.moveTo(a + 5 * unit, b);
          pen.arc(a, b, 5 * unit, 0, 2 * Math.PI);
        }
        pen.stroke();
      }

      if (arrows) {
        const { side } = value.field;
        const near = value.sent.length === value.count ? Math.round(at) : 0;
        const cell = width / side;
        for (const [field, colour, thick] of [[truth, data, 2.6], [arrows, ink, 1.3]]) {
          if (!field) continue;
          pen.strokeStyle = colour;
          pen.lineWidth = thick * unit;
          pen.beginPath();
          for (let i = 0; i < side * side; i++) {
            const place = 2 * (near * side * side + i);
            const [dx, dy] = [(field[place] / 127) * cell, (-field[place + 1] / 127) * cell];
            const [a, b] = [((i % side) + 0.5) * cell - dx / 2, height - (Math.floor(i / side) + 0.5) * cell - dy / 2];
            if (Math.hypot(dx, dy) >= 1.5 * unit) arrow(pen, a, b, dx, dy, unit);
          }
          pen.stroke();
        }
      }

      pen.strokeStyle = ink;
      brush.cross(pen, x, y, unit);
      painted(id);
      timed(id, performance.now() - began);
    }
    function redraw() {
      if (wanted) return;
      wanted = true;
      requestAnimationFrame(() => {
        wanted = false;
        draw();
      });
    }
    fit(canvas, draw);
    // the colours are the theme's
    new MutationObserver(() => {
      tint();
      draw();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

    // ---- the run

    function words() {
      const text = value.captions[Math.round(at)];
      setText(now, text);
      setAttribute(range, "aria-valuetext", text);
      setVariable(range, "--fill", ((100 * at) / Math.max(1, value.count - 1)).toFixed(2));
    }
    function show(moment) {
      at = clamp(moment, 0, value.count - 1);
      const whole = Math.round(at);
      if (Number(range.value) !== whole) range.value = whole;
      words();
      redraw();
      root.closest(".stage-tab")?.dispatchEvent(new CustomEvent("strip-index", { detail: { name: props.name, index: whole } }));
    }
    function tell(live) {
      if (!live) hand.expect(Math.round(at));
      emit({ name: value.scrub, value: Math.round(at) }, { live });
    }
    const hand = guard(range, {
      moved(moment, byHand) {
        if (!value) return;
        if (byHand) reel.stop(false);
        show(moment);
        if (byHand && !known(moment)) tell(true);
      },
      settled: () => tell(false),
    });

    // ---- the pen

    const brush = pointPen(canvas, { pen: () => value?.pen, reach: () => value.reach, emit, redraw, begun: () => reel.stop(false) });

    // ---- the words

    function paintLegend() {
      const parts = ["dots", "real", "arrows", "truth", "heat"];
      while (legend.children.length < parts.length) legend.append(make("span", {}));
      parts.forEach((name, i) => {
        const node = legend.children[i];
        const colour = name === "dots" ? value.colour : name === "heat" ? value.heat?.colour : "";
        setAttribute(node, "class", `${name} ${colour ?? ""}`.trim());
        setText(node, value.legend[name]);
        node.hidden = !value.legend[name];
      });
    }

    return {
      paint(next) {
        if (!next?.dots) return;
        value = next;
        read();
        figure.classList.toggle("pen", Boolean(value.pen));
        setAttribute(canvas, "role", value.pen ? "application" : "img");
        setAttribute(canvas, "tabindex", value.pen ? "0" : null);
        setAttribute(canvas, "aria-label", value.pen ? `${value.alt} Arrow keys move the pen, space puts a point, backspace takes the last one away.` : value.alt);
        setText(hint, value.pen?.hint);
        hint.hidden = !value.pen?.hint;
        setText(left, value.left);
        setText(right, value.right);
        setText(caption, value.caption);
        setText(source, value.source);
        setAttribute(range, "max", Math.max(1, value.count - 1));
        reel.button.disabled = value.sent.length < value.count;
        if (reel.button.disabled) reel.stop(false);
        paintLegend();
        if (!reel.playing()) hand.offer(value.index);
        at = clamp(at, 0, value.count - 1);
        words();
        redraw();
      },
    };
  });
})();
