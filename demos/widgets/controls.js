// A column of controls. Nodes are kept from paint to paint, by kind and name, so focus and a drag survive an answer.
// What was chosen and not answered yet stays as the hand left it: an answer to something older does not turn it back.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, icon, guard } = window.pgWidgets;
  let serial = 0;
  const REST_MS = 300; // a prompt is told when the keys have rested for so long
  const PATIENCE_MS = 10_000; // and its answer is awaited for so long
  const OFFERED = 8; // completions at most

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

  // The words of a local slider, which no answer follows: `names` calls some values by a word, numbers as the steps are.
  function spelt(item, value) {
    const decimals = String(item.step ?? 0.01).split(".")[1]?.length ?? 0;
    return item.names?.[Number(value.toFixed(decimals))] ?? value.toFixed(decimals).replace("-", "−");
  }

  // A field that is typed in: told when the keys rest or the field is left, and not overwritten while it is ahead of
  // Python. `say(text)` sends; `words` name the text where it is too long.
  const lines = (text) => text.replace(/\r\n?/g, "\n"); // as a field holds it
  function typist(area, say, words) {
    let item = { value: "" };
    let resting = 0; // timer: there are keys that were not told yet
    let awaited = null; // what was told and not answered yet, {text, since}

    function tell() {
      clearTimeout(resting);
      resting = 0;
      if (area.value.length > (item.limit ?? Infinity)) {
        area.value = area.value.slice(0, item.limit).replace(/[\ud800-\udbff]$/, "");
        window.playground.notice(`${words} has at most ${item.limit.toLocaleString("en")} characters; the rest was left out.`, { kind: "warning" });
      }
      const text = area.value;
      if (text === lines(awaited ? awaited.text : item.value)) return;
      awaited = { text, since: performance.now() };
      say(text);
    }
    function typed() {
      clearTimeout(resting);
      resting = setTimeout(tell, REST_MS);
    }
    area.addEventListener("input", (event) => !event.isComposing && typed());
    area.addEventListener("compositionend", typed);
    area.addEventListener("blur", tell);
    return {
      tell,
      idle: () => !awaited && !resting,
      paint(next) {
        item = next;
        if (awaited && (next.value === awaited.text || performance.now() - awaited.since > PATIENCE_MS)) awaited = null;
        // what is being typed, or was told and not answered yet, stays; so does the caret
        if (resting || awaited || area.value === lines(next.value)) return;
        const { selectionStart, selectionEnd } = area;
        area.value = next.value;
        if (document.activeElement === area) area.setSelectionRange(selectionStart, selectionEnd);
      },
    };
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
          setText(text, item.local ? spelt(item, value) : follow(item.text ?? "", item.value, value));
          setAttribute(input, "aria-valuetext", text.textContent);
          if (item.local) tell(value, true);
          else emit({ name: item.name, value }, { live: true });
        },
        settled(value) {
          if (item.local) tell(value, false);
          emit({ name: item.name, value }, { live: false });
        },
      });
      // widgets of the same tab follow the hand by themselves, without a request
      const tell = (value, held) => node.dispatchEvent(new CustomEvent("local", { bubbles: true, detail: { name: item.name, value, held } }));
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
          setText(text, next.text ?? (next.local ? spelt(next, next.value) : ""));
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

    choice(emit, pending) {
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
          if (wanted === shape && pending(next.name)) return;
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

    number(emit, pending) {
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
          if (!typing && !pending(next.name) && input.value !== String(next.value)) input.value = next.value;
        },
      };
    },

    toggle(emit, pending) {
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
          if (!pending(next.name)) input.checked = Boolean(next.value);
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

    drawer(emit, pending) {
      const words = make("span", {});
      const inside = make("div", { class: "inside" });
      const node = make("details", { class: "item drawer" }, make("summary", {}, icon("play"), words), inside);
      const list = column(inside, emit, pending);
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

    // A typed prompt: completed from phrases while it is typed, told when the keys rest; chips and notes are Python's.
    prompt(emit) {
      const id = `pg-control-${++serial}`;
      const label = make("label", { for: id, class: "label" });
      const area = make("textarea", {
        id,
        rows: 2,
        role: "combobox",
        autocomplete: "off",
        autocapitalize: "none",
        spellcheck: "false",
        "aria-autocomplete": "list",
        "aria-haspopup": "listbox",
        "aria-expanded": "false",
        "aria-controls": `${id}-offers`,
      });
      const offers = make("ul", { class: "offers", id: `${id}-offers`, role: "listbox", hidden: "" });
      const chips = make("ul", { class: "chips", "aria-label": "Understood" });
      const notes = make("div", { class: "notes", role: "status" });
      const node = make("div", { class: "item prompt" }, label, make("div", { class: "write" }, area, offers), chips, notes);
      let item = { value: "", chips: [], notes: [] };
      let phrases = [];
      const hand = typist(area, (text) => emit({ name: item.name, value: text }, { live: false }), "A prompt");
      const { tell } = hand;
      let wish = null; // a chip or fix that was pressed before the text it stands in was answered
      let found = null; // what the list offers: {from, to, options}
      let active = -1;

      // ---- completion

      const fold = (text) => text.normalize("NFKD").replace(/[\p{M}'’]/gu, "").replace(/[-_]/g, " ").toLowerCase();

      // The phrases that complete the words before the caret: the longest end of the piece that begins one.
      function search(empty) {
        const to = area.selectionStart;
        if (to !== area.selectionEnd || /^[\p{L}\p{N}]/u.test(area.value.slice(to))) return null;
        const piece = area.value.slice(0, to).split(/[,;.!?\n]|\s(?:and|with)\s/).at(-1);
        const words = [...piece.matchAll(/\S+/g)];
        if (!words.length) return empty ? { from: to, to, options: phrases.slice(0, OFFERED) } : null;
        for (const word of words.slice(-4)) {
          const begun = fold(piece.slice(word.index).trimEnd());
          const starts = phrases.filter((phrase) => phrase.startsWith(begun));
          const inside = begun.length > 1 ? phrases.filter((phrase) => phrase.includes(` ${begun}`) && !starts.includes(phrase)) : [];
          if (starts.includes(begun)) return null; // whole already
          const options = [...starts, ...inside].slice(0, OFFERED);
          if (options.length) return { from: to - piece.length + word.index, to, options };
        }
        return null;
      }
      function offer(empty) {
        found = search(empty);
        active = -1;
        offers.replaceChildren(
          ...(found?.options ?? []).map((phrase, i) => make("li", { id: `${id}-offer-${i}`, role: "option", "aria-selected": "false", text: phrase })),
        );
        offers.hidden = !offers.firstChild;
        offers.scrollTop = 0;
        setAttribute(area, "aria-expanded", String(!offers.hidden));
        setAttribute(area, "aria-activedescendant", null);
        if (!offers.hidden) offers.scrollIntoView({ block: "nearest" });
      }
      function close() {
        if (offers.hidden) return;
        offers.hidden = true;
        active = -1;
        setAttribute(area, "aria-expanded", "false");
        setAttribute(area, "aria-activedescendant", null);
      }
      function activate(next) {
        const options = [...offers.children];
        active = (next + options.length) % options.length;
        options.forEach((option, i) => setAttribute(option, "aria-selected", String(i === active)));
        setAttribute(area, "aria-activedescendant", options[active].id);
        options[active].scrollIntoView({ block: "nearest" });
      }
      function take(i) {
        const { from, to, options } = found;
        area.focus({ preventScroll: true });
        area.setSelectionRange(from, to);
        // as if it were typed, so that the field's own undo knows it
        if (!document.execCommand("insertText", false, options[i])) area.setRangeText(options[i], from, to, "end");
        close();
        tell();
      }

      area.addEventListener("input", (event) => !event.isComposing && offer(false));
      area.addEventListener("compositionend", () => offer(false));
      area.addEventListener("blur", close);
      area.addEventListener("click", () => (area.value ? close() : offer(true)));
      area.addEventListener("keydown", (event) => {
        if (event.isComposing || event.ctrlKey || event.metaKey) return;
        const arrow = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (!offers.hidden && arrow) activate(active < 0 && arrow < 0 ? -1 : active + arrow);
        else if (event.key === "ArrowDown" && (event.altKey || area.selectionStart === area.value.length)) offer(true);
        else if (event.key === "Escape" && !offers.hidden) close();
        else if (event.key === "Enter" && !event.shiftKey) {
          if (active >= 0) take(active);
          else {
            close();
            tell();
          }
        } else {
          if (/^(Arrow|Home|End|Page)/.test(event.key)) close();
          return;
        }
        event.preventDefault();
        event.stopPropagation();
      });
      offers.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
      offers.addEventListener("mousedown", (event) => event.preventDefault());
      offers.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) take([...offers.children].indexOf(option));
      });

      // ---- what was understood

      // Chips and fixes carry the whole text they lead to. While Python has not answered the newest text that is the
      // wrong one: the wish is kept until it has.
      function press(list, name) {
        tell();
        wish = { list, name };
        grant();
      }
      function grant() {
        if (!wish || !hand.idle()) return;
        const fixes = item.notes.flatMap((note) => note.fixes ?? []);
        const one = (wish.list === "chips" ? item.chips : fixes).find((each) => each.label === wish.name);
        wish = null;
        if (!one) return;
        area.value = one.text;
        tell();
      }
      // Paints a list and keeps the nodes of what is still in it: a finger may be on one. Who was on a button that is
      // gone goes on from the button in its place.
      const known = new Map();
      function fill(box, list, build) {
        const place = [...box.querySelectorAll("button")].indexOf(document.activeElement);
        const keys = list.map((each) => `${box.className}:${each.label ?? JSON.stringify(each)}`);
        const nodes = list.map((each, i) => known.get(keys[i]) ?? build(each));
        for (const [key, old] of known) if (old.parentNode === box && !keys.includes(key)) known.delete(key);
        keys.forEach((key, i) => known.set(key, nodes[i]));
        for (const old of [...box.children]) if (!nodes.includes(old)) old.remove();
        nodes.forEach((one, i) => box.children[i] !== one && box.insertBefore(one, box.children[i] ?? null));
        box.hidden = !nodes.length;
        if (place < 0 || box.contains(document.activeElement)) return;
        const buttons = [...box.querySelectorAll("button"), ...chips.querySelectorAll("button")];
        (buttons[Math.min(place, buttons.length - 1)] ?? area).focus({ preventScroll: true });
      }
      const chip = ({ label: said }) => {
        const one = button({ className: "chip", words: said }, () => press("chips", said));
        setAttribute(one, "aria-label", `Remove “${said}”`);
        one.append(icon("close"));
        return make("li", {}, one);
      };
      const note = ({ text, fixes = [] }) => {
        const words = make("p", {}, make("span", { text }));
        fixes.forEach(({ label: meant }, i) => {
          const one = button({ className: "quiet fix", words: meant }, () => press("fixes", meant));
          words.append(" ", one, i < fixes.length - 1 ? "," : "?");
        });
        return words;
      };

      return {
        node,
        paint(next) {
          item = { chips: [], notes: [], ...next };
          if (next.suggestions) phrases = next.suggestions; // left out means unchanged
          setText(label, next.label);
          setAttribute(area, "placeholder", next.placeholder);
          setAttribute(offers, "aria-label", `Completions of ${next.label}`);
          hand.paint(item);
          fill(notes, item.notes, note);
          fill(chips, item.chips, chip);
          if (wish && hand.idle()) setTimeout(grant); // after this answer has arrived everywhere
        },
      };
    },

    // A text of several lines, and some to choose from.
    writing(emit) {
      const id = `pg-control-${++serial}`;
      const label = make("label", { for: id, class: "label" });
      const area = make("textarea", { id, rows: 2, dir: "auto", autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
      const examples = make("div", { class: "examples" });
      const node = make("div", { class: "item writing" }, label, area, examples);
      let item = {};
      let shape = "";
      const hand = typist(area, (text) => emit({ name: item.name, value: text }, { live: false }), "A text");
      const choose = (text) => {
        area.value = text;
        hand.tell();
      };
      return {
        node,
        paint(next) {
          item = next;
          setText(label, next.label);
          setAttribute(area, "placeholder", next.placeholder);
          hand.paint(next);
          const list = next.examples ?? [];
          examples.hidden = !list.length;
          if (shape === list.join("\n")) return;
          shape = list.join("\n");
          examples.replaceChildren(...list.map((text) => button({ className: "quiet", words: text }, () => choose(text))));
        },
      };
    },

    text() {
      const node = make("p", { class: "item words" });
      return { node, paint: (next) => setText(node, next.label) };
    },
  };

  // Paints a list of items into a box, keeping the nodes whose kind and name are still there.
  function column(box, emit, pending) {
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
        const control = known.get(key) ?? kinds[item.kind](emit, pending);
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
        (heir?.matches("button") ? heir : heir?.querySelector("button, input, select, textarea"))?.focus({ preventScroll: true });
      }
      known = next;
    };
  }

  window.playground.define("controls", ({ root, emit, tab }) => {
    const box = make("div", { class: "pg-items" });
    root.replaceChildren(box);
    const list = column(box, emit, (name) => Boolean(tab) && window.playground.tab(tab).pending(name));
    return { paint: (value) => list(value?.items ?? []) };
  });
})();
