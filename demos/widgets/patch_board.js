// A picture drawn patch by patch, the candidates of the step that is shown, and a map of how sure each place was.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, decode, fit, drawCell, painted, timed, saveButton, guard, player, idOf, clamp } = window.pgWidgets;
  const TILES = 13; // twelve candidates, and the chosen code where it is not among them
  const LINGER = 900; // milliseconds that the end of a watched run is shown
  const SECONDS = 7; // that a whole picture plays
  const STROKES = ["rough", "fine"];

  const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)}\u00a0%` : p >= 0.00095 ? `${(100 * p).toFixed(1)}\u00a0%` : p > 0 ? "<\u00a00.1\u00a0%" : "0\u00a0%");

  window.playground.define("patch_board", ({ root, props, emit }) => {
    const id = idOf(props);
    const canvas = make("canvas", { role: "img" });
    const places = make("div", { class: "places", "aria-hidden": "true" });
    const box = make("div", { class: "box" }, canvas, places, saveButton(() => canvas, id));
    const range = make("input", { type: "range", class: "pg-range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Code" });
    const reel = player(root, { last: () => newest(), at: () => index, go, perSecond: () => steps() / SECONDS, tell });
    const now = make("strong", { class: "now" });
    const progress = make("span", { class: "progress" });
    const deck = make("div", { class: "deck" }, range, make("div", { class: "ends" }, reel.button, now, progress));
    const title = make("h3", { text: "What could come here" });
    const how = make("p", { class: "how" });
    const tiles = make("div", { class: "tiles", role: "group", "aria-label": "Candidates: choose one, and the drawing goes on from it" });
    const line = make("div", { class: "line", "aria-hidden": "true" });
    const dart = make("span", { class: "dart" });
    const rest = make("p", { class: "rest" });
    const heat = make("div", { class: "heat", "aria-hidden": "true" });
    const bits = make("p", { class: "bits" });
    const source = make("p", { class: "source" });
    const map = make("div", { class: "map" }, heat, make("div", { class: "legend" }, make("h3", { text: "Where it hesitated" }), bits, source));
    const side = make("div", { class: "side" }, title, how, tiles, make("div", { class: "throw" }, line, dart), rest, map);
    const figure = make("figure", { class: "pg-patches empty", role: "group", "aria-label": "A picture, drawn patch by patch" }, make("div", { class: "left" }, box, deck), side);
    const message = make("p", { class: "message", role: "status", hidden: "" });
    root.replaceChildren(message, figure);

    let about = { side: 8, depth: 2, codes: 0 };
    let film = newFilm(); // what is shown
    let index = 0;
    let believed; // the step that Python thinks is shown
    let following = false; // the newest step is shown until the visitor goes back
    let tried = -1; // the candidate that is looked at in its place
    let chasing = 0;
    let wanted = false;
    let lingering = false; // the end of a watched run is shown
    let incoming = Promise.resolve();

    // The steps of one run. cells[i], patches[i]: [image, x, y, side] of the picture and of the first candidate.
    function newFilm(run = null) {
      return { run, items: [], cells: [], patches: [], complete: false, atlases: {} };
    }
    const steps = () => about.side ** 2 * about.depth;
    const newest = () => film.items.length - 1;
    const placeOf = (i) => Math.floor(i / about.depth);

    // ---- drawing

    const cut = document.createElement("canvas").getContext("2d");

    function patchOf(i, k) {
      const found = film.patches[i];
      return found && k < film.items[i].codes.length ? [found[0], found[1] + k * found[3], found[2], found[3]] : null;
    }

    function drawFace() {
      const cell = film.cells[index];
      if (!cell || !canvas.width) return;
      const start = performance.now();
      const context = canvas.getContext("2d", { alpha: false });
      const [image, x, y, size] = cell;
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      drawCell(context, image, x, y, size, size, 0, 0, canvas.width, canvas.height);
      const patch = tried < 0 ? null : patchOf(index, tried);
      if (patch) {
        const place = placeOf(index);
        const [row, column] = [Math.floor(place / about.side), place % about.side];
        const [left, right] = [column, column + 1].map((c) => Math.round((c * canvas.width) / about.side));
        const [top, bottom] = [row, row + 1].map((r) => Math.round((r * canvas.height) / about.side));
        drawCell(context, ...patch, patch[3], left, top, right - left, bottom - top);
      }
      painted(id);
      timed(id, performance.now() - start);
    }

    // A candidate with half a patch of what is around it, as it would stand there; nothing where nothing is drawn.
    function drawTile(target, k) {
      const context = target.getContext("2d");
      const cell = film.cells[index];
      if (!cell || !target.width) return;
      const [image, x, y, size] = cell;
      const patch = size / about.side;
      const half = patch / 2;
      const place = placeOf(index);
      const [row, column] = [Math.floor(place / about.side), place % about.side];
      cut.canvas.width = cut.canvas.height = 2 * patch; // clears it
      const [left, top] = [column * patch - half, row * patch - half];
      const [from, over] = [Math.max(0, left), Math.max(0, top)];
      const [wide, tall] = [Math.min(size, left + 2 * patch) - from, Math.min(size, top + 2 * patch) - over];
      cut.drawImage(image, x + from, y + over, wide, tall, from - left, over - top, wide, tall);
      const own = film.items[index].codes[k] === film.items[index].chosen || k === film.items[index].codes.length;
      const found = own ? null : patchOf(index, k);
      cut.clearRect(patch + half, half, half, 2 * patch); // to the right and below nothing is drawn yet
      cut.clearRect(0, patch + half, 2 * patch, half);
      if (found) cut.drawImage(found[0], found[1], found[2], found[3], found[3], half, half, patch, patch);
      else if (!own) cut.clearRect(half, half, patch, patch);
      context.clearRect(0, 0, target.width, target.height);
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.drawImage(cut.canvas, 0, 0, target.width, target.height);
      target.classList.toggle("waiting", !found && !own);
    }

    // ---- what stands beside it

    const candidates = Array.from({ length: TILES }, (_, k) => {
      const picture = make("canvas", {});
      const bar = make("span", { class: "fill" });
      const tick = make("span", { class: "tick" });
      const words = make("span", { class: "chance" });
      const node = make("button", { type: "button", class: "tile" }, picture, make("span", { class: "bar" }, bar, tick), words);
      node.addEventListener("click", () => take(k));
      for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => look(k));
      for (const name of ["pointerleave", "blur"]) node.addEventListener(name, () => look(-1));
      tiles.append(node);
      const segment = make("span", {});
      line.append(segment);
      fit(picture, () => film.items[index] && drawTile(picture, k), 256);
      return { node, picture, bar, tick, words, segment };
    });

    function look(k) {
      if (tried === k) return;
      tried = k;
      drawFace();
    }

    function take(k) {
      const item = film.items[index];
      const code = item?.codes[k];
      if (code === undefined || code === item.chosen) return;
      reel.stop(false);
      look(-1);
      emit({ name: "pick", value: { position: index, code } }, { live: false });
    }

    function paintCandidates() {
      const item = film.items[index];
      const { codes, chances, belief } = item;
      const among = codes.includes(item.chosen);
      const largest = Math.max(...chances, 1e-9);
      candidates.forEach(({ node, picture, bar, tick, words, segment }, k) => {
        const extra = k === codes.length && !among;
        const shown = k < codes.length || extra;
        node.hidden = segment.hidden = !shown;
        if (!shown) return;
        const chance = extra ? item.chance : chances[k];
        const chosen = extra || codes[k] === item.chosen;
        setAttribute(node, "aria-disabled", chosen ? "true" : null);
        setAttribute(node, "aria-pressed", String(chosen));
        setAttribute(node, "aria-label", `${extra ? `number ${item.rank}` : `number ${k + 1}`}, ${percent(chance)}${chosen ? ", chosen" : ""}`);
        setVariable(bar, "width", `${(100 * Math.min(1, chance / largest)).toFixed(1)}%`);
        tick.hidden = !belief || extra;
        if (belief && !extra) setVariable(tick, "left", `${(100 * Math.min(1, belief[k] / largest)).toFixed(1)}%`);
        setText(words, extra ? `№ ${item.rank}: ${percent(chance)}` : percent(chance));
        setVariable(segment, "width", `${(100 * (extra ? 0 : chance)).toFixed(3)}%`);
        segment.classList.toggle("chosen", chosen);
        drawTile(picture, k);
      });
      const sum = chances.reduce((total, p) => total + p, 0);
      const left = Math.max(0, 1 - sum);
      setText(rest, `Everything else, ${(about.codes - codes.length).toLocaleString("en")} others: ${percent(left)}`);
      dart.hidden = item.dart === null;
      if (item.dart !== null) setVariable(dart, "left", `${(100 * item.dart).toFixed(2)}%`);
      const bent = belief ? " The tick is the model’s own belief, before temperature and top-k." : "";
      setText(how, `${item.dart === null ? "You chose this one." : `The dart fell at ${item.dart.toFixed(3)}.`} Choose another, and it goes on from there.${bent}`);
    }

    const squares = [];
    function lay() {
      const count = about.side ** 2;
      if (squares.length === count) return;
      squares.splice(0);
      places.replaceChildren();
      heat.replaceChildren();
      setVariable(figure, "--side", about.side);
      for (let place = 0; place < count; place++) {
        const pair = [make("span", {}), make("span", {})];
        for (const square of pair) {
          square.addEventListener("click", () => {
            reel.stop(false);
            go(place * about.depth);
            tell();
          });
        }
        places.append(pair[0]);
        heat.append(pair[1]);
        squares.push(pair);
      }
    }

    function paintPlaces() {
      const place = placeOf(index);
      const per = [];
      film.items.forEach((item, i) => (per[placeOf(i)] = (per[placeOf(i)] ?? 0) + item.entropy));
      const largest = Math.max(1, ...per);
      squares.forEach(([square, warm], p) => {
        square.className = p > place ? "open" : p === place ? "here" : "";
        warm.className = p > newest() / about.depth ? "open" : p === place ? "here" : "";
        setVariable(warm, "--heat", `${((100 * (per[p] ?? 0)) / largest).toFixed(0)}%`);
        setAttribute(warm, "title", per[p] === undefined ? null : `${per[p].toFixed(1)} bits`);
      });
      setText(bits, `${(per[place] ?? 0).toFixed(1)} bits at this patch, of at most ${largest.toFixed(1)}. The stronger the colour, the less sure.`);
    }

    function words() {
      const item = film.items[index];
      const place = placeOf(index);
      const stroke = about.depth === STROKES.length ? ` · ${STROKES[index % about.depth]} stroke` : "";
      setText(now, `patch ${place + 1} of ${about.side ** 2}${stroke}`);
      const drawn = film.items.slice(0, index + 1).reduce((total, one) => total + one.bits, 0);
      setText(progress, `${drawn.toFixed(0)} bits so far`);
      setAttribute(range, "aria-valuetext", `${now.textContent}, code ${index + 1} of ${steps()}, chosen: number ${item.rank}, ${percent(item.chance)}`);
      setVariable(range, "--fill", ((100 * index) / Math.max(1, steps() - 1)).toFixed(2));
      setAttribute(canvas, "aria-label", `The picture after ${index + 1} of ${steps()} codes`);
    }

    function redraw() {
      if (wanted) return;
      wanted = true;
      requestAnimationFrame(() => {
        wanted = false;
        if (!film.items[index]) return;
        drawFace();
        paintPlaces();
        paintCandidates();
        words();
      });
    }

    // ---- moving

    function show(i) {
      index = clamp(Math.round(i), 0, Math.max(0, steps() - 1));
      tried = -1;
      if (Number(range.value) !== index) range.value = index;
      redraw();
    }
    function go(i) {
      show(clamp(i, 0, Math.max(0, newest())));
      following = newest() < steps() - 1 && index >= newest();
    }
    function chase() {
      if (chasing) return;
      chasing = requestAnimationFrame(() => {
        chasing = 0;
        if (!following || hand.held()) return;
        if (index < newest()) {
          show(index + Math.max(1, Math.ceil((newest() - index) / 10)));
          chase();
        } else if (newest() === steps() - 1) settle();
      });
    }
    // a run was watched to its end: its picture stays for a moment, then the step that Python shows
    function settle() {
      following = false;
      lingering = true;
      const watched = film;
      setTimeout(() => {
        lingering = false;
        if (film === watched && index === newest() && !hand.held() && !reel.playing()) show(believed ?? index);
      }, LINGER);
    }
    function tell() {
      if (believed === index) return;
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

    figure.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.tagName === "BUTTON") return;
      reel.toggle();
      event.preventDefault();
      event.stopPropagation();
    });

    // ---- what comes from Python

    // Atlases are decoded once; a run that is sent again brings the same ones.
    async function add(value) {
      const mine = film.run === value.run ? film : newFilm(value.run);
      const [strokes, patches] = [value.strokes, value.patches];
      const fresh = (name, part) => part && mine.atlases[name] !== part.atlas;
      const [pictures, small] = await Promise.all([
        fresh("strokes", strokes) ? decode(strokes.atlas) : null,
        fresh("patches", patches) ? decode(patches.atlas) : null,
      ]);
      if (pictures) {
        mine.atlases.strokes = strokes.atlas;
        strokes.items.forEach((item, n) => {
          mine.items[strokes.from + n] = item;
          mine.cells[strokes.from + n] = [pictures, (n % strokes.columns) * strokes.tile, Math.floor(n / strokes.columns) * strokes.tile, strokes.tile];
        });
      }
      if (small) {
        mine.atlases.patches = patches.atlas;
        patches.at.forEach((step, n) => (mine.patches[step] = [small, 0, n * patches.tile, patches.tile]));
      }
      if (!mine.items.length) return;
      believed = value.index;
      if (mine !== film) {
        reel.stop(false);
        film = mine;
        about = { ...about, side: value.side, depth: value.depth, codes: value.codes };
        lay();
        setAttribute(range, "max", steps() - 1);
        following = newest() < steps() - 1; // one that is all there needs no watching
        show(following ? Math.min(value.begin, newest()) : value.index);
      } else if (!following && !reel.playing() && !lingering) hand.offer(clamp(value.index, 0, newest()));
      setText(source, value.source);
      figure.classList.remove("empty");
      redraw();
      chase();
    }

    return {
      paint(value) {
        if (!value) return;
        message.hidden = !value.message;
        figure.hidden = Boolean(value.message);
        if (value.message) {
          setText(message, value.message);
          film = newFilm();
          return;
        }
        incoming = incoming.then(() => add(value)).catch(() => window.playground.notice("A picture arrived damaged and is not shown.", { kind: "error" }));
      },
    };
  });
})();
