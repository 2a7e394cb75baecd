// A run of frames: streamed in while it is computed, then drawn from one atlas as fast as the screen goes.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, decode, latest, fit, drawCell, painted, timed, saveButton, guard, player, idOf, clamp } = window.pgWidgets;
  const THUMBS = 8;
  const CLICK = 5; // pixels that a pointer may move and still click
  const LINGER = 900; // milliseconds that the end of a watched run is shown
  const PANE_PIXELS = 720; // a pane needs no more canvas than this; 60 draws a second stay cheap

  window.playground.define("frame_strip", ({ root, props, emit }) => {
    const id = idOf(props);
    const panes = make("div", { class: "panes" });
    const thumbs = make("div", { class: "thumbs", "aria-hidden": "true" });
    const range = make("input", { type: "range", class: "pg-range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Frame" });
    const reel = player(root, {
      last: () => count - 1,
      at: () => index,
      go,
      perSecond: () => (count - 1) / clamp(count / 15, 2, 8),
      tell,
    });
    const left = make("span", { class: "left" });
    const caption = make("strong", { class: "now" });
    const right = make("span", { class: "right" });
    const source = make("span", { class: "source" });
    const deck = make(
      "div",
      { class: "deck" },
      thumbs,
      range,
      make("div", { class: "ends" }, make("div", { class: "start" }, reel.button, left), caption, right),
    );
    const figure = make("figure", { class: "pg-strip empty", role: "group", "aria-label": "A run of frames" }, panes, deck, make("figcaption", { class: "pg-caption" }, source));
    root.replaceChildren(figure);

    let about = { panes: [""], smooth: true };
    let film = newFilm(); // what is shown
    let coming = null; // the film of a run whose first frames are being decoded
    let count = 0; // places of the scrubber
    let index = 0;
    let following = false; // the newest frame is shown until the visitor goes back
    let zoomed = -1; // the pane that is shown alone
    let press = null; // the pointer that is down: {pointer, surface, pane, x, y, moved, dragging}
    let believed; // the frame that Python thinks is shown
    let wanted = false;
    let said = -1; // the frame that the tab was told of
    let chasing = 0;
    const canvases = [];

    // The frames of one run. cells[p][j]: where the picture of pane p's own frame j is, [image, x, y, side]. notes[p][j].
    // lengths: frames of each pane where they differ. uri: its atlas, once that is complete.
    function newFilm(run = null) {
      return { run, cells: [], notes: [], captions: [], lengths: null, uri: null };
    }

    // a lane shows the frame at the same fraction of its own run
    function frameOf(i, p) {
      return film.lengths && count > 1 ? Math.round((i * (film.lengths[p] - 1)) / (count - 1)) : i;
    }
    // the last place for which there is a picture; in the longest lane, or the one that is furthest
    function newest() {
      const last = about.panes.map((_, p) => {
        const there = (film.cells[p]?.length ?? 0) - 1;
        return film.lengths && film.lengths[p] > 1 ? Math.round((there * (count - 1)) / (film.lengths[p] - 1)) : there;
      });
      return clamp(Math.max(-1, ...last), -1, count - 1);
    }

    // the cell of place i in pane p; where it is missing, the nearest before it, or else the first there is
    function cell(i, p) {
      const cells = film.cells[p];
      for (let j = Math.min(frameOf(i, p), (cells?.length ?? 0) - 1); j >= 0; j--) if (cells[j]) return cells[j];
      return cells?.find(Boolean) ?? null;
    }

    function drawTile(canvas, i, p) {
      const found = cell(i, p);
      if (!found || !canvas.width) return;
      const [image, x, y, side] = found;
      const context = canvas.getContext("2d", { alpha: false });
      context.imageSmoothingEnabled = Array.isArray(about.smooth) ? about.smooth[p] !== false : about.smooth !== false;
      context.imageSmoothingQuality = "high";
      drawCell(context, image, x, y, side, side, 0, 0, canvas.width, canvas.height);
    }

    function drawPanes() {
      if (newest() < 0) return;
      const start = performance.now();
      canvases.forEach((canvas, p) => (zoomed < 0 || zoomed === p) && drawTile(canvas, index, p));
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
      const there = i <= newest();
      if (there) drawTile(canvas, i, 0);
      else canvas.getContext("2d", { alpha: false }).clearRect(0, 0, canvas.width, canvas.height);
      thumbs.children[k].classList.toggle("empty", !there);
    }

    function words() {
      const text = film.captions[index] ?? "";
      const notes = about.panes.map((_, p) => film.notes[p]?.[frameOf(index, p)] ?? "");
      setText(caption, text);
      [...panes.children].forEach((pane, p) => setText(pane.lastChild, notes[p]));
      setAttribute(range, "aria-valuetext", [text || `frame ${index + 1} of ${count}`, ...notes.filter(Boolean)].join(", "));
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
      const last = Math.max(0, newest());
      show(clamp(i, 0, last));
      following = !film.uri && index >= last;
    }
    // Frames come several at a time: they are run through, so that each of them is seen.
    function chase() {
      if (chasing) return;
      const step = () => {
        chasing = 0;
        const last = newest();
        if (!following || press?.dragging || hand.held()) return;
        if (index < last) {
          show(index + Math.max(1, Math.ceil((last - index) / 8)));
          chase();
        } else if (film.uri) settle();
      };
      chasing = requestAnimationFrame(step);
    }
    // A run was watched to its end: its picture stays for a moment, then the frame that Python shows.
    function settle() {
      following = false;
      const watched = film;
      setTimeout(() => {
        if (film === watched && index === newest() && !press?.dragging && !hand.held() && !reel.playing()) show(believed ?? index);
      }, LINGER);
    }
    // A run is complete of which the visitor had chosen a frame while it came in.
    function arrive() {
      if (believed !== undefined && believed !== index) tell();
    }
    function tell() {
      believed = index;
      hand.expect(index);
      emit({ name: "frame", value: index }, { live: false });
    }

    const hand = guard(range, {
      moved: (value, byHand) => {
        if (!byHand) return show(value);
        reel.stop(false);
        go(value);
      },
      settled: tell,
    });

    // A press on a pane that does not move enlarges it, or takes the cell under it where there are cells; one on the
    // thumbnails goes there; a drag scrubs on both. A finger
    // that moves down or up scrolls the page: the browser takes it away with `pointercancel`.
    function follow(event) {
      press.dragging = true;
      figure.classList.add("scrubbing");
      const area = press.surface.getBoundingClientRect();
      go(((event.clientX - area.left) / Math.max(1, area.width)) * (count - 1));
    }
    function take(event) {
      const { columns, actions } = about.cells;
      const area = canvases[0].getBoundingClientRect();
      const rows = Math.ceil(actions.length / columns);
      const place = (at, from, size, many) => clamp(Math.floor(((at - from) / Math.max(1, size)) * many), 0, many - 1);
      const cell = place(event.clientY, area.top, area.height, rows) * columns + place(event.clientX, area.left, area.width, columns);
      if (actions[cell]) emit(actions[cell], { live: false });
    }
    function release() {
      if (press.dragging) tell();
      press = null;
      figure.classList.remove("scrubbing");
    }
    for (const surface of [panes, thumbs]) {
      surface.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || press || !count || event.target.closest("button")) return;
        reel.stop(false);
        const pane = surface === panes && about.panes.length > 1 ? [...panes.children].findIndex((one) => one.contains(event.target)) : -1;
        press = { pointer: event.pointerId, surface, pane, x: event.clientX, y: event.clientY, moved: false, dragging: false };
        surface.setPointerCapture(event.pointerId);
        range.focus({ preventScroll: true });
        event.preventDefault();
        if (surface === thumbs && event.pointerType !== "touch") follow(event);
      });
      const mine = (event) => press?.surface === surface && press.pointer === event.pointerId;
      surface.addEventListener("pointermove", (event) => {
        if (!mine(event)) return;
        const [across, down] = [Math.abs(event.clientX - press.x), Math.abs(event.clientY - press.y)];
        press.moved ||= Math.max(across, down) > CLICK;
        if (press.dragging || (across > CLICK && across > down)) follow(event);
      });
      surface.addEventListener("pointerup", (event) => {
        if (!mine(event)) return;
        if (!press.moved && press.pane >= 0) zoom(zoomed < 0 ? press.pane : -1);
        else if (!press.moved && surface === panes && about.cells) take(event);
        else if (!press.moved) follow(event);
        release();
      });
      surface.addEventListener("pointercancel", (event) => mine(event) && release());
    }

    // one pane alone, large; -1: all of them
    function zoom(p) {
      zoomed = p;
      figure.classList.toggle("zoomed", p >= 0);
      [...panes.children].forEach((pane, k) => {
        pane.classList.toggle("large", k === p);
        const back = k === p ? "Show all panes" : `Enlarge ${about.panes[k] || "this pane"}`;
        const enlarge = pane.querySelector(".enlarge");
        setAttribute(enlarge, "aria-label", back);
        setAttribute(enlarge, "title", back);
      });
      redraw();
    }

    figure.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && zoomed >= 0) {
        const enlarge = panes.children[zoomed].querySelector(".enlarge");
        if (document.activeElement !== enlarge) range.focus({ preventScroll: true });
        zoom(-1);
      } else if (event.key === " " && event.target.tagName !== "BUTTON") {
        reel.toggle();
      } else if (event.target === reel.button && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        reel.step(event.key === "ArrowRight" ? 1 : -1);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });

    function describe(value) {
      about = {
        panes: value.panes?.length ? [...value.panes] : about.panes,
        rows: value.rows ?? about.rows ?? 1,
        left: value.left ?? about.left,
        right: value.right ?? about.right,
        source: value.source ?? about.source,
        smooth: value.smooth ?? about.smooth,
        cells: "cells" in value ? value.cells : about.cells,
      };
      setText(left, about.left);
      setText(right, about.right);
      setText(source, about.source);
      const columns = Math.ceil(about.panes.length / about.rows);
      setVariable(figure, "--panes", columns);
      setVariable(figure, "--rows", about.rows);
      setVariable(figure, "--narrow", Math.min(2, columns));
      figure.classList.toggle("several", about.panes.length > 1);
      figure.classList.toggle("celled", Boolean(about.cells));
      while (panes.children.length > about.panes.length) {
        panes.lastChild.remove();
        canvases.pop();
      }
      while (panes.children.length < about.panes.length) {
        const canvas = make("canvas", { role: "img" });
        const p = canvases.length;
        const enlarge = button({ className: "enlarge", symbol: "enlarge" }, () => zoom(zoomed === p ? -1 : p));
        const box = make("div", { class: "box" }, canvas, enlarge, saveButton(() => canvas, `${id}-${p + 1}`));
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
      zoom(zoomed < about.panes.length && about.panes.length > 1 ? zoomed : -1);
    }

    // Puts the tiles of a picture into a film. `part` is the whole value, or what came with "append".
    function add(into, image, { index: from = 0, count: many, columns, tile, notes = [] }, lengths) {
      into.lengths = lengths ?? null;
      let number = 0;
      about.panes.forEach((_, p) => {
        const first = lengths ? (Array.isArray(from) ? from[p] : 0) : from;
        const frames = lengths ? (Array.isArray(many) ? many[p] : lengths[p]) : many;
        into.cells[p] ??= [];
        into.notes[p] ??= [];
        for (let k = 0; k < frames; k++) {
          const at = lengths ? number++ : k * about.panes.length + p;
          into.cells[p][first + k] = [image, (at % columns) * tile, Math.floor(at / columns) * tile, tile];
        }
      });
      write(into, notes, from);
    }
    // Notes come per frame, or lane by lane; here every pane has its own.
    function write(into, notes, from = 0) {
      about.panes.forEach((_, p) => {
        const mine = into.lengths ? (notes[p] ?? []) : notes.map((words) => words[p]);
        const first = Array.isArray(from) ? from[p] : from;
        mine.forEach((words, k) => ((into.notes[p] ??= [])[first + k] = words));
      });
      const noted = into.notes.some((words) => words?.length);
      figure.classList.toggle("noted", noted);
    }

    function length(n) {
      count = n;
      setAttribute(range, "max", Math.max(0, n - 1));
      figure.classList.toggle("empty", !n);
    }

    const open = latest(
      (image, value) => {
        describe(value);
        const mine = (one) => value.run !== undefined && one?.run === value.run && !one.uri;
        const stays = mine(film) || mine(coming); // it was watched while it came in: there the visitor stays
        film = newFilm(value.run);
        film.uri = value.atlas;
        coming = null;
        length(value.lengths ? Math.max(...value.lengths) : value.count);
        add(film, image, { ...value, index: 0 }, value.lengths);
        film.captions = [...(value.captions ?? [])];
        drawThumbs();
        believed = value.index;
        if (!stays) following = false;
        show(stays || press?.dragging || hand.held() || reel.playing() ? index : (value.index ?? index));
        if (following) chase();
        else if (stays && !press && !hand.held()) arrive();
      },
      () => window.playground.notice("A run of frames arrived damaged and is not shown.", { kind: "error" }),
    );

    async function append(value) {
      const part = value.append;
      let mine = coming ?? film;
      const again = mine.uri && ![part.index].flat().some(Boolean); // a complete run that begins anew
      if (mine.run !== part.run || again) {
        mine = coming = newFilm(part.run);
        open.forget(); // the end of the run before, if it is still on its way, is not to replace this one
        following = true;
        reel.stop(false);
      }
      let image;
      try {
        image = await decode(part.atlas);
      } catch {
        window.playground.notice("Frames arrived damaged and are not shown.", { kind: "error" });
        return;
      }
      if (mine !== film && mine !== coming) return; // another run began meanwhile, or this one is complete
      // the picture of the run before stays until the first frames of this one are there
      const first = mine === coming;
      if (first) [film, coming, index] = [mine, null, 0];
      else if (film.uri) [film.uri, following] = [null, index >= newest()];
      describe(value);
      length(part.of);
      add(film, image, part, value.lengths);
      const start = value.lengths ? 0 : part.index;
      part.captions.forEach((words, k) => (film.captions[start + k] = words));
      drawThumbs();
      if (first) show(value.lengths ? 0 : part.index);
      else redraw();
      chase();
    }
    return {
      paint(value) {
        if (!value) return;
        if (value.append) {
          append(value);
          return;
        }
        if (!value.atlas || (film.uri === value.atlas && !open.busy())) {
          describe(value);
          film.captions = [...(value.captions ?? film.captions)];
          if (value.notes) {
            film.notes = [];
            write(film, value.notes);
          }
          if (film.uri && value.index !== undefined && !following && !press?.dragging && !reel.playing()) {
            believed = value.index;
            hand.offer(value.index);
          }
          redraw();
        } else open(value.atlas, { ...value });
      },
    };
  });
})();
