// A dot (mean) and a bar (mean - std to mean + std) for each of many dimensions, on one scale.
(() => {
  "use strict";
  const { make, setText, fit, clamp } = window.pgWidgets;

  window.playground.define("intervals", ({ root }) => {
    const canvas = make("canvas", { role: "img", class: "plot" });
    const caption = make("span", { class: "words" });
    const source = make("span", { class: "source" });
    const figure = make("figure", { class: "pg-intervals" }, canvas, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);
    let value = null;

    function draw() {
      if (!value?.items?.length) return;
      const context = canvas.getContext("2d");
      const style = getComputedStyle(figure);
      const [accent, muted, line] = ["--pg-accent", "--pg-muted", "--pg-line"].map((name) => style.getPropertyValue(name));
      const { width, height } = canvas;
      const step = width / value.items.length;
      const y = (number) => height * (1 - (clamp(number, value.low, value.high) - value.low) / (value.high - value.low));
      context.clearRect(0, 0, width, height);
      context.fillStyle = line;
      for (let mark = Math.ceil(value.low / 2) * 2; mark <= value.high; mark += 2) context.fillRect(0, Math.round(y(mark)), width, 1);
      value.items.forEach(({ mean, std, asleep }, i) => {
        const middle = (i + 0.5) * step;
        const half = Math.max(1, 0.34 * step);
        context.fillStyle = asleep ? muted : accent;
        context.globalAlpha = asleep ? 0.25 : 0.45;
        context.fillRect(middle - half, y(mean + std), 2 * half, Math.max(1, y(mean - std) - y(mean + std)));
        context.globalAlpha = asleep ? 0.5 : 1;
        context.beginPath();
        context.arc(middle, y(mean), Math.max(1.5, 0.2 * step), 0, 2 * Math.PI);
        context.fill();
      });
      context.globalAlpha = 1;
    }
    fit(canvas, draw);

    return {
      paint(next) {
        value = next;
        setText(caption, next?.caption);
        setText(source, next?.source);
        const words = (next?.items ?? []).filter((item) => !item.asleep).slice(0, 5);
        canvas.setAttribute("aria-label", words.map((item) => `${item.label}: ${item.mean} ± ${item.std}`).join(", "));
        draw();
      },
    };
  });
})();
