// Tokens side by side on a line of length 1, the most probable first, and the dart that lands on one of them.
window.pgDartLine = (() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit } = window.pgWidgets;
  const { label, spoken, percent, count } = window.pgTokens;
  const LEAST = 3; // pixels of a segment that is drawn on its own
  const LETTER = 9; // and of a letter of the words on it

  // A colour of the theme. Asking the page costs a layout, so it is asked once for each theme.
  function palette(node) {
    const known = {};
    return (name) => (known[document.documentElement.dataset.theme + name] ??= getComputedStyle(node).getPropertyValue(name).trim());
  }

  // take(): the visitor takes what the dart hit; again(): throws anew
  function create({ take, again }) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const pin = make("button", { type: "button", class: "pin" });
    pin.append(make("span", { class: "needle", "aria-hidden": "true" }));
    const words = make("div", { class: "words", "aria-hidden": "true" });
    const [where, what, odds] = [make("span", {}), make("bdi", { class: "token" }), make("span", { class: "muted" })];
    const said = make("p", { class: "said", role: "status" }, where, what, odds);
    const goes = make("button", { type: "button", class: "pg-button primary take" }, make("span", { text: "Take it" }));
    const anew = make("button", { type: "button", class: "pg-button again" }, make("span", { text: "Throw again" }));
    const line = make("div", { class: "line" }, canvas, words, pin);
    const axis = make("div", { class: "axis", "aria-hidden": "true" }, make("span", { text: "0" }), make("span", { text: "probability, the most likely token first" }), make("span", { text: "1" }));
    const node = make("div", { class: "dart" }, make("div", { class: "head" }, said, goes, anew), line, axis);
    const colour = palette(line);
    const scale = () => window.devicePixelRatio || 1;
    let now = null;
    let thrown = "";
    pin.addEventListener("click", () => take());
    goes.addEventListener("click", () => take());
    anew.addEventListener("click", () => again());

    function draw() {
      const context = canvas.getContext("2d");
      const { width, height } = canvas;
      context.clearRect(0, 0, width, height);
      if (!now) return;
      let from = 0;
      let k = 0;
      context.fillStyle = colour("--pg-accent");
      for (; k < now.parts.length && now.parts[k] * width >= LEAST * scale(); k += 1) {
        context.globalAlpha = k === now.hit ? 1 : k % 2 ? 0.24 : 0.42;
        context.fillRect(from * width, 0, Math.max(now.parts[k] * width - 1, 1), height);
        from += now.parts[k];
      }
      // the many that are too thin to be told apart
      context.globalAlpha = 0.3;
      context.fillStyle = colour("--pg-muted");
      context.fillRect(from * width, 0, (1 - from) * width, height);
      if (now.hit >= 0 && now.hit < k) return;
      context.globalAlpha = 1;
      context.fillStyle = colour("--pg-accent");
      context.fillRect(Math.round(now.u * width) - scale(), 0, 2 * scale(), height);
    }
    fit(canvas, draw);

    // words stand on their segments where these are wide enough
    function paintWords() {
      const wide = canvas.width / scale() / (document.body.classList.contains("presenting") ? 2 : 1);
      const wanted = [];
      let from = 0;
      now.parts.forEach((part, k) => {
        if (now.texts[k] && part * wide > LETTER * (now.texts[k].length + 1.5)) wanted.push([from, part, k]);
        from += part;
      });
      while (words.childNodes.length > wanted.length) words.lastChild.remove();
      while (words.childNodes.length < wanted.length) words.append(make("bdi", {}));
      wanted.forEach(([start, part, k], i) => {
        const word = words.childNodes[i];
        const text = now.texts[k];
        if (word.title !== text) word.replaceChildren(...label(text));
        word.title = text;
        setVariable(word, "left", `${(100 * start).toFixed(3)}%`);
        setVariable(word, "width", `${(100 * part).toFixed(3)}%`);
        word.classList.toggle("hit", k === now.hit);
      });
    }

    return {
      node,
      // {parts: lengths of the first segments, texts, hit: index among them or -1, u, text, p, rank, and
      // key: which dart it is; falls: it is seen falling; can, again: it can be taken, or thrown anew}
      paint(value) {
        now = value;
        setVariable(pin, "left", `${(100 * value.u).toFixed(3)}%`);
        setText(where, `The dart at ${value.u.toFixed(4)} hits `);
        if (what.title !== value.text) what.replaceChildren(...label(value.text));
        what.title = value.text;
        setText(odds, ` ${percent(value.p)}, rank ${count(value.rank)}`);
        setAttribute(pin, "aria-label", `Take what the dart hit: ${spoken(value.text)}`);
        for (const one of [pin, goes]) one.disabled = !value.can;
        anew.disabled = !value.again;
        draw();
        paintWords();
        if (thrown === value.key) return;
        const falls = thrown && value.falls;
        thrown = value.key;
        pin.classList.remove("falls");
        if (!falls) return;
        void pin.offsetWidth; // the fall begins anew
        pin.classList.add("falls");
      },
    };
  }

  return { create, palette };
})();
