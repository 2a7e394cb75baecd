// Moments of a text: scrubbed, stepped and played here; the curve beside it follows.
(() => {
  "use strict";
  const { make, setText, setAttribute, painted, guard, player, idOf, clamp } = window.pgWidgets;
  const SWEEP_MS = 450; // in which a new text runs over the old one
  const REST_MS = 1700; // for which each text can be read while it plays
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  window.playground.define("text_strip", ({ root, props, emit }) => {
    const id = idOf(props);
    const prompt = make("b", {});
    const body = make("span", {});
    const edge = make("i", { "aria-hidden": "true" });
    const rest = make("span", { class: "old", "aria-hidden": "true" });
    const note = make("div", { class: "note" });
    const large = make("blockquote", {}, prompt, body, edge, rest);
    const title = make("b", {});
    const beside = make("aside", {}, make("div", { class: "note" }, title, make("span", {})), make("blockquote", {}));
    const range = make("input", { type: "range", class: "pg-range", id: `${id}-moment`, min: 0, step: 1, "aria-label": "Moment" });
    const reel = player(root, {
      last: () => last(),
      at: () => index,
      go: (i) => (figure.offsetParent === null ? reel.stop() : show(i)), // another part may be shown by now
      perSecond: () => 1000 / REST_MS,
      tell,
      ahead: 0.5, // what is there when it begins was read already
    });
    const now = make("output", { class: "now", for: range.id });
    const [left, right, source] = [make("span", {}), make("span", {}), make("span", { class: "source" })];
    const deck = make("div", { class: "deck" }, reel.button, make("div", { class: "track" }, range, make("div", { class: "ends" }, left, now, right)));
    const figure = make("figure", { class: "pg-texts" }, note, large, beside, deck, make("figcaption", { class: "pg-caption" }, make("span", {}), source));
    root.replaceChildren(figure);

    let value = null;
    let index = 0;
    let told = 0; // what Python believes
    let sweeping = 0;

    const last = () => (value?.frames.length ?? 0) - 1;

    function sweep(from, to) {
      cancelAnimationFrame(sweeping);
      const [old, fresh] = [[...from], [...to]]; // by whole characters
      const began = performance.now();
      const step = (time) => {
        const share = calm.matches ? 1 : clamp((time - began) / SWEEP_MS, 0, 1);
        const at = Math.round(share * Math.max(old.length, fresh.length));
        setText(body, fresh.slice(0, at).join(""));
        setText(rest, share < 1 ? old.slice(at).join("") : "");
        edge.hidden = share >= 1;
        if (share < 1) sweeping = requestAnimationFrame(step);
        else painted(id);
      };
      step(began);
    }

    function show(i, still = false) {
      const before = body.textContent + rest.textContent;
      index = clamp(i, 0, last());
      root.closest(".stage-tab")?.dispatchEvent(new CustomEvent("strip-index", { detail: { name: props.name, index } }));
      const { text, note: said } = value.frames[index];
      setText(prompt, value.prompt);
      setText(note, said);
      setText(now, value.captions?.[index]);
      setAttribute(range, "aria-valuetext", value.captions?.[index]);
      if (range.value !== String(index)) range.value = index;
      range.style.setProperty("--fill", String((100 * index) / Math.max(1, last())));
      const other = value.beside?.texts?.[index] ?? "";
      beside.hidden = !other;
      setText(title, value.beside?.title);
      setText(beside.firstChild.lastChild, value.beside?.notes?.[index]);
      setText(beside.lastChild, other);
      if (still || before !== text) sweep(still ? "" : before, text);
    }
    function tell() {
      if (index === told) return;
      told = index;
      hand.expect(index);
      emit({ name: "frame", value: index }, { live: false });
    }

    const hand = guard(range, {
      moved: (to, byHand) => {
        if (!value || to === index) return;
        if (byHand) reel.stop(false);
        show(to);
      },
      settled: tell,
    });

    figure.addEventListener("keydown", (event) => {
      const direction = event.target === reel.button && { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (direction) reel.step(direction);
      else if (event.key === " " && event.target === range) reel.toggle();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });

    return {
      paint(next) {
        if (!next?.frames?.length) return;
        const same = value?.run === next.run;
        value = next;
        setAttribute(range, "max", last());
        setText(left, next.left);
        setText(right, next.right);
        setText(source, next.source);
        told = next.index;
        if (!same) {
          reel.stop(false);
          show(next.index, true);
        } else if (hand.offer(next.index) && !reel.playing() && next.index !== index) show(next.index);
        else show(index);
      },
    };
  });
})();
