// The hand on a map: mouse, fingers and keys become a place, a click, a turn of the camera or a line drawn around.
//
//   pgWidgets.mapHand(canvas, camera, {moved, rested, traced(), hover(x, y), click(x, y), circling(),
//     circled(path), flat(), cursor()})
//
// Pixels are the canvas's own. moved(): the camera did; rested(): it came to rest; traced(): the line grew. hover(null):
// the hand has left. cursor(): where the keyboard's hand begins.
// A finger that rests on the map before it moves walks over it; a finger that moves at once moves the map.
(() => {
  "use strict";
  const { clamp } = window.pgWidgets;
  const SLACK = 5; // CSS pixels that a click may move
  const HOLD_MS = 280; // after which a finger walks
  const REST_MS = 350;

  window.pgWidgets.mapHand = (canvas, camera, { moved, rested, traced, hover, click, circling, circled, flat, cursor }) => {
    const fingers = new Map();
    let began = null; // where the first finger came down
    let dragged = false;
    let walking = false;
    let holding = 0;
    let path = null;
    let resting = 0;
    let keyed = null; // the place of the keyboard's hand, in pixels

    // Where the canvas is: asked for when that may have changed, not at every move, since the page would be laid out anew.
    let area = null;
    const forget = () => (area = null);
    for (const name of ["resize", "scroll"]) window.addEventListener(name, forget, { capture: true, passive: true });
    for (const name of ["pointerenter", "pointerdown"]) canvas.addEventListener(name, forget);
    new ResizeObserver(forget).observe(canvas);
    const ratio = () => canvas.width / ((area ??= canvas.getBoundingClientRect()).width || 1);
    const at = (event) => {
      const scale = ratio();
      return [(event.clientX - area.left) * scale, (event.clientY - area.top) * scale];
    };
    function stirred() {
      moved();
      clearTimeout(resting);
      resting = setTimeout(rested, REST_MS);
    }

    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      fingers.set(event.pointerId, at(event));
      clearTimeout(holding);
      if (fingers.size === 1) {
        [began, dragged, walking, keyed] = [at(event), false, false, null];
        if (circling()) path = [began];
        else if (event.pointerType === "touch" && flat()) holding = setTimeout(walk, HOLD_MS);
      } else [dragged, walking, path] = [true, false, null];
    });
    function walk() {
      walking = true;
      hover(...began);
    }
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event);
      const before = fingers.get(event.pointerId);
      if (!before) {
        if (event.pointerType !== "touch") {
          keyed = null;
          hover(...now);
        }
        return;
      }
      if (fingers.size === 1 && !dragged && Math.hypot(now[0] - began[0], now[1] - began[1]) > SLACK * ratio()) {
        dragged = true;
        clearTimeout(holding);
        if (!path && !walking) hover(null);
      }
      if (path) {
        const last = path.at(-1);
        if (Math.hypot(now[0] - last[0], now[1] - last[1]) > 4 * ratio()) path.push(now);
        traced();
      } else if (walking) hover(...now);
      else if (fingers.size === 2) {
        const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
        const apart = (place) => Math.max(10, Math.hypot(place[0] - other[0], place[1] - other[1]));
        camera.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
        camera.magnify(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        stirred();
      } else if (dragged) {
        camera[flat() ? "pan" : "turn"](now[0] - before[0], now[1] - before[1]);
        stirred();
      }
      fingers.set(event.pointerId, now);
    });
    function lift(event) {
      if (!fingers.delete(event.pointerId) || fingers.size) return;
      clearTimeout(holding);
      const here = at(event);
      if (path) {
        const drawn = path;
        path = null;
        if (drawn.length > 3) circled(drawn);
        traced();
      } else if (event.type === "pointerup" && (!dragged || walking)) click(...(walking ? here : began));
      walking = false;
    }
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && !fingers.size && hover(null));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const by = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
        camera.magnify(Math.exp(-by * (event.ctrlKey ? 0.01 : 0.0016)), ...at(event));
        stirred();
      },
      { passive: false },
    );

    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (step && !event.altKey && !event.ctrlKey && !event.metaKey) {
        const by = (event.shiftKey ? 0.005 : 0.02) * canvas.width;
        if (flat()) walkBy(step[0] * by, step[1] * by);
        else {
          camera.turn(4 * step[0] * ratio(), 4 * step[1] * ratio());
          stirred();
        }
      } else if (event.key === "+" || event.key === "=") zoomBy(1.3);
      else if (event.key === "-" || event.key === "_") zoomBy(1 / 1.3);
      else if (event.key === "0") camera.fly(camera.home(), 300, moved, rested);
      else if (event.key === "Enter" || event.key === " ") {
        if (!event.repeat) click(...(keyed ?? cursor() ?? [canvas.width / 2, canvas.height / 2]));
      } else if (event.key === "Escape" && path) path = null;
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.addEventListener("blur", () => {
      if (keyed) hover(null);
      keyed = null;
    });
    function zoomBy(factor) {
      camera.magnify(factor, ...(keyed ?? []));
      stirred();
    }
    // the keyboard's hand; at the edge it takes the map along
    function walkBy(x, y) {
      keyed ??= cursor() ?? [canvas.width / 2, canvas.height / 2];
      const wanted = [keyed[0] + x, keyed[1] + y];
      const margin = 0.06 * canvas.width;
      keyed = [clamp(wanted[0], margin, canvas.width - margin), clamp(wanted[1], margin, canvas.height - margin)];
      const over = [keyed[0] - wanted[0], keyed[1] - wanted[1]];
      if (over[0] || over[1]) {
        camera.pan(...over);
        stirred();
      }
      hover(...keyed);
    }

    return { path: () => path, zoomBy, busy: () => dragged && fingers.size > 0, settled: stirred };
  };
})();
