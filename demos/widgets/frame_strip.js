// A run of frames: streamed in one by one while it is computed, then drawn from one atlas as fast as the screen goes.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, icon, decode, latest, fit, drawCell, painted, timed, saveButton, guard, idOf, clamp } = window.pgWidgets;
  const THUMBS = 8;
  const PANE_PIXELS = 720; // a pane needs no more canvas than this; 60 draws a second stay cheap

  window.playground.define("frame_strip", ({ root, props, emit }) => {
    const id = idOf(props);
    const panes = make("div", { class: "panes" });
    const thumbs = make("div", { class: "thumbs", "aria-hidden": "true" });
    const range = make("input", { type: "range", class: "pg-range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Frame" });
    const playing = button({ className: "play", label: "Play", symbol: "play" }, () => (ticking ? stop() : play()));
    const left = make("span", { class: "left" });
    const caption = make("strong", { class: "now" });
    const right = make("span", { class: "right" });
    const source = make("span", { class: "source" });
    const deck = make(
      "div",
      { class: "deck" },
      thumbs,
      range,
      make("div", { class: "ends" }, make("div", { class: "start" }, playing, left), caption, right),
    );
    const figure = make("figure", { class: "pg-strip empty", role: "group", "aria-label": "A run of frames" }, panes, deck, make("figcaption", { class: "pg-caption" }, source));
    root.replaceChildren(figure);

    let about = { panes: [""], captions: [], notes: [], smooth: true };
    let atlas = null; // {image, uri, columns, tile}
    let streamed = []; // frame -> its pictures, one per pane
    let streaming = false;
    let fresh = []; // the frames of the run that is coming in; `streamed` is what is shown
    let captions = [];
    let run = 0; // counts streamed runs; decodes of an earlier run are dropped
    let newest = -1;
    let count = 0;
    let index = 0;
    let following = true; // the newest frame is shown until the visitor goes back
    let dragging = false;
    let wanted = false;
    let said = -1; // the frame that the tab was told of
    let ticking = 0;
    const canvases = [];

    // where the picture of frame i, pane p is: [image, x, y, side]
    function tile(i, p) {
      if (atlas) {
        const number = i * about.panes.length + p;
        return [atlas.image, (number % atlas.columns) * atlas.tile, Math.floor(number / atlas.columns) * atlas.tile, atlas.tile];
      }
      for (let k = i; k >= 0; k--) if (streamed[k]?.[p]) return [streamed[k][p], 0, 0, streamed[k][p].naturalWidth];
      return null;
    }

    function drawTile(canvas, i, p) {
      const found = tile(i, p);
      if (!found || !canvas.width) return;
      const [image, x, y, side] = found;
      const context = canvas.getContext("2d", { alpha: false });
      context.imageSmoothingEnabled = Array.isArray(about.smooth) ? about.smooth[p] !== false : about.smooth !== false;
      context.imageSmoothingQuality = "high";
      drawCell(context, image, x, y, side, side, 0, 0, canvas.width, canvas.height);
    }

    function drawPanes() {
      if (!atlas && newest < 0) return;
      const start = performance.now();
      canvases.forEach((canvas, p) => drawTile(canvas, index, p));
      painted(id);
      timed(id, performance.now() - start);
    }

    function redraw() {
      if (wanted) return;
      wanted = true;
      requestAnimationFrame(() => {
        wanted = false;
        announce();
        drawPanes();
        words();
      });
    }

    // other widgets of the tab follow the frame shown
    function announce() {
      if (!count || said === index) return;
      said = index;
      root.closest(".stage-tab")?.dispatchEvent(new CustomEvent("strip-index", { detail: { name: props.name, index } }));
    }

    const shownThumbs = () => Math.min(THUMBS, count);
    const frameOfThumb = (k) => Math.round((k * (count - 1)) / Math.max(1, shownThumbs() - 1));

    // the row of thumbnails has its height from the start, so that nothing jumps when frames come
    for (let k = 0; k < THUMBS; k++) {
      const canvas = make("canvas", {});
      thumbs.append(make("div", { class: "thumb" }, canvas));
      fit(canvas, () => drawThumb(k), 256);
    }
    function drawThumbs() {
      for (let k = 0; k < THUMBS; k++) {
        thumbs.children[k].style.visibility = k < shownThumbs() ? "" : "hidden";
        if (k < shownThumbs()) drawThumb(k);
      }
    }
    function drawThumb(k) {
      const canvas = thumbs.children[k].firstChild;
      const i = frameOfThumb(k);
      if (atlas || i <= newest) drawTile(canvas, i, 0);
      else canvas.getContext("2d", { alpha: false }).clearRect(0, 0, canvas.width, canvas.height);
      thumbs.children[k].classList.toggle("empty", !atlas && i > newest);
    }

    function words() {
      const text = about.captions[index] ?? "";
      const notes = about.notes[index] ?? [];
      setText(caption, text);
      [...panes.children].forEach((pane, p) => setText(pane.lastChild, notes[p]));
      setAttribute(range, "aria-valuetext", [text || `frame ${index + 1} of ${count}`, ...notes].join(", "));
      setVariable(range, "--fill", count > 1 ? ((100 * index) / (count - 1)).toFixed(2) : 0);
      const near = count > 1 ? Math.round((index * (shownThumbs() - 1)) / (count - 1)) : 0;
      [...thumbs.children].forEach((thumb, k) => {
        thumb.classList.toggle("near", k === near);
        thumb.classList.toggle("later", k > near);
      });
    }

    function show(i) {
      index = clamp(Math.round(i), 0, Math.max(0, count - 1));
      if (Number(range.value) !== index) range.value = index;
      redraw();
    }

    // the visitor moves; during a stream no further than what is there
    function go(i) {
      const last = atlas ? count - 1 : Math.max(0, newest);
      show(clamp(i, 0, last));
      following = !atlas && index >= last;
    }
    function tell() {
      hand.expect(index);
      emit({ name: "frame", value: index }, { live: false });
    }

    const hand = guard(range, {
      moved: (value, byHand) => {
        if (!byHand) return show(value);
        stop(false);
        go(value);
      },
      settled: tell,
    });

    for (const surface of [panes, thumbs]) {
      const follow = (event) => {
        const area = surface.getBoundingClientRect();
        go(((event.clientX - area.left) / Math.max(1, area.width)) * (count - 1));
      };
      surface.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || !count || event.target.closest("button")) return;
        stop(false);
        dragging = true;
        surface.setPointerCapture(event.pointerId);
        range.focus({ preventScroll: true });
        event.preventDefault();
        follow(event);
      });
      surface.addEventListener("pointermove", (event) => dragging && follow(event));
      for (const name of ["pointerup", "pointercancel"]) {
        surface.addEventListener(name, () => {
          if (!dragging) return;
          dragging = false;
          tell();
        });
      }
    }

    function play() {
      if (count < 2) return;
      if (index >= count - 1) show(0);
      const from = index;
      const began = performance.now();
      const perSecond = (count - 1) / clamp(count / 15, 2, 8);
      const step = (now) => {
        const to = from + Math.floor(((now - began) * perSecond) / 1000);
        if (to !== index) go(to);
        if (index >= count - 1) stop();
        else ticking = requestAnimationFrame(step);
      };
      ticking = requestAnimationFrame(step);
      playing.replaceChildren(icon("pause"));
      setAttribute(playing, "aria-label", "Pause");
    }
    function stop(say = true) {
      if (!ticking) return;
      cancelAnimationFrame(ticking);
      ticking = 0;
      playing.replaceChildren(icon("play"));
      setAttribute(playing, "aria-label", "Play");
      if (say) tell();
    }

    // The presenter's arrows and space come as events of the tab; the strip that can be seen answers them.
    function onStage(name, answer) {
      root.closest(".stage-tab")?.addEventListener(name, (event) => {
        if (!count || figure.offsetParent === null) return;
        answer(event.detail);
        event.preventDefault();
      });
    }
    onStage("play", () => (ticking ? stop() : play()));
    onStage("step", (direction) => {
      stop(false);
      go(index + direction);
      tell();
    });

    figure.addEventListener("keydown", (event) => {
      if (event.key === " " && event.target !== playing) {
        ticking ? stop() : play();
      } else if (event.target === playing && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        stop(false);
        go(index + (event.key === "ArrowRight" ? 1 : -1));
        tell();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });

    function describe(value) {
      about = {
        panes: value.panes?.length ? [...value.panes] : about.panes,
        captions: value.captions ? [...value.captions] : about.captions,
        notes: value.notes ? [...value.notes] : about.notes,
        left: value.left ?? about.left,
        right: value.right ?? about.right,
        source: value.source ?? about.source,
        smooth: value.smooth ?? about.smooth,
      };
      setText(left, about.left);
      setText(right, about.right);
      setText(source, about.source);
      figure.classList.toggle("noted", about.notes.length > 0);
      setVariable(figure, "--panes", about.panes.length);
      setVariable(figure, "--narrow", Math.min(2, about.panes.length));
      while (panes.children.length > about.panes.length) {
        panes.lastChild.remove();
        canvases.pop();
      }
      while (panes.children.length < about.panes.length) {
        const canvas = make("canvas", { role: "img" });
        const box = make("div", { class: "box" }, canvas, saveButton(() => canvas, `${id}-${canvases.length + 1}`));
        panes.append(make("div", { class: "pane" }, make("div", { class: "label" }, make("b", {}), make("span", {})), box, make("div", { class: "note" })));
        canvases.push(canvas);
        fit(canvas, drawPanes, PANE_PIXELS);
      }
      about.panes.forEach((label, p) => {
        // "x̂₀  its guess of the end": two spaces part the symbol from the plain words
        const [symbol, ...plain] = label.split("  ");
        const [bold, soft] = panes.children[p].firstChild.children;
        setText(bold, plain.length ? symbol : "");
        setText(soft, plain.length ? plain.join(" ") : symbol);
        panes.children[p].firstChild.hidden = !label;
        setAttribute(canvases[p], "aria-label", label || "A frame");
      });
    }

    function length(n) {
      count = n;
      setAttribute(range, "max", Math.max(0, n - 1));
      figure.classList.toggle("empty", !n);
    }

    const open = latest(
      (image, value) => {
        describe(value);
        atlas = { image, uri: value.atlas, columns: value.columns, tile: value.tile };
        streamed = [];
        newest = -1;
        run += 1;
        length(value.count);
        drawThumbs();
        if (dragging || hand.held() || ticking) show(index);
        else show(value.index ?? index);
      },
      () => window.playground.notice("A run of frames arrived damaged and is not shown.", { kind: "error" }),
    );

    async function append(value) {
      const { index: i, of, images, caption: words = "" } = value.append;
      if (i === 0 || i <= newest || !streaming) {
        run += 1;
        streaming = true;
        following = true;
        newest = -1;
        fresh = [];
        captions = [];
        stop(false);
      }
      const mine = run;
      const frames = fresh;
      newest = i;
      captions[i] = words;
      let pictures;
      try {
        pictures = await Promise.all([...images].map(decode));
      } catch {
        window.playground.notice("A frame arrived damaged and is not shown.", { kind: "error" });
        return;
      }
      if (mine !== run || !streaming) return;
      frames[i] = pictures;
      // the picture of the run before stays until the first frame of this one is there
      atlas = null;
      streamed = frames;
      describe({ ...value, captions });
      length(of);
      drawThumbs();
      if (following && !dragging && !hand.held()) show(Math.max(...Object.keys(frames).map(Number)));
      else redraw();
    }
    return {
      paint(value) {
        if (!value) return;
        if (value.append) {
          append(value);
          return;
        }
        streaming = false;
        if (!value.atlas) {
          describe(value);
          return;
        }
        if (atlas?.uri === value.atlas && !open.busy()) {
          describe(value);
          length(value.count);
          if (!dragging && !ticking && value.index !== undefined) hand.offer(value.index);
          redraw();
        } else open(value.atlas, { ...value });
      },
    };
  });
})();
