// Two numbers on one pad. For the keyboard and for screen readers it is two sliders that share one knob.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, latest, fit, idOf, guard, clamp } = window.pgWidgets;
  const STEP = 1 / 32; // the grid of codes

  window.playground.define("latent_pad", ({ root, props, emit }) => {
    const id = idOf(props);
    const canvas = make("canvas", { "aria-hidden": "true" });
    const knob = make("div", { class: "knob" });
    const inputs = ["x", "y"].map((axis) => make("input", { type: "range", class: "pg-unseen", id: `${id}-${axis}` }));
    const surface = make("div", { class: "surface" }, canvas, make("div", { class: "line across" }), make("div", { class: "line up" }), knob, ...inputs);
    const labels = ["x", "y"].map((axis) => make("label", { class: axis, for: `${id}-${axis}` }, make("span", {}), make("b", {})));
    const pad = make("div", { class: "pg-pad" }, labels[1], surface, labels[0]);
    root.replaceChildren(pad);

    let value = null;
    let image = null;
    let uri = null;
    let pointer = null;
    const hands = [null, null];
    const axes = () => [value.x, value.y];
    const step = (axis) => axis.step ?? STEP;
    const position = () => inputs.map((input) => Number(input.value));
    const tell = (live) => emit({ name: value.name ?? "pad", value: position() }, { live });

    function place() {
      axes().forEach((axis, i) => {
        const now = Number(inputs[i].value);
        const part = clamp((now - axis.min) / (axis.max - axis.min || 1), 0, 1);
        setVariable(pad, i ? "--y" : "--x", part.toFixed(4));
        const words = now.toFixed(2).replace("-", "−");
        setText(labels[i].lastChild, words);
        setAttribute(inputs[i], "aria-valuetext", words);
      });
    }
    inputs.forEach((input, i) => {
      hands[i] = guard(input, {
        moved: (_, byHand) => {
          place();
          if (byHand) tell(true);
        },
        settled: () => tell(false),
      });
      // each slider alone would take both pairs of arrows; here left/right is x and up/down is y
      input.addEventListener("keydown", (event) => {
        const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] }[event.key];
        if (!move) return;
        event.preventDefault();
        event.stopPropagation();
        const [which, sign] = move;
        const axis = axes()[which];
        // a held key crosses the pad in about two seconds; with Shift one step of the grid
        const by = event.shiftKey ? step(axis) : Math.max(step(axis), (axis.max - axis.min) / 60);
        const target = inputs[which];
        target.value = Number(target.value) + sign * by;
        target.dispatchEvent(new Event("input"));
      });
      // the key is let go over the slider that has the focus; the other one hears of it here
      for (const name of ["keyup", "blur"]) input.addEventListener(name, () => inputs[1 - i].dispatchEvent(new Event("change")));
    });

    function follow(event) {
      const area = surface.getBoundingClientRect();
      const parts = [(event.clientX - area.left) / area.width, 1 - (event.clientY - area.top) / area.height];
      axes().forEach((axis, i) => {
        inputs[i].value = axis.min + clamp(parts[i], 0, 1) * (axis.max - axis.min);
      });
      place();
      tell(true);
    }
    surface.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !value) return;
      pointer = event.pointerId;
      surface.setPointerCapture(pointer);
      inputs[0].focus({ preventScroll: true });
      event.preventDefault();
      follow(event);
    });
    surface.addEventListener("pointermove", (event) => pointer === event.pointerId && follow(event));
    for (const name of ["pointerup", "pointercancel"]) {
      surface.addEventListener(name, (event) => {
        if (pointer !== event.pointerId) return;
        pointer = null;
        position().forEach((now, i) => hands[i].expect(now));
        tell(false);
      });
    }

    function draw() {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (!image) return;
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
    }
    fit(canvas, draw, 1024);
    const load = latest(
      (next) => {
        image = next;
        pad.classList.toggle("pictured", Boolean(next));
        draw();
      },
      () => window.playground.notice("The pad's background arrived damaged and is not shown.", { kind: "error" }),
    );

    return {
      paint(next) {
        if (!next) return;
        value = next;
        axes().forEach((axis, i) => {
          setText(labels[i].firstChild, axis.label);
          setAttribute(inputs[i], "min", axis.min);
          setAttribute(inputs[i], "max", axis.max);
          setAttribute(inputs[i], "step", step(axis));
          if (pointer === null) hands[i].offer(axis.value);
        });
        place();
        // left out means unchanged: while the hand moves, Python sends no background
        if (next.background !== undefined && next.background !== uri) {
          uri = next.background;
          load(uri);
        }
      },
    };
  });
})();
