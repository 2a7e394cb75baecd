// A small picture, large, and a brush on it: a mask to paint, or a square to poke with.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, latest, fit, painted, idOf, clamp } = window.pgWidgets;
  const SIDE = 64;
  const WIDEST = 32;
  const PATIENCE_MS = 5000; // without an answer, what Python said last is shown again
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  // state.pack_bits: row by row, the first in a byte's highest bit; "" for none
  function pack(mask) {
    if (!mask.some(Boolean)) return "";
    const bytes = new Uint8Array((SIDE * SIDE) / 8);
    mask.forEach((bit, i) => bit && (bytes[i >> 3] |= 128 >> (i & 7)));
    return btoa(String.fromCharCode(...bytes));
  }
  function unpack(text) {
    const bytes = atob(text || "");
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => ((bytes.charCodeAt(i >> 3) || 0) >> (7 - (i & 7))) & 1);
  }

  // dark and bright stripes, told apart without any colour
  function hatch(context, unit) {
    const tile = make("canvas", { width: unit, height: unit });
    const pen = tile.getContext("2d");
    pen.fillStyle = "rgb(0 0 0 / .55)";
    pen.fillRect(0, 0, unit, unit);
    pen.strokeStyle = "rgb(255 255 255 / .9)";
    pen.lineWidth = unit / 4;
    pen.lineCap = "square";
    pen.beginPath();
    for (const shift of [-unit, 0, unit]) {
      pen.moveTo(shift, unit);
      pen.lineTo(shift + unit, 0);
    }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  window.playground.define("mask_pad", ({ root, props, emit }) => {
    const id = idOf(props);
    const canvas = make("canvas", { role: "img" });
    const overlay = make("canvas", { "aria-hidden": "true" });
    const cursor = make("div", { class: "brush", "aria-hidden": "true" });
    const surface = make("div", { class: "surface", tabindex: 0, role: "application" }, canvas, overlay, cursor);
    const status = make("span", { class: "pg-unseen", role: "status" });
    const erase = button({ symbol: "erase", words: "Erase" }, () => setAttribute(erase, "aria-pressed", String(!erasing())));
    const clear = button({ symbol: "clear", words: "Clear" }, () => {
      mask.fill(0);
      draw();
      tell(false);
    });
    const width = make("input", { type: "range", class: "pg-range", min: 1, max: WIDEST, step: 1, value: 8, "aria-label": "Width of the brush" });
    const tools = make("div", { class: "tools" }, make("div", { class: "width" }, make("span", { text: "Brush", "aria-hidden": "true" }), width), erase, clear);
    const caption = make("span", {});
    const source = make("span", {});
    const figure = make("figure", { class: "pg-mask" }, surface, tools, status, make("figcaption", { class: "pg-caption" }, caption, source));
    root.replaceChildren(figure);
    setAttribute(erase, "aria-pressed", "false");

    let value = {};
    let image = null;
    let uri = null;
    let mask = unpack("");
    let at = [SIDE / 2, SIDE / 2]; // the brush, in pixels of the picture
    let pointer = null; // that is down
    let held = false; // the keyboard's brush is down
    let moved = false; // an arrow key moves the poke
    let sent = null; // what was told last: answers to earlier strokes do not undo this one
    let timer = 0;
    const poking = () => value.mode === "poke";
    const erasing = () => erase.getAttribute("aria-pressed") === "true";
    const brush = () => (poking() ? (value.brush ?? 8) : Number(width.value));
    const busy = () => pointer !== null || held || moved;

    function place() {
      setVariable(figure, "--x", (at[0] / SIDE).toFixed(4));
      setVariable(figure, "--y", (at[1] / SIDE).toFixed(4));
      setVariable(figure, "--brush", (brush() / SIDE).toFixed(4));
      setVariable(width, "--fill", ((100 * (width.value - 1)) / (WIDEST - 1)).toFixed(1));
      setAttribute(width, "aria-valuetext", `${width.value} pixels of ${SIDE}`);
    }
    width.addEventListener("input", place);

    function tell(live) {
      sent = poking() ? { x: round(at[0] / SIDE), y: round(at[1] / SIDE) } : pack(mask);
      emit({ name: poking() ? "poke" : "mask", value: sent }, { live });
      clearTimeout(timer);
      timer = setTimeout(accept, PATIENCE_MS);
    }
    const round = (number) => Math.round(number * 1e4) / 1e4;

    // Every pixel whose middle lies under the brush on its way, and always the one under the brush's own middle.
    function stroke([fromX, fromY], [toX, toY]) {
      const [alongX, alongY] = [toX - fromX, toY - fromY];
      const long = alongX ** 2 + alongY ** 2;
      const reach = (brush() / 2) ** 2;
      const ink = erasing() ? 0 : 1;
      for (let i = 0; i < mask.length; i++) {
        const [x, y] = [(i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5];
        const part = long ? clamp(((x - fromX) * alongX + (y - fromY) * alongY) / long, 0, 1) : 0;
        if ((x - fromX - part * alongX) ** 2 + (y - fromY - part * alongY) ** 2 <= reach) mask[i] = ink;
      }
      const under = (number) => clamp(Math.floor(number), 0, SIDE - 1);
      mask[under(toY) * SIDE + under(toX)] = ink;
    }

    // the brush goes there, and does what it does
    function go(x, y, down) {
      const edge = poking() ? brush() / 2 : 0; // the square stays inside
      const before = at;
      at = [clamp(x, edge, SIDE - edge), clamp(y, edge, SIDE - edge)];
      place();
      if (!down) return;
      if (!poking()) {
        stroke(before, at);
        draw();
      }
      figure.classList.toggle("placed", poking());
      tell(true);
    }
    const where = (event) => {
      const area = surface.getBoundingClientRect();
      return [((event.clientX - area.left) / area.width) * SIDE, ((event.clientY - area.top) / area.height) * SIDE];
    };

    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || pointer !== null || !image) return;
      lift();
      pointer = event.pointerId;
      surface.setPointerCapture(pointer);
      surface.focus({ preventScroll: true });
      event.preventDefault();
      figure.classList.add("near");
      at = where(event); // no line from where the brush was before
      go(...at, true);
    });
    surface.addEventListener("pointermove", (event) => {
      if (pointer === event.pointerId) {
        const several = event.getCoalescedEvents?.() ?? [];
        for (const one of several.length ? several : [event]) go(...where(one), true);
      } else if (pointer === null && !held && !(poking() && value.poke)) {
        figure.classList.add("near");
        go(...where(event), false);
      }
    });
    surface.addEventListener("pointerleave", () => figure.classList.remove("near"));
    for (const name of ["pointerup", "pointercancel"]) {
      surface.addEventListener(name, (event) => {
        if (pointer !== event.pointerId) return;
        pointer = null;
        tell(false);
      });
    }

    // the keyboard's brush: down and up again
    function press() {
      held = true;
      figure.classList.add("down");
      setText(status, erasing() ? "Erasing" : "Painting");
      go(...at, true);
    }
    function lift() {
      if (moved) {
        moved = false;
        tell(false);
      }
      if (!held) return;
      held = false;
      figure.classList.remove("down");
      setText(status, `Brush up, ${share()}`);
      tell(false);
    }
    const share = () => `${Math.round((100 * mask.reduce((sum, bit) => sum + bit, 0)) / mask.length)} % of the picture masked`;

    surface.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!image || event.ctrlKey || event.metaKey || event.altKey) return;
      if (move) {
        const by = event.shiftKey ? 1 : 3;
        moved = poking();
        go(at[0] + by * move[0], at[1] + by * move[1], held || poking());
      } else if (event.key === " ") {
        if (poking()) moved = true;
        if (poking()) go(...at, true);
        else if (!event.repeat) held ? lift() : press();
      } else if (event.key === "Escape" && held) lift();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    surface.addEventListener("keyup", () => moved && lift());
    surface.addEventListener("blur", lift);

    function draw() {
      const context = overlay.getContext("2d");
      const unit = overlay.width / SIDE;
      context.clearRect(0, 0, overlay.width, overlay.height);
      if (poking() || !unit) return;
      const inside = new Path2D();
      const edges = new Path2D();
      mask.forEach((bit, i) => {
        if (!bit) return;
        const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
        inside.rect(x * unit, y * unit, unit, unit);
        const line = (fromX, fromY, toX, toY) => {
          edges.moveTo(fromX * unit, fromY * unit);
          edges.lineTo(toX * unit, toY * unit);
        };
        if (x && !mask[i - 1]) line(x, y, x, y + 1);
        if (x < SIDE - 1 && !mask[i + 1]) line(x + 1, y, x + 1, y + 1);
        if (y && !mask[i - SIDE]) line(x, y, x + 1, y);
        if (y < SIDE - 1 && !mask[i + SIDE]) line(x, y + 1, x + 1, y + 1);
      });
      context.fillStyle = hatch(context, Math.max(8, Math.round(1.5 * unit)));
      context.fill(inside);
      for (const [colour, thick] of [["rgb(0 0 0 / .85)", 0.5], ["#fff", 0.22]]) {
        context.strokeStyle = colour;
        context.lineWidth = Math.max(1, thick * unit);
        context.stroke(edges);
      }
    }
    function drawImage() {
      const context = canvas.getContext("2d", { alpha: false });
      if (!image || !canvas.width) return;
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      painted(id);
    }
    fit(canvas, drawImage, 1024);
    fit(overlay, draw, 1024);
    const load = latest(
      (next) => {
        image = next;
        drawImage();
      },
      () => window.playground.notice("The picture arrived damaged and is not shown.", { kind: "error" }),
    );

    // Python's mask or poke, unless a hand is busy or it answers an earlier stroke
    function accept() {
      clearTimeout(timer);
      sent = null;
      if (busy()) return;
      if (poking()) {
        figure.classList.toggle("placed", Boolean(value.poke));
        if (value.poke) at = [value.poke.x * SIDE, value.poke.y * SIDE];
        place();
      } else {
        figure.classList.remove("placed");
        mask = unpack(value.mask);
      }
      draw();
    }

    return {
      paint(next) {
        if (!next) return;
        if (next.brush !== undefined && next.brush !== value.brush) width.value = next.brush;
        value = next;
        figure.classList.toggle("poke", poking());
        setAttribute(canvas, "aria-label", value.alt || "A picture");
        const keys = poking() ? "Arrow keys move the square." : "Arrow keys move the brush, space puts it down and up.";
        setAttribute(surface, "aria-label", `${poking() ? "Poke the picture" : "Paint a mask"}. ${keys}`);
        setText(caption, value.caption);
        setText(source, value.source);
        place();
        const mine = poking() ? value.poke : (value.mask ?? "");
        if (sent === null || JSON.stringify(mine) === JSON.stringify(sent)) accept();
        if (value.image && value.image !== uri) {
          uri = value.image;
          load(uri);
        }
      },
    };
  });
})();
