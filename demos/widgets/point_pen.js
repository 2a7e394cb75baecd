// A pen for points in the plane: a stroke of the mouse or a finger, or single points from the keyboard. And arrows.
//
//   const pen = pgWidgets.pointPen(canvas, {pen: () => value?.pen, reach: () => value.reach, emit, redraw, begun})
//
// The value's `pen` is {name, points, limit} and perhaps `done`: `name` is sent live while a stroke grows, `done` (else
// `name`) with its end. Places go from -reach to reach, y upwards. begun() is called where a stroke begins.
(() => {
  "use strict";
  const { clamp } = window.pgWidgets;
  const APART = 0.02; // between two points of a stroke
  const STEP = 0.05; // of the keyboard

  // Adds an arrow from x, y on to the path.
  window.pgWidgets.arrow = (context, x, y, dx, dy, unit) => {
    const length = Math.hypot(dx, dy);
    const head = Math.min(5 * unit, length / 2) / length;
    const [left, top] = [x + dx, y + dy];
    context.moveTo(x, y);
    context.lineTo(left, top);
    context.moveTo(left - head * (dx + 0.6 * dy), top - head * (dy - 0.6 * dx));
    context.lineTo(left, top);
    context.lineTo(left - head * (dx - 0.6 * dy), top - head * (dy + 0.6 * dx));
  };

  window.pgWidgets.pointPen = (canvas, { pen, reach, emit, redraw, begun = () => {} }) => {
    let stroke = null; // all points while they are being drawn, else null
    let pointer = null;
    let cursor = [0, 0]; // of the keyboard

    function add(place) {
      const { name, points: before, limit } = pen();
      const point = place.map((part) => Math.round(1000 * clamp(part, -1, 1)) / 1000);
      const points = stroke ?? before;
      const last = points.at(-1);
      if (points.length >= limit || (last && Math.hypot(last[0] - point[0], last[1] - point[1]) < APART)) return;
      stroke = [...points, point];
      redraw();
      emit({ name, value: stroke }, { live: true });
    }
    const done = (points) => emit({ name: pen().done ?? pen().name, value: points });
    function finish() {
      if (!stroke) return;
      done(stroke);
      stroke = null;
    }
    const placeOf = (event) => {
      const area = canvas.getBoundingClientRect();
      return [(event.clientX - area.left) / area.width, 1 - (event.clientY - area.top) / area.height].map((part) => (2 * part - 1) * reach());
    };

    canvas.addEventListener("pointerdown", (event) => {
      if (!pen() || event.button !== 0) return;
      pointer = event.pointerId;
      canvas.setPointerCapture(pointer);
      event.preventDefault();
      canvas.focus({ preventScroll: true });
      begun();
      add(placeOf(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (pointer !== event.pointerId || !pen()) return;
      for (const one of event.getCoalescedEvents?.() ?? []) add(placeOf(one));
      add(placeOf(event));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (pointer !== event.pointerId) return;
        pointer = null;
        if (pen()) finish();
      });
    }
    canvas.addEventListener("keydown", (event) => {
      if (!pen()) return;
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (move) cursor = cursor.map((part, i) => clamp(part + move[i] * STEP, -1, 1));
      else if (event.key === " " || event.key === "Enter") {
        add(cursor);
        finish();
      } else if (event.key === "Backspace" || event.key === "Delete") done(pen().points.slice(0, -1));
      else return;
      event.preventDefault();
      event.stopPropagation();
      redraw();
    });
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, redraw);

    return {
      // The stroke that is being drawn, or null; the page shows it before Python knows of it.
      stroke: () => stroke,
      // The keyboard's place, where the canvas has the focus. x, y: from thousandths to pixels.
      cross(context, x, y, unit) {
        if (!pen() || document.activeElement !== canvas || !canvas.matches(":focus-visible")) return;
        context.lineWidth = 2 * unit;
        context.beginPath();
        const [left, top] = [x(1000 * cursor[0]), y(1000 * cursor[1])];
        for (const [a, b] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(left + 4 * a * unit, top + 4 * b * unit);
          context.lineTo(left + 13 * a * unit, top + 13 * b * unit);
        }
        context.stroke();
      },
    };
  };
})();
