// n x m faces in one picture. The canvas is drawn cell by cell, so that smoothing never mixes two faces.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, latest, fit, drawCell, painted, saveButton, idOf, clamp } = window.pgWidgets;
  const NOTES = 64; // beyond this many cells there is no room for words in them
  const FINE = 4; // a single face is enlarged so far as well as the browser can, and from there on quickly: it looks the same
  const NARROW = window.matchMedia("(max-width: 480px)"); // a phone: a row of four and more stands there in two
  const MANY = 100; // beyond this a sheet is drawn in one go: its cells are small, and nothing is enlarged

  window.playground.define("face_sheet", ({ root, props, emit }) => {
    const id = idOf(props);
    const canvas = make("canvas", { role: "img" });
    const columnLabels = make("div", { class: "columns", "aria-hidden": "true" });
    const rowLabels = make("div", { class: "rows", "aria-hidden": "true" });
    const cells = make("div", { class: "cells", role: "grid" });
    const save = saveButton(() => canvas, id);
    const box = make("div", { class: "box" }, canvas, cells, save);
    const caption = make("span", { class: "words" });
    const source = make("span", { class: "source" });
    const under = make("figcaption", { class: "pg-caption" }, caption, source);
    const figure = make("figure", { class: "pg-sheet empty" }, columnLabels, rowLabels, box, under);
    const larger = make("canvas", {}); // a single face on its way to its size
    root.replaceChildren(figure);

    let shown = null; // the picture on the canvas: {image, uri, rows, cols, smooth, folds}
    let value = null;
    let here = 0; // the cell that the keyboard is on

    function draw() {
      const context = canvas.getContext("2d");
      if (!shown) return;
      const { image, smooth } = shown;
      const { rows, cols } = grid(shown);
      context.imageSmoothingEnabled = smooth;
      context.imageSmoothingQuality = "high";
      if (rows * cols > MANY) {
        context.drawImage(image, 0, 0, canvas.width, canvas.height);
        return;
      }
      const w = image.naturalWidth / shown.cols;
      const h = image.naturalHeight / shown.rows;
      if (shown.folds) context.clearRect(0, 0, canvas.width, canvas.height); // its last cell may be empty
      const large = smooth && rows * cols === 1 && canvas.width > FINE * w;
      if (large) drawLarge(context, image);
      for (let row = 0; row < rows && !large; row++) {
        // whole pixels, so that neighbours neither overlap nor leave a hair between them
        const top = Math.round((row * canvas.height) / rows);
        const bottom = Math.round(((row + 1) * canvas.height) / rows);
        for (let column = 0; column < cols; column++) {
          const i = row * cols + column;
          const left = Math.round((column * canvas.width) / cols);
          const right = Math.round(((column + 1) * canvas.width) / cols);
          const cell = cellOf(shown, i);
          if (cell < 0) continue;
          drawCell(context, image, (cell % shown.cols) * w, Math.floor(cell / shown.cols) * h, w, h, left, top, right - left, bottom - top);
        }
      }
      if (rows * cols > NOTES) return;
      drawNotes(context, (cell) => value.notes?.[cell], false);
      if (shown.folds) drawNotes(context, (cell) => value.col_labels?.[cell], true); // over the first row of each half
    }

    function drawLarge(context, image) {
      const [width, height] = [FINE * image.naturalWidth, FINE * image.naturalHeight];
      if (larger.width !== width || larger.height !== height) [larger.width, larger.height] = [width, height];
      const step = larger.getContext("2d");
      step.imageSmoothingQuality = "high";
      step.globalCompositeOperation = "copy";
      step.drawImage(image, 0, 0, width, height);
      context.imageSmoothingQuality = "low";
      context.drawImage(larger, 0, 0, canvas.width, canvas.height);
    }

    // The rows and columns on the screen; those of the picture are in the value. Folded, its right half is below its left.
    function grid({ rows, cols, folds }) {
      return folds ? { rows: 2 * rows, cols: Math.ceil(cols / 2) } : { rows, cols };
    }
    // The cell of the picture that stands in this cell of the screen; -1 where there is none.
    function cellOf(sheet, place) {
      const wide = grid(sheet).cols;
      const row = Math.floor(place / wide);
      const column = Math.floor(row / sheet.rows) * wide + (place % wide);
      return column < sheet.cols ? (row % sheet.rows) * sheet.cols + column : -1;
    }

    // A dark strip with white words at the foot or the top of each cell: read on any picture, and part of what is downloaded.
    function drawNotes(context, words, above) {
      const { rows, cols } = grid(shown);
      const [wide, tall] = [canvas.width / cols, canvas.height / rows];
      const em = parseFloat(getComputedStyle(figure).fontSize) * (canvas.clientWidth ? canvas.width / canvas.clientWidth : window.devicePixelRatio);
      const size = Math.min(clamp(0.13 * tall, 0.62 * em, 1.4 * em), 0.18 * tall);
      const strip = Math.round(1.5 * size);
      context.font = `600 ${size}px ${getComputedStyle(figure).fontFamily}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      for (let i = 0; i < rows * cols; i++) {
        const cell = cellOf(shown, i);
        const note = cell < 0 ? null : words(cell);
        if (!note) continue;
        const left = Math.round((i % cols) * wide);
        const bottom = Math.round(Math.floor(i / cols) * tall + (above ? strip : tall));
        const right = Math.round(((i % cols) + 1) * wide);
        context.fillStyle = "rgb(0 0 0 / .72)";
        context.fillRect(left, bottom - strip, right - left, strip);
        context.fillStyle = "#fff";
        context.fillText(note, (left + right) / 2, bottom - strip / 2 + 0.04 * size, right - left - 0.4 * size);
      }
    }
    fit(canvas, draw);
    // presenter mode changes the size of type, not always that of the canvas
    window.addEventListener("resize", () => value?.notes && draw());

    function labels(node, words) {
      node.hidden = !words?.length;
      const count = words?.length ?? 0;
      while (node.children.length > count) node.lastChild.remove();
      while (node.children.length < count) node.append(make("span", {}));
      for (let i = 0; i < count; i++) {
        setText(node.children[i], words[i]);
        setAttribute(node.children[i], "title", words[i]);
      }
    }

    const cellAt = (i) => cells.querySelector(`[data-cell="${i}"]`);

    function paintCells() {
      const { actions, selected } = value;
      const { rows, cols } = grid(value);
      cells.hidden = !actions?.some(Boolean);
      // over cells to click the button would be in the way
      const place = cells.hidden ? box : under;
      if (save.parentElement !== place) place.append(save);
      under.classList.toggle("kept", under.classList.contains("kept") || !cells.hidden);
      if (cells.hidden) {
        cells.replaceChildren();
        return;
      }
      const shape = `${rows}x${cols}`;
      if (cells.dataset.shape !== shape || !cells.firstChild) {
        const hadFocus = cells.contains(document.activeElement);
        cells.dataset.shape = shape;
        here = 0;
        cells.replaceChildren(
          ...Array.from({ length: rows }, (_, row) =>
            make(
              "div",
              { role: "row" },
              ...Array.from({ length: cols }, (_, column) => make("div", { role: "gridcell", "data-cell": row * cols + column, tabindex: -1 })),
            ),
          ),
        );
        cellAt(here).tabIndex = 0;
        if (hadFocus) cellAt(here).focus({ preventScroll: true });
      }
      setAttribute(cells, "aria-label", value.alt || "Pictures to choose from");
      for (let place = 0; place < rows * cols; place++) {
        const cell = cellAt(place);
        const i = cellOf(value, place);
        const row = value.row_labels?.[Math.floor(i / value.cols)] ?? (value.rows > 1 ? `row ${Math.floor(i / value.cols) + 1}` : "");
        const column = value.col_labels?.[i % value.cols] ?? `picture ${(i % value.cols) + 1} of ${value.cols}`;
        cell.hidden = i < 0;
        setAttribute(cell, "aria-label", [row, column, value.notes?.[i]].filter(Boolean).join(", "));
        setAttribute(cell, "aria-disabled", actions[i] ? null : "true");
        setAttribute(cell, "aria-selected", String(selected === i));
      }
    }

    function paintWords() {
      const { rows, cols } = grid(value);
      setVariable(figure, "--rows", rows);
      setVariable(figure, "--cols", cols);
      setVariable(figure, "--fade", value.fade ?? 1);
      const notes = (value.notes ?? []).filter(Boolean).join(", ");
      setAttribute(canvas, "aria-label", [value.alt || "A picture", notes].filter(Boolean).join(": "));
      labels(columnLabels, value.folds ? [] : value.col_labels); // folded, they stand in the pictures
      labels(rowLabels, value.folds && value.row_labels ? [...value.row_labels, ...value.row_labels] : value.row_labels);
      figure.classList.toggle("named-rows", Boolean(value.row_labels?.length));
      setText(caption, value.caption);
      setText(source, value.source);
      // once there was a caption its line stays, so nothing below jumps
      if (value.caption || value.source) under.classList.add("kept");
      paintCells();
    }

    const load = latest(
      (image, next) => {
        value = next;
        paintWords();
        shown = image && { image, uri: next.image, rows: next.rows, cols: next.cols, smooth: next.smooth, folds: next.folds };
        figure.classList.toggle("empty", !shown);
        if (shown) {
          draw();
          painted(id);
        } else canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
      },
      () => {
        window.playground.notice("A picture arrived damaged and is not shown.", { kind: "error" });
      },
    );

    function choose(place) {
      const action = value?.actions?.[cellOf(value, place)];
      if (action) emit(action, { live: false });
    }
    cells.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-cell]");
      if (!cell) return;
      move(Number(cell.dataset.cell));
      choose(here);
    });
    function move(to) {
      cellAt(here).tabIndex = -1;
      here = to;
      cellAt(here).tabIndex = 0;
      cellAt(here).focus({ preventScroll: true });
    }
    cells.addEventListener("keydown", (event) => {
      const { rows, cols } = grid(value);
      const row = Math.floor(here / cols);
      const column = here % cols;
      const to = {
        ArrowLeft: () => row * cols + clamp(column - 1, 0, cols - 1),
        ArrowRight: () => row * cols + clamp(column + 1, 0, cols - 1),
        ArrowUp: () => clamp(row - 1, 0, rows - 1) * cols + column,
        ArrowDown: () => clamp(row + 1, 0, rows - 1) * cols + column,
        Home: () => row * cols,
        End: () => row * cols + cols - 1,
      }[event.key];
      if (to) {
        let place = to();
        while (cellOf(value, place) < 0) place -= 1; // the last cells of a folded sheet may be empty
        move(place);
      }
      else if (event.key === "Enter" || event.key === " ") choose(here);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });

    let last = null; // the newest value as it came
    function paint(next) {
      if (!next) return;
      last = next;
      const whole = {
        ...next,
        image: next.image ?? null,
        rows: Math.max(1, next.rows ?? 1),
        cols: Math.max(1, next.cols ?? 1),
        smooth: next.smooth !== false,
      };
      whole.folds = (whole.rows === 1 || Boolean(next.fold)) && whole.cols > 3 && NARROW.matches;
      if (value === null) {
        value = whole;
        paintWords(); // takes its place before the first picture is there
      }
      const same = shown && ["rows", "cols", "smooth", "folds"].every((key) => shown[key] === whole[key]) && shown.uri === whole.image;
      if (same && !load.busy()) {
        const noted = JSON.stringify(value.notes) !== JSON.stringify(whole.notes);
        value = whole;
        paintWords();
        if (noted) draw();
      } else load(whole.image, whole);
    }
    NARROW.addEventListener("change", () => paint(last));
    return { paint };
  });
})();
