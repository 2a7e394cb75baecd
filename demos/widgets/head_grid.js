// Attention: small maps of all heads, one large map, and the text shaded by where the chosen token looks.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit, painted, timed, saveButton, idOf, clamp } = window.pgWidgets;
  const KEPT = 4; // sets of weights that are remembered
  const GAMMA = 0.6; // small weights are drawn stronger than they are, so that they can be seen

  window.playground.define("head_grid", ({ root, props, emit }) => {
    const id = idOf(props);
    const text = make("div", { class: "tokens", role: "group", "aria-label": "The text; the chosen token is outlined, the others are shaded by how much it takes from them" });
    const all = make("canvas", { class: "all", tabindex: 0, role: "application", "aria-label": "All heads. Arrow keys choose one" });
    const one = make("canvas", { class: "one", tabindex: 0, role: "application", "aria-label": "One head. Arrow keys up and down choose the token that looks" });
    const words = make("span", { "aria-live": "polite" });
    const source = make("span", { class: "source" });
    const hint = make("div", { class: "hint" });
    const figure = make(
      "figure",
      { class: "pg-heads" },
      text,
      make("div", { class: "maps" }, make("div", { class: "left" }, all, hint), make("div", { class: "right" }, one, saveButton(() => one, id))),
      make("figcaption", { class: "pg-caption" }, words, source),
    );
    root.replaceChildren(figure);

    const known = new Map(); // mark -> the bytes
    let value = null;
    let bytes = null;
    let atlas = null; // every head's map side by side, one pixel for each weight
    let hover = null; // {layer, head} or {token}: what the pointer is on
    let asked = "";

    const count = () => value.tokens.length;
    const triangle = () => (count() * (count() + 1)) / 2;
    const weight = (layer, head, i, j) => (j > i ? 0 : bytes[(layer * value.heads + head) * triangle() + (i * (i + 1)) / 2 + j] / 255);
    const row = () => hover?.token ?? value.token;
    const shown = () => (hover?.layer === undefined ? value : hover);
    const tone = (name) => getComputedStyle(figure).getPropertyValue(`--pg-${name}`).trim();
    const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

    function tint() {
      const [width, height] = [value.heads * count(), value.layers * count()];
      const [red, green, blue] = rgb(tone("accent"));
      const image = new ImageData(width, height);
      for (let layer = 0; layer < value.layers; layer++) {
        for (let head = 0; head < value.heads; head++) {
          for (let i = 0; i < count(); i++) {
            for (let j = 0; j <= i; j++) {
              const to = 4 * ((layer * count() + i) * width + head * count() + j);
              image.data[to] = red;
              image.data[to + 1] = green;
              image.data[to + 2] = blue;
              image.data[to + 3] = 255 * weight(layer, head, i, j) ** GAMMA;
            }
          }
        }
      }
      atlas = make("canvas", { width, height });
      atlas.getContext("2d").putImageData(image, 0, 0);
    }

    // ---- all heads

    // layers go down where there is height, else across
    function plan() {
      const scale = all.width / Math.max(1, all.clientWidth);
      const small = 0.8 * parseFloat(getComputedStyle(figure).fontSize) * scale;
      const down = all.height > 1.2 * all.width;
      const [columns, rows] = down ? [value.heads, value.layers] : [value.layers, value.heads];
      const [left, top] = [2 * small, 1.5 * small];
      const side = Math.min((all.width - left) / columns, (all.height - top) / rows);
      return { down, columns, rows, left, top, side, small };
    }
    function drawAll() {
      if (!bytes || !all.clientWidth) return;
      const pen = all.getContext("2d");
      const { down, columns, rows, left, top, side, small } = plan();
      const gap = Math.max(1, 0.06 * side);
      pen.clearRect(0, 0, all.width, all.height);
      pen.font = `600 ${small}px ${getComputedStyle(figure).fontFamily}`;
      pen.textBaseline = "middle";
      const now = shown();
      // the chosen one is always told, and no neighbour of it that would touch it
      const told = (i, chosen, every) => i === chosen || (i % every === 0 && Math.abs(i - chosen) >= every);
      const often = (length) => Math.max(1, Math.ceil((1.3 * small) / side), length > 12 ? 3 : 1);
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          const [layer, head] = down ? [y, x] : [x, y];
          const [at, to] = [left + x * side, top + y * side];
          pen.fillStyle = tone("panel");
          pen.fillRect(at, to, side - gap, side - gap);
          pen.imageSmoothingEnabled = side < count();
          pen.drawImage(atlas, head * count(), layer * count(), count(), count(), at, to, side - gap, side - gap);
          if (layer === now.layer && head === now.head) {
            pen.lineWidth = Math.max(2, 0.09 * side);
            pen.strokeStyle = tone("ink");
            pen.strokeRect(at, to, side - gap, side - gap);
          }
        }
      }
      pen.textAlign = "center";
      for (let x = 0; x < columns; x++) {
        pen.fillStyle = tone(x === (down ? now.head : now.layer) ? "ink" : "muted");
        if (told(x, down ? now.head : now.layer, often(columns))) pen.fillText(String(x + 1), left + (x + 0.5) * side - gap / 2, 0.75 * small);
      }
      pen.textAlign = "right";
      for (let y = 0; y < rows; y++) {
        pen.fillStyle = tone(y === (down ? now.layer : now.head) ? "ink" : "muted");
        if (told(y, down ? now.layer : now.head, often(rows))) pen.fillText(String(y + 1), left - 0.5 * small, top + (y + 0.5) * side);
      }
      setText(hint, `${value.layers} layers ${down ? "downwards" : "across"}, ${value.heads} heads ${down ? "across" : "downwards"}`);
      setAttribute(all, "aria-label", `All heads: layer ${value.layer + 1}, head ${value.head + 1} is chosen. Arrow keys choose another`);
    }
    function under(event) {
      const scale = all.width / Math.max(1, all.clientWidth);
      const { down, columns, rows, left, top, side } = plan();
      const x = Math.floor((event.offsetX * scale - left) / side);
      const y = Math.floor((event.offsetY * scale - top) / side);
      if (x < 0 || y < 0 || x >= columns || y >= rows) return null;
      return down ? { layer: y, head: x } : { layer: x, head: y };
    }

    // ---- one head

    function frame() {
      const scale = one.width / Math.max(1, one.clientWidth);
      const pen = one.getContext("2d");
      const em = parseFloat(getComputedStyle(figure).fontSize) * scale;
      let letters = Math.min(1.05 * em, (0.72 * Math.min(one.width, one.height)) / count());
      const every = Math.ceil((0.7 * em) / letters);
      letters = Math.max(letters, 0.7 * em);
      pen.font = `600 ${letters}px ${getComputedStyle(figure).fontFamily}`;
      const longest = Math.min(Math.max(...value.tokens.map((token) => pen.measureText(token).width)), 0.28 * Math.min(one.width, one.height));
      const left = longest + letters;
      const side = Math.min(one.width - left, one.height - left) / count();
      return { pen, scale, left, side, letters, every, longest };
    }
    function drawOne() {
      if (!bytes || !one.clientWidth) return;
      const { pen, left, side, letters, every, longest } = frame();
      const { layer, head } = shown();
      pen.clearRect(0, 0, one.width, one.height);
      pen.fillStyle = tone("panel");
      pen.fillRect(left, left, side * count(), side * count());
      pen.imageSmoothingEnabled = false;
      pen.drawImage(atlas, head * count(), layer * count(), count(), count(), left, left, side * count(), side * count());
      pen.textBaseline = "middle";
      const looked = row();
      for (let i = 0; i < count(); i++) {
        if (i % every && i !== looked) continue;
        const middle = left + (i + 0.5) * side;
        pen.textAlign = "right";
        pen.fillStyle = tone(i === looked ? "ink" : "muted");
        pen.fillText(value.tokens[i], left - 0.5 * letters, middle, longest);
        pen.save();
        pen.translate(middle, left - 0.5 * letters);
        pen.rotate(-Math.PI / 2);
        pen.textAlign = "left";
        pen.fillStyle = tone(weight(layer, head, looked, i) >= 0.1 ? "ink" : "muted");
        pen.fillText(value.tokens[i], 0, 0, longest);
        pen.restore();
      }
      if (side > 3.2 * letters) {
        pen.textAlign = "center";
        for (let j = 0; j <= looked; j++) {
          const share = weight(layer, head, looked, j);
          pen.lineWidth = 0.28 * letters;
          pen.strokeStyle = tone("bg");
          pen.fillStyle = tone("ink");
          const [x, y] = [left + (j + 0.5) * side, left + (looked + 0.5) * side];
          pen.strokeText(`${Math.round(100 * share)} %`, x, y);
          pen.fillText(`${Math.round(100 * share)} %`, x, y);
        }
      }
      pen.lineWidth = Math.max(2, 0.12 * letters);
      pen.strokeStyle = tone("ink");
      pen.strokeRect(left, left + looked * side, side * (looked + 1), side);
      const said = value.tokens.map((token, j) => [token, weight(layer, head, looked, j)]).sort((a, b) => b[1] - a[1]).slice(0, 3);
      const most = said.map(([token, share]) => `${token} ${Math.round(100 * share)} %`).join(", ");
      setAttribute(one, "aria-label", `Layer ${layer + 1}, head ${head + 1}: ${value.tokens[looked]} looks at ${most}. Arrow keys up and down choose the token that looks`);
    }

    // ---- the text

    function shade() {
      if (!bytes) return;
      const { layer, head } = shown();
      const looked = row();
      [...text.children].forEach((node, j) => {
        setVariable(node, "--share", `${(45 * weight(layer, head, looked, j) ** GAMMA).toFixed(1)}%`);
        node.classList.toggle("looks", j === looked);
        node.classList.toggle("later", j > looked);
      });
    }
    function tell() {
      const nodes = [...text.children];
      while (nodes.length > count()) nodes.pop().remove();
      while (nodes.length < count()) {
        const node = make("span", {});
        text.append(node);
        nodes.push(node);
      }
      value.tokens.forEach((token, j) => setText(nodes[j], token));
    }

    function draw() {
      if (!value || !bytes) return;
      const began = performance.now();
      drawAll();
      drawOne();
      shade();
      painted(id);
      timed(id, performance.now() - began);
    }

    // ---- hands

    function point(next) {
      if (JSON.stringify(next) === JSON.stringify(hover)) return;
      hover = next;
      draw();
    }
    function choose(layer, head, token) {
      if (!value) return;
      hover = null;
      value = { ...value, layer: clamp(layer, 0, value.layers - 1), head: clamp(head, 0, value.heads - 1), token: clamp(token, 0, count() - 1) };
      draw();
      emit({ name: "look", value: [value.layer, value.head, value.token] }, { live: false });
    }
    const rowUnder = (event) => {
      const { scale, left, side } = frame();
      const i = Math.floor((event.offsetY * scale - left) / side);
      return i >= 0 && i < count() ? i : null;
    };
    const tokenUnder = (event) => {
      const i = [...text.children].indexOf(event.target);
      return i < 0 ? null : i;
    };

    all.addEventListener("pointermove", (event) => bytes && event.pointerType === "mouse" && point(under(event)));
    all.addEventListener("click", (event) => {
      const found = bytes && under(event);
      if (found) choose(found.layer, found.head, value.token);
    });
    for (const [surface, find] of [[one, rowUnder], [text, tokenUnder]]) {
      surface.addEventListener("pointermove", (event) => {
        if (!bytes || event.pointerType !== "mouse") return;
        const i = find(event);
        point(i === null ? null : { token: i });
      });
      surface.addEventListener("click", (event) => {
        const i = bytes ? find(event) : null;
        if (i !== null) choose(value.layer, value.head, i);
      });
    }
    for (const surface of [all, one, text]) surface.addEventListener("pointerleave", () => point(null));
    all.addEventListener("keydown", (event) => {
      const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      if (!bytes || (!x && !y)) return;
      const { down } = plan();
      choose(value.layer + (down ? y : x), value.head + (down ? x : y), value.token);
      event.preventDefault();
      event.stopPropagation();
    });
    one.addEventListener("keydown", (event) => {
      const move = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
      if (!bytes || !move) return;
      choose(value.layer, value.head, value.token + move);
      event.preventDefault();
      event.stopPropagation();
    });
    // the presenter's arrows go from head to head, layer after layer
    root.closest(".stage-tab")?.addEventListener("step", (event) => {
      if (!bytes || figure.offsetParent === null) return;
      const place = clamp(value.layer * value.heads + value.head + event.detail, 0, value.layers * value.heads - 1);
      choose(Math.floor(place / value.heads), place % value.heads, value.token);
      event.preventDefault();
    });

    fit(all, draw);
    fit(one, draw);
    new MutationObserver(() => {
      if (!bytes) return;
      tint();
      draw();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    document.fonts?.ready.then(draw);

    return {
      paint(next) {
        if (!next) return;
        const fresh = next.mark !== value?.mark || !bytes;
        if (next.weights && fresh) {
          known.delete(next.mark);
          known.set(next.mark, Uint8Array.from(atob(next.weights), (letter) => letter.charCodeAt(0)));
          if (known.size > KEPT) known.delete(known.keys().next().value);
        }
        if (!known.has(next.mark)) {
          if (asked !== next.mark) emit({ name: "look-again", value: null }, { live: false });
          asked = next.mark;
          return;
        }
        asked = "";
        value = { ...next, weights: null };
        bytes = known.get(next.mark);
        setText(words, value.caption);
        setText(source, value.source);
        if (fresh) {
          hover = null;
          tell();
          tint();
        }
        draw();
      },
    };
  });
})();
