// A column of controls. Nodes are kept from paint to paint, by kind and name, so focus and a drag survive an answer.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, icon, guard } = window.pgWidgets;
  let serial = 0;

  // "+1.2 σ" with the number of the slider now: the words follow the thumb at once, Python's words follow them.
  function follow(text, before, now) {
    const found = /[+\-−]?\d+(?:\.(\d+))?/.exec(text);
    if (!found) return text;
    const digits = found[1]?.length ?? 0;
    const shown = Number(found[0].replace("−", "-"));
    if (Math.abs(shown - before) > 0.51 * 10 ** -digits) return text; // the number in the text is another one
    let number = Math.abs(now).toFixed(digits);
    if (now < 0 && Number(number) !== 0) number = (found[0][0] === "-" ? "-" : "−") + number;
    else if (/^[+\-−]/.test(found[0]) && /^\+/.test(found[0])) number = "+" + number;
    return text.slice(0, found.index) + number + text.slice(found.index + found[0].length);
  }

  const kinds = {
    slider(emit) {
      const id = `pg-control-${++serial}`;
      const label = make("label", { for: id, class: "label" });
      const note = make("span", { class: "note" });
      const text = make("output", { class: "text", for: id });
      const fill = make("span");
      const bar = make("div", { class: "bar", "aria-hidden": "true" }, fill);
      const input = make("input", { type: "range", id, class: "pg-range" });
      const reason = make("p", { class: "reason", id: `${id}-reason` });
      const node = make("div", { class: "item slider" }, make("div", { class: "row" }, make("div", { class: "name" }, label, note), text), bar, input, reason);
      let item = {};
      const hand = guard(input, {
        moved(value, byHand) {
          const span = Number(input.max) - Number(input.min) || 1;
          setVariable(input, "--fill", ((100 * (value - Number(input.min))) / span).toFixed(2));
          if (!byHand) return;
          setText(text, follow(item.text ?? "", item.value, value));
          setAttribute(input, "aria-valuetext", text.textContent);
          emit({ name: item.name, value }, { live: true });
        },
        settled: (value) => emit({ name: item.name, value }, { live: false }),
      });
      return {
        node,
        paint(next) {
          item = next;
          const asleep = next.asleep || null;
          setText(label, next.label);
          setText(note, next.note ? `· ${next.note}` : "");
          bar.hidden = next.bar === undefined || next.bar === null;
          setVariable(fill, "width", `${Math.round(1000 * Math.min(1, Math.max(0, next.bar ?? 0))) / 10}%`);
          setAttribute(input, "min", next.min);
          setAttribute(input, "max", next.max);
          setAttribute(input, "step", next.step ?? "any");
          input.disabled = Boolean(asleep);
          node.classList.toggle("asleep", Boolean(asleep));
          setAttribute(node, "title", asleep);
          setText(reason, asleep ?? "");
          reason.hidden = !asleep;
          setAttribute(input, "aria-describedby", asleep ? reason.id : null);
          if (!hand.offer(next.value)) return;
          setText(text, next.text ?? "");
          setAttribute(input, "aria-valuetext", next.text ? `${next.text}${next.note ? `, ${next.note}` : ""}` : null);
        },
      };
    },

    button(emit) {
      let item = {};
      const node = button({ className: "item press", words: " " }, () => emit({ name: item.name, value: null }, { live: false }));
      return {
        node,
        paint(next) {
          item = next;
          setText(node.firstChild, next.label);
          node.classList.toggle("primary", Boolean(next.primary));
        },
      };
    },

    choice(emit) {
      const id = `pg-control-${++serial}`;
      const label = make("span", { class: "label", id });
      const body = make("div", { class: "body" });
      const node = make("div", { class: "item choice" }, label, body);
      let item = {};
      let shape = "";
      const keys = new Map(); // option's key in the DOM -> its value, which need not be text
      const keyOf = (value) => JSON.stringify(value);
      const send = (key) => emit({ name: item.name, value: keys.get(key) }, { live: false });
      return {
        node,
        paint(next) {
          item = next;
          setText(label, next.label);
          label.hidden = !next.label;
          const wanted = JSON.stringify(next.options);
          if (wanted !== shape) {
            shape = wanted;
            keys.clear();
            for (const option of next.options) keys.set(keyOf(option.value), option.value);
            if (next.options.length <= 5) {
              const group = make("div", { class: "segments", role: "radiogroup", "aria-labelledby": id });
              for (const option of next.options) {
                const radio = make("input", { type: "radio", name: id, value: keyOf(option.value) });
                radio.addEventListener("change", () => send(radio.value));
                group.append(make("label", {}, radio, make("span", { text: option.label })));
              }
              body.replaceChildren(group);
            } else {
              const select = make("select", { "aria-labelledby": id });
              for (const option of next.options) select.append(make("option", { value: keyOf(option.value), text: option.label }));
              select.addEventListener("change", () => send(select.value));
              body.replaceChildren(select);
            }
          }
          const key = keyOf(next.value);
          const select = body.querySelector("select");
          if (select) {
            if (select.value !== key) select.value = key;
          } else {
            for (const radio of body.querySelectorAll("input")) radio.checked = radio.value === key;
          }
        },
      };
    },

    number(emit) {
      const id = `pg-control-${++serial}`;
      const label = make("label", { for: id, class: "label" });
      const input = make("input", { type: "number", id, inputmode: "numeric" });
      let item = {};
      let typing = false;
      const send = (value) => emit({ name: item.name, value }, { live: false });
      const dice = button({ className: "dice", label: "new", symbol: "dice" }, () => {
        // short numbers: a presenter reads them aloud
        const span = Math.min(item.max ?? 9999, (item.min ?? 0) + 9999) - (item.min ?? 0) + 1;
        const value = (item.min ?? 0) + (crypto.getRandomValues(new Uint32Array(1))[0] % span);
        input.value = value;
        send(value);
      });
      dice.append(make("span", { text: "new" }));
      const node = make("div", { class: "item number" }, label, make("div", { class: "field" }, input, dice));
      input.addEventListener("input", () => (typing = true));
      input.addEventListener("change", () => {
        typing = false;
        const value = input.valueAsNumber;
        if (Number.isFinite(value) && input.checkValidity()) return send(value);
        window.playground.notice(`${item.label}: a number from ${item.min} to ${item.max}, please.`, { kind: "error" });
        input.value = item.value;
      });
      return {
        node,
        paint(next) {
          item = next;
          setText(label, next.label);
          setAttribute(dice, "aria-label", `New ${String(next.label).toLowerCase()}`);
          setAttribute(input, "min", next.min);
          setAttribute(input, "max", next.max);
          setAttribute(input, "step", next.step ?? 1);
          dice.hidden = !next.dice;
          if (!typing && input.value !== String(next.value)) input.value = next.value;
        },
      };
    },

    toggle(emit) {
      let item = {};
      const input = make("input", { type: "checkbox", role: "switch" });
      const words = make("span", { class: "label" });
      const note = make("span", { class: "note" });
      const node = make("label", { class: "item toggle" }, make("span", { class: "name" }, words, note), input);
      input.addEventListener("change", () => emit({ name: item.name, value: input.checked }, { live: false }));
      return {
        node,
        paint(next) {
          item = next;
          setText(words, next.label);
          setText(note, next.note ? `· ${next.note}` : "");
          input.checked = Boolean(next.value);
        },
      };
    },

    heading(emit) {
      let item = {};
      const title = make("h3", {});
      const note = make("span", { class: "note" });
      const action = button({ className: "quiet", words: " " }, () => emit({ name: item.action.name, value: item.action.value ?? null }, { live: false }));
      const node = make("div", { class: "item heading" }, title, note, action);
      return {
        node,
        paint(next) {
          item = next;
          setText(title, next.label);
          setText(note, next.note);
          note.hidden = !next.note;
          action.hidden = !next.action;
          if (next.action) setText(action.firstChild, next.action.label);
        },
      };
    },

    drawer(emit) {
      const words = make("span", {});
      const inside = make("div", { class: "inside" });
      const node = make("details", { class: "item drawer" }, make("summary", {}, icon("play"), words), inside);
      const list = column(inside, emit);
      let items = []; // painted only while they can be seen: a closed drawer of a hundred sliders costs nothing
      node.addEventListener("toggle", () => node.open && list(items));
      return {
        node,
        paint(next) {
          setText(words, next.label);
          if (!next.items) return; // left out means unchanged
          items = next.items;
          if (node.open) list(items);
        },
      };
    },

    text() {
      const node = make("p", { class: "item words" });
      return { node, paint: (next) => setText(node, next.label) };
    },
  };

  // Paints a list of items into a box, keeping the nodes whose kind and name are still there.
  function column(box, emit) {
    let known = new Map();
    return (items) => {
      const next = new Map();
      const seen = new Map();
      for (const item of items) {
        if (!kinds[item.kind]) continue;
        const base = `${item.kind}:${item.name ?? ""}`;
        const nth = seen.get(base) ?? 0;
        seen.set(base, nth + 1);
        const key = `${base}:${nth}`;
        const control = known.get(key) ?? kinds[item.kind](emit);
        control.paint(item);
        if (item.name) setAttribute(control.node, "data-name", item.name);
        next.set(key, control);
      }
      const focused = document.activeElement;
      const held = [...known.values()].findIndex(({ node }) => node.contains(focused));
      for (const [key, control] of known) if (!next.has(key)) control.node.remove();
      let place = box.firstChild;
      for (const { node } of next.values()) {
        if (node === place) place = place.nextSibling;
        else box.insertBefore(node, place);
      }
      // moving a node in the page takes its focus away
      if (focused !== document.activeElement && box.contains(focused)) focused.focus({ preventScroll: true });
      // who pressed a button that is gone goes on from what is in its place
      else if (held >= 0 && !box.contains(focused)) {
        const heir = box.children[Math.min(held, next.size - 1)];
        (heir?.matches("button") ? heir : heir?.querySelector("button, input, select"))?.focus({ preventScroll: true });
      }
      known = next;
    };
  }

  window.playground.define("controls", ({ root, emit }) => {
    const box = make("div", { class: "pg-items" });
    root.replaceChildren(box);
    const list = column(box, emit);
    return { paint: (value) => list(value?.items ?? []) };
  });
})();
