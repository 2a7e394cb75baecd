// A map of thousands of points: two canvases, a legend, a few tools and a card beside the hand.
(() => {
  "use strict";
  const { make, setText, setAttribute, button, fit, painted, timed, saveButton, idOf, clamp, mapPoints, mapInk, mapMarks, mapCamera, mapHand } = window.pgWidgets;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const MORPH_MS = 700;
  const REACH = 9; // CSS pixels from a dot that count as on it
  const CORNERS = 28; // of a line drawn around, at most
  const TOGETHER_MS = 40;

  window.playground.define("map_board", ({ root, props, emit, tab, server }) => {
    const id = idOf(props);
    const base = make("canvas", { class: "points", tabindex: "0", role: "application", "aria-roledescription": "map" });
    const over = make("canvas", { class: "marks", "aria-hidden": "true" });
    const hint = make("div", { class: "hint" });
    const camera = mapCamera(base);
    const ink = mapInk(base);
    const marks = mapMarks(over);
    const card = window.pgWidgets.mapCard();
    const tool = (name, label, does) => button({ className: `tool ${name}`, label, symbol: name }, does);
    const lasso = tool("lasso", "Draw a line around some points", () => circle(!circling));
    const table = button({ className: "tool words", label: "Download the circled points as a table (CSV)", words: "CSV" }, save);
    const drop = tool("close", "Take the line away", () => emit({ name: value.emits.lasso, value: null }));
    const zooms = [tool("nearer", "Nearer", () => hand.zoomBy(1.5)), tool("farther", "Farther", () => hand.zoomBy(1 / 1.5)), tool("whole", "The whole map", home)];
    const saves = saveButton(picture, id);
    const tools = make("div", { class: "tools" }, lasso, drop, table, ...zooms);
    const surface = make("div", { class: "surface" }, base, over, hint, tools, saves, card.node);
    const legend = window.pgWidgets.mapLegend((off) => {
      value.colours = { ...value.colours, off };
      tint();
      if (value.emits?.legend) emit({ name: value.emits.legend, value: off });
    });
    const [caption, source] = [make("span", { class: "words" }), make("span", { class: "source" })];
    root.replaceChildren(make("figure", { class: "pg-map" }, surface, legend.node, make("figcaption", { class: "pg-caption" }, caption, source)));

    let value = {};
    let field = null; // the points where they are now
    let room, next, paint, quiet; // room: for a picture; next: the room after a glide
    let target = null; // the points as they came last
    let cameraSent = "";
    let held = null; // {point, place} under the hand
    let other = -1; // the point under the hand on a board that is brushed together with this one
    let circling = false;
    let gliding = 0;
    let arriving = 0; // timer: sheets of pictures came that have no room yet
    let wanted = { base: false, over: false };

    // ---- drawing

    const size = { wide: 1, tall: 1 }; // CSS pixels of the canvas
    new ResizeObserver(() => Object.assign(size, { wide: base.clientWidth || 1, tall: base.clientHeight || 1 })).observe(base);
    const unit = () => base.width / size.wide;
    const theme = (name) => getComputedStyle(root).getPropertyValue(`--pg-${name}`).trim();
    let tones = null;
    function look() {
      const large = size.wide > 620;
      const sheets = (value.pictures === false ? [] : (value.thumbs ?? [])).map((one) => ({ ...one, sheet: mapPoints.atlas(one, arrived) }));
      tones ??= Object.fromEntries(["panel", "ink", "accent", "muted", "on-accent"].map((name) => [name === "on-accent" ? "onAccent" : name, theme(name)]));
      tones.font ??= getComputedStyle(root).fontFamily; // asked once: under a moving hand it would lay out the page
      tones.halo ??= document.documentElement.dataset.theme === "light" ? "rgb(255 255 255 / .8)" : "rgb(0 0 0 / .6)";
      return {
        field, camera, room, size, paint, quiet, value, hand: held, other, path: hand.path(), screen: ink.places(), unit: unit(), colours: tones,
        thumbs: sheets,
        drawn: sheets.some((one) => one.sheet),
        picture: clamp((large ? 27 : 20) * camera.zoom ** 0.28, 18, 84),
        framed: Boolean(value.colours),
        ground: mapPoints.packed(mapPoints.rgb(tones.panel)),
        font: tones.font,
      };
    }
    // Sheets come one after another; those that come together are given their room together.
    function arrived() {
      arriving ||= setTimeout(() => {
        arriving = 0;
        if (!field) return;
        rank();
        redraw();
      }, TOGETHER_MS);
    }
    function redraw(what = "both") {
      if (!wanted.base && !wanted.over) requestAnimationFrame(frame);
      if (what === "both") wanted.base = true;
      wanted.over = true;
    }
    function frame() {
      const began = performance.now();
      const both = wanted.base;
      wanted = { base: false, over: false };
      if (!field || !base.width) return;
      const all = look();
      if (both) {
        setAttribute(base, "data-pictures", ink.draw(all)); // tests and benchmarks wait for these two
        setAttribute(base, "data-atlases", all.thumbs.filter((one) => one.sheet).length);
        painted(id);
      }
      marks.draw({ ...all, screen: ink.places() });
      painted(`${id}-hand`);
      timed(both ? id : `${id}-hand`, performance.now() - began);
    }
    fit(base, () => field && ink.draw(look()));
    fit(over, () => redraw());
    new MutationObserver(() => {
      tones = null;
      if (field) tint();
      legend.paint(value.colours);
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

    // ---- what each point looks like

    function tint() {
      const found = mapPoints.colours(value.colours, field.count, theme("muted"));
      paint = found.paint;
      const shown = value.shown ? mapPoints.bits(value.shown, field.count) : null;
      const chosen = value.selection ? mapPoints.bits(value.selection, field.count) : null;
      quiet = Uint8Array.from({ length: field.count }, (_, i) => (found.hidden[i] || (shown && !shown[i]) ? 1 : chosen && !chosen[i] ? 2 : 0));
      rank();
      redraw();
    }
    // which points have room for a picture: of those that are shown, and whose picture is here
    let ranked = { alive: "", of: null };
    function rank() {
      const sheets = (value.thumbs ?? []).filter((one) => mapPoints.atlas(one, arrived));
      const alive = Uint8Array.from(field.ids, (one, i) => !quiet[i] && sheets.some(({ start, count }) => one >= start && one < start + count));
      if (ranked.of === target && ranked.alive === alive.join("") && next) return;
      ranked = { alive: alive.join(""), of: target };
      next = mapPoints.spread(target, alive);
      if (!gliding || !room) room = next;
    }

    function glide(from, milliseconds) {
      cancelAnimationFrame(gliding);
      const [start, goal] = [Float32Array.from(from.places), target];
      const boxes = [from.box, goal.box];
      const solid = [camera.solid, goal.solid ? 1 : 0];
      const angles = [camera.yaw, camera.pitch];
      const began = performance.now();
      const moving = { ...goal, places: Float32Array.from(start), solid: from.solid || goal.solid };
      const step = (now) => {
        const t = milliseconds ? clamp((now - began) / milliseconds, 0, 1) : 1;
        const part = t * t * (3 - 2 * t);
        for (let k = 0; k < start.length; k++) moving.places[k] = start[k] + part * (goal.places[k] - start[k]);
        moving.box = boxes[0].map((axis, c) => axis.map((end, e) => end + part * (boxes[1][c][e] - end)));
        const whole = camera.whole;
        camera.frame(moving.box, false);
        if (whole) [camera.x, camera.y] = camera.home();
        camera.solid = solid[0] + part * (solid[1] - solid[0]);
        if (solid[0] !== solid[1]) [camera.yaw, camera.pitch] = goal.solid ? [0.55 * part, 0.28 * part] : angles.map((angle) => (1 - part) * angle);
        if (t > 0.5) room = next;
        gliding = t < 1 ? requestAnimationFrame(step) : 0;
        field = t < 1 ? moving : goal;
        if (t === 1) room = next;
        setAttribute(base, "data-gliding", t < 1 ? "1" : null);
        redraw();
      };
      if (milliseconds) gliding = requestAnimationFrame(step);
      else step(began);
    }

    // ---- the hand

    function hover(x, y) {
      if (!field) return;
      const before = held;
      held = null;
      if (x !== null && !gliding) {
        const point = ink.hit(x, y, look(), REACH * unit());
        held = { point, place: point >= 0 && !field.solid ? placeOf(point) : field.solid ? null : camera.toPlace(x, y).map((part) => Math.round(1e5 * part) / 1e5) };
        if (point < 0 && !held.place) held = null;
      }
      if (JSON.stringify(held) === JSON.stringify(before)) return;
      card.follow(held, look());
      redraw("marks");
      if (value.emits?.hover) emit({ name: value.emits.hover, value: held }, { live: true });
      if (value.brush) root.closest(".stage-tab")?.dispatchEvent(new CustomEvent("map-brush", { detail: { group: value.brush, from: id, point: held?.point ?? -1 } }));
    }
    const placeOf = (point) => [0, 1].map((c) => Math.round(1e5 * field.places[3 * point + c]) / 1e5);
    root.closest(".stage-tab")?.addEventListener("map-brush", ({ detail }) => {
      if (detail.group !== value.brush || detail.from === id || !field || other === detail.point) return;
      other = detail.point;
      redraw("marks");
    });
    // the beads of the roads move with a strip of frames of the same tab, in the browser alone
    root.closest(".stage-tab")?.addEventListener("strip-index", ({ detail }) => {
      if (detail.name !== value.follows || !value.roads) return;
      value = { ...value, roads: value.roads.map((road) => ({ ...road, at: detail.index })) };
      redraw("marks");
    });
    const hand = mapHand(base, camera, {
      flat: () => !field?.solid,
      circling: () => circling && !field?.solid,
      cursor: () => (held?.place && !field.solid ? camera.toPixels(held.place) : null),
      moved: () => redraw(),
      traced: () => redraw("marks"),
      rested() {
        const now = camera.state();
        if (!value.emits?.camera || field?.solid || JSON.stringify(now) === cameraSent) return;
        cameraSent = JSON.stringify(now);
        emit({ name: value.emits.camera, value: camera.whole ? null : now });
      },
      hover: (x, y) => hover(x ?? null, y),
      click(x, y) {
        hover(x, y);
        if (held && value.emits?.click) emit({ name: value.emits.click, value: held });
      },
      circled(path) {
        const sparse = path.filter((_, k) => k % Math.ceil(path.length / CORNERS) === 0);
        circle(false);
        emit({ name: value.emits.lasso, value: sparse.map(([x, y]) => camera.toPlace(x, y).map((part) => Math.round(100 * part) / 100)) });
      },
    });
    function circle(on) {
      circling = on;
      setAttribute(lasso, "aria-pressed", String(on));
      root.firstChild.classList.toggle("circling", on);
      setText(hint, on ? "Draw a line around some points." : value.hint);
      hint.hidden = !hint.textContent;
    }
    function home() {
      camera.fly(camera.home(), calm.matches ? 0 : 350, redraw, hand.settled);
    }

    // ---- what leaves the page

    function picture() {
      const sheet = make("canvas", { width: base.width, height: base.height });
      const pen = sheet.getContext("2d");
      pen.drawImage(base, 0, 0);
      pen.drawImage(over, 0, 0);
      return sheet;
    }
    async function save() {
      const answer = await server.table({ state: window.playground.tab(tab).state }).catch(() => ({ error: "The server did not answer. Try again." }));
      if (answer.error) return window.playground.notice(answer.error, { kind: "error" });
      const link = make("a", { href: URL.createObjectURL(new Blob([answer.csv], { type: "text/csv" })), download: answer.name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    // ---- the value

    const differs = (names, before) => names.some((name) => JSON.stringify(value[name]) !== JSON.stringify(before[name]));
    function paintWords() {
      setAttribute(base, "aria-label", `${value.alt ?? "A map"} Arrow keys walk, Enter chooses, plus and minus zoom.`);
      setText(caption, value.caption);
      setText(source, value.source);
      const offered = value.tools ?? ["zoom", "lasso", "save"];
      lasso.hidden = !offered.includes("lasso") || !value.emits?.lasso || Boolean(field.solid);
      drop.hidden = !value.hull || !value.emits?.lasso;
      table.hidden = !value.selection || !server?.table;
      for (const one of zooms) one.hidden = !offered.includes("zoom");
      saves.hidden = !offered.includes("save");
      if (lasso.hidden && circling) circle(false);
      if (!circling) setText(hint, value.hint);
      hint.hidden = !hint.textContent;
    }

    return {
      paint(change) {
        const before = value;
        value = { ...value, ...change };
        if (!value.points) return;
        const afresh = !field || before.name !== value.name;
        if (afresh || differs(["points"], before)) {
          const from = field;
          target = mapPoints.read(value.points);
          const jumps = afresh || from.count !== target.count || String(from.ids) !== String(target.ids);
          if (jumps) {
            cancelAnimationFrame(gliding);
            [gliding, field, room, next, held] = [0, target, null, null, null];
            camera.frame(target.box, true);
            camera.solid = target.solid ? 1 : 0;
            if (target.solid) [camera.yaw, camera.pitch] = [0.55, 0.28];
          }
          tint();
          if (!jumps) glide(from, calm.matches ? 0 : (value.morph ?? MORPH_MS));
        } else if (differs(["colours", "shown", "selection", "thumbs", "pictures"], before)) tint();
        if (afresh || differs(["colours"], before)) legend.paint(value.colours);
        if (afresh || differs(["camera"], before)) {
          const to = value.camera ?? camera.home();
          if (JSON.stringify(value.camera) !== cameraSent && (value.camera || !camera.whole)) camera.fly(to, afresh || calm.matches ? 0 : 500, redraw);
          cameraSent = JSON.stringify(value.camera ?? null);
        }
        card.tell(value.card);
        paintWords();
        redraw("marks"); // what changes the points has asked for them
      },
    };
  });
})();
