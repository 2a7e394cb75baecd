// Lines over a common axis. The marker follows a strip of frames without asking Python.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit, painted, timed, saveButton, idOf, clamp } = window.pgWidgets;
  // the tab's own colour first; of the others the one that equals it is passed over
  const COLOURS = ["--pg-accent", "--pg-blue", "--pg-orange", "--pg-purple", "--pg-green", "--pg-ink"];
  const LATER = 0.32; // how strongly the lines are drawn beyond the marker

  const minus = (text) => text.replace("-", "−");

  // A number as an axis shows it: 1.5 M, 200 k, 0.25; `step` tells how many decimals the axis needs.
  function tick(value, step) {
    const [unit, word] = Math.abs(value) >= 1e6 ? [1e6, " M"] : Math.abs(value) >= 1e4 ? [1e3, " k"] : [1, ""];
    const decimals = clamp(Math.ceil(-Math.log10(step / unit) - 1e-9), 0, 6);
    return minus(Number((value / unit).toFixed(decimals)).toString()) + (value ? word : "");
  }

  // A number as the legend shows it: three digits or so; `whole` for series that only count.
  function reading(value, whole = false) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (whole && size < 1e4) return minus(String(value));
    if (size >= 1e4) return tick(value, size / 100);
    if (size > 0 && size < 0.0995) return minus(value.toPrecision(2));
    return minus(value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0));
  }

  const STEPS = [1, 2, 5, 10];
  function even(low, high, count) {
    const raw = (high - low) / Math.max(1, count);
    const ten = 10 ** Math.floor(Math.log10(raw));
    return ten * STEPS.find((step) => step * ten >= raw * 0.999);
  }

  function between(low, high, step) {
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
  }

  // The y axis: where it begins and ends, its ticks, and how a value becomes a fraction of the height.
  function axis(values, log, count) {
    if (log) {
      let [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
      const room = Math.max(0.04 * (high - low), 0.05);
      [low, high] = [low - room, high + room];
      let ticks = between(low, high, Math.ceil((high - low) / Math.max(1, count))).map((power) => 10 ** power);
      if (ticks.length < 2) {
        const decades = between(Math.floor(low), Math.ceil(high), 1).map((power) => 10 ** power);
        const all = decades.flatMap((ten) => [ten, 2 * ten, 5 * ten]);
        ticks = all.filter((number) => Math.log10(number) >= low && Math.log10(number) <= high);
      }
      return { ticks, words: (value) => tick(value, value), share: (value) => (Math.log10(value) - low) / (high - low) };
    }
    let [low, high] = [Math.min(...values), Math.max(...values)];
    if (low > 0 && low < 0.4 * high) low = 0;
    if (high < 0 && high > 0.4 * low) high = 0;
    if (high - low < 1e-9 * Math.max(1, Math.abs(high))) [low, high] = [low - (Math.abs(low) / 10 || 1), high + (Math.abs(high) / 10 || 1)];
    const step = even(low, high, count);
    [low, high] = [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
    return { ticks: between(low, high, step), words: (value) => tick(value, step), share: (value) => (value - low) / (high - low) };
  }

  window.playground.define("curves", ({ root, props }) => {
    const id = idOf(props);
    const title = make("div", { class: "title" });
    const legend = make("div", { class: "legend" });
    const canvas = make("canvas", { role: "img" });
    const source = make("span", { class: "source" });
    const box = make("div", { class: "box" }, canvas, saveButton(() => canvas, id));
    const under = make("figcaption", { class: "pg-caption" }, source);
    const figure = make("figure", { class: "pg-lines" }, title, legend, box, under);
    root.replaceChildren(figure);

    let value = null;
    let stale = false;
    const told = {}; // strip -> the frame it shows

    const points = () => value?.x?.length ?? 0;
    const series = () => value?.series ?? [];
    const usable = (y) => typeof y === "number" && Number.isFinite(y) && (!value.log || y > 0);

    // where the marker stands, or null
    function place() {
      const index = (value.follows && told[value.follows]) ?? value.index ?? null;
      return index === null || !points() ? null : clamp(Math.round(index), 0, points() - 1);
    }

    function colours() {
      const style = getComputedStyle(figure);
      const look = (name) => style.getPropertyValue(name).trim();
      return COLOURS.filter((name, i) => i === 0 || look(name) !== look(COLOURS[0])).map((name) => ({ name, paint: look(name) }));
    }

    function words(palette) {
      const index = place();
      const lines = series();
      while (legend.children.length > lines.length) legend.lastChild.remove();
      while (legend.children.length < lines.length) {
        legend.append(make("span", { class: "series" }, make("span", { class: "swatch" }), make("span", {}), make("b", {})));
      }
      const said = lines.map(({ label, y, dash }, i) => {
        const [swatch, name, number] = legend.children[i].children;
        const text = reading(index === null ? y.findLast(usable) : y[index], y.every((value) => !usable(value) || Number.isInteger(value)));
        setVariable(legend.children[i], "--line", `var(${palette[i % palette.length].name})`);
        swatch.classList.toggle("dash", Boolean(dash));
        setText(name, label);
        setText(number, text);
        return `${label} ${text}`;
      });
      const at = index === null ? "" : ` at ${value.x_label ?? "x"} ${tick(value.x[index], 1)}`;
      setAttribute(canvas, "aria-label", `${value.title || "Curves"}${at}: ${said.join(", ")}`);
    }

    function draw() {
      stale = !canvas.clientWidth; // hidden: there is no size to draw for
      if (!value || stale) return;
      const start = performance.now();
      const palette = colours();
      plot(palette);
      words(palette); // last: what it changes would make the browser lay out the page before it tells a size
      painted(id);
      timed(id, performance.now() - start);
    }

    function plot(palette) {
      const pen = canvas.getContext("2d");
      const style = getComputedStyle(figure);
      const [ink, muted, line, panel] = ["ink", "muted", "line", "panel"].map((name) => style.getPropertyValue(`--pg-${name}`));
      const scale = canvas.width / canvas.clientWidth;
      const em = parseFloat(style.fontSize) * scale;
      const small = Math.max(0.86 * em, 12 * scale);
      const { width, height } = canvas;
      pen.fillStyle = panel; // a downloaded plot has its ground
      pen.fillRect(0, 0, width, height);
      pen.font = `500 ${small}px ${style.fontFamily}`;
      const values = [...series().flatMap(({ y }) => y), ...(value.marks ?? []).map((mark) => mark.y)].filter(usable);
      if (!points() || !values.length) return;

      const top = (value.y_label ? 2.1 : 1) * small;
      const bottom = height - 2.1 * small;
      const y = axis(values, value.log, clamp(Math.floor((bottom - top) / (2.6 * small)), 1, 5));
      const labels = y.ticks.map(y.words);
      const left = 1.5 * small + Math.max(0, ...labels.map((text) => pen.measureText(text).width));
      const right = width - 1.3 * small;
      const [first, last] = [value.x[0], value.x[points() - 1]];
      const across = (x) => (last > first ? left + ((x - first) / (last - first)) * (right - left) : (left + right) / 2);
      const up = (number) => bottom - y.share(number) * (bottom - top);

      // grid and axes
      pen.textBaseline = "middle";
      pen.textAlign = "right";
      y.ticks.forEach((number, i) => {
        pen.fillStyle = line;
        pen.fillRect(left, Math.round(up(number)), right - left, Math.max(1, Math.round(scale)));
        pen.fillStyle = muted;
        pen.fillText(labels[i], left - 0.6 * small, up(number));
      });
      pen.textAlign = "left";
      pen.fillStyle = muted;
      if (value.y_label) pen.fillText(value.y_label, 0.9 * small, 0.95 * small, width - 2 * small);
      acrossLabels(pen, { first, last, across, left, right, base: bottom + 1.15 * small, small });

      const index = place();
      const now = index === null ? null : across(value.x[index]);
      const lines = series().map(({ y: numbers, dash }, i) => ({ numbers, dash, colour: palette[i % palette.length].paint }));
      pen.lineJoin = pen.lineCap = "round";
      const parts = now === null ? [[0, width, 1]] : [[now, width, value.whole ? 1 : LATER], [0, now, 1]];
      for (const [from, to, strength] of parts) {
        pen.save();
        pen.beginPath();
        pen.rect(from, 0, to - from, height);
        pen.clip();
        pen.globalAlpha = strength;
        for (const one of lines) trace(pen, one, { across, up, thick: Math.max(2.5 * scale, 0.17 * em), em });
        pen.restore();
      }

      for (const mark of (value.marks ?? []).filter((one) => usable(one.y))) {
        drawMark(pen, mark, lines, { across, up, left, right, top, bottom, small, em, thin: Math.max(1, 1.25 * scale), ink, panel });
      }
      if (now !== null) {
        pen.fillStyle = ink;
        pen.globalAlpha = 0.75;
        pen.fillRect(now - 0.75 * scale, top - 0.3 * small, 1.5 * scale, bottom - top + 0.3 * small);
        pen.globalAlpha = 1;
        for (const { numbers, colour } of lines) if (usable(numbers[index])) dot(pen, now, up(numbers[index]), 0.34 * em, colour, panel);
      }
    }

    // Ticks of the x axis, its name at the right end; what would touch the name is left out.
    function acrossLabels(pen, { first, last, across, left, right, base, small }) {
      const name = value.x_label ?? "";
      pen.textAlign = "right";
      if (name) pen.fillText(name, right, base);
      const free = right - (name ? pen.measureText(name).width + 1.2 * small : -0.5 * small);
      pen.textAlign = "center";
      if (last <= first) return;
      // as many as there is room for, between the left end and the name
      for (let count = 7; count > 0; count--) {
        const step = even(first, last, count);
        const ticks = between(first, last, step).map((x) => [across(x), tick(x, step)]);
        const wide = Math.max(...ticks.map(([, text]) => pen.measureText(text).width));
        if (ticks.length > 1 && ticks[1][0] - ticks[0][0] < wide + 1.2 * small && count > 1) continue;
        for (const [at, text] of ticks) if (at + pen.measureText(text).width / 2 < free) pen.fillText(text, at, base);
        return;
      }
    }

    function trace(pen, { numbers, dash, colour }, { across, up, thick, em }) {
      pen.strokeStyle = pen.fillStyle = colour;
      pen.lineWidth = thick;
      pen.setLineDash(dash ? [0.55 * em, 0.5 * em] : []);
      pen.beginPath();
      let drawing = false;
      numbers.forEach((number, i) => {
        const here = usable(number);
        if (here && drawing) pen.lineTo(across(value.x[i]), up(number));
        else if (here) {
          pen.moveTo(across(value.x[i]), up(number));
          // alone between two gaps: a point
          if (!usable(numbers[i + 1])) pen.lineTo(across(value.x[i]) + 0.01, up(number));
        }
        drawing = here;
      });
      pen.stroke();
      pen.setLineDash([]);
    }

    // A level with its words, which stand where they cover the fewest points of the lines, with a halo for those they do.
    function drawMark(pen, mark, lines, { across, up, left, right, top, bottom, small, em, thin, ink, panel }) {
      const level = up(mark.y);
      pen.strokeStyle = ink;
      pen.lineWidth = thin;
      pen.setLineDash([0.15 * em, 0.4 * em]);
      pen.beginPath();
      pen.moveTo(left, level);
      pen.lineTo(right, level);
      pen.stroke();
      pen.setLineDash([]);
      const text = mark.label ?? "";
      const long = Math.min(pen.measureText(text).width, right - left);
      const places = [right - long, left + 0.3 * small].flatMap((x) => [-0.8, 0.9].map((below) => [x, level + below * small]));
      const crowd = ([x, y]) => {
        if (y < top || y > bottom - 0.5 * small) return Infinity;
        const covers = (a, b) => a > x - small && a < x + long + small && Math.abs(b - y) < 0.9 * small;
        return lines.reduce((sum, { numbers }) => sum + numbers.filter((number, i) => usable(number) && covers(across(value.x[i]), up(number))).length, 0);
      };
      const [x, y] = places.reduce((a, b) => (crowd(b) < crowd(a) ? b : a));
      pen.textAlign = "left";
      pen.lineWidth = 0.35 * small;
      pen.strokeStyle = panel;
      pen.strokeText(text, x, y, right - left);
      pen.fillStyle = ink;
      pen.fillText(text, x, y, right - left);
    }

    function dot(pen, x, y, radius, colour, ring) {
      for (const [size, fill] of [[radius * 1.45, ring], [radius, colour]]) {
        pen.beginPath();
        pen.arc(x, y, size, 0, 2 * Math.PI);
        pen.fillStyle = fill;
        pen.fill();
      }
    }

    fit(canvas, draw);
    new ResizeObserver(() => stale && draw()).observe(canvas);
    new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    window.addEventListener("resize", draw); // presenter mode changes the size of type, not always that of the canvas
    document.fonts?.ready.then(draw);
    root.closest(".stage-tab")?.addEventListener("strip-index", ({ detail }) => {
      told[detail.name] = detail.index;
      if (value?.follows === detail.name) draw(); // within the animation frame in which the strip draws
    });

    return {
      paint(next) {
        value = next;
        setText(title, next?.title);
        title.hidden = !next?.title;
        setText(source, next?.source);
        under.hidden = !next?.source;
        if (next) draw();
      },
    };
  });
})();
