// Texts as tokens, coloured by how a model met them. Nodes are kept from paint to paint: only what differs is touched.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, painted, idOf, clamp } = window.pgWidgets;
  const { flowing, label, spoken, bytes, direction, percent, count } = window.pgTokens;
  const MOST_BITS = 12; // the colour of more bits does not differ
  const SHORT = 48; // tokens of a text that a poster sets in large letters
  const TOLD = 0.5; // bits of change that are written beside the token
  const RANKS = [10, 100, 1000, Infinity];
  const COLOURS = {
    surprisal: { of: (token) => (known(token.s) ? ["heat", clamp(token.s / MOST_BITS, 0, 1)] : null) },
    rank: { of: (token) => (known(token.r) ? ["rank", 1 + RANKS.findIndex((most) => token.r <= most)] : null) },
    change: { of: (token) => (known(token.up) && Math.abs(token.up) >= 0.05 ? [token.up > 0 ? "up" : "down", clamp(Math.abs(token.up) / 8, 0.12, 1)] : null) },
    none: { of: () => null },
  };
  const LEGENDS = {
    surprisal: ["Surprisal", "0 bits: sure of it", `${MOST_BITS} bits and more`],
    rank: ["Rank", "1–10", "11–100", "101–1,000", "beyond"],
    change: ["Since the change", "expected more", "expected less"],
  };
  const known = (value) => value !== null && value !== undefined;
  const number = (value, digits) => value.toFixed(digits).replace("-", "−");
  const bits = (value) => `${number(value, value < 9.95 ? 2 : 1)} bits`;
  const signed = (value) => `${value > 0 ? "+" : ""}${number(value, 1)}`;

  // ---- the card: all about one token

  function makeCard() {
    const title = make("bdi", { class: "title" });
    const about = make("span", { class: "about" });
    const facts = make("dl", {});
    const others = make("div", { class: "others" });
    const node = make("div", { class: "pg-token-card", role: "tooltip", popover: "manual" }, make("div", { class: "head" }, title, about), facts, others);
    function fill(token) {
      title.replaceChildren(...(token.t ? label(token.t) : [make("i", { class: "sign", text: "part of a character" })]));
      setText(about, [known(token.id) && `token ${count(token.id)}`, `bytes ${bytes(token) || "none"}`].filter(Boolean).join(" · "));
      const rows = [
        known(token.s) && ["surprisal", `${bits(token.s)} · p = ${percent(2 ** -token.s)}`],
        known(token.r) && ["rank", token.r === 1 ? "1: the most probable" : count(token.r)],
        known(token.h) && ["expected here", `${bits(token.h)} (entropy)`],
        known(token.up) && ["since the change", `${signed(token.up)} bits`],
      ].filter(Boolean);
      if (!rows.length) rows.push(["", token.kind === "mark" ? "A token that is no text." : "Nothing stands before it, so nothing was predicted."]);
      facts.replaceChildren(...rows.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })]));
      const top = token.alts?.[0]?.[1] || 1;
      others.replaceChildren(
        ...(token.alts ?? []).map(([text, p]) => {
          const row = make("div", { class: text === token.t ? "row this" : "row" }, make("bdi", {}, ...label(text)), make("span", { class: "track" }, make("span")), make("b", { text: percent(p) }));
          setVariable(row, "--part", `${(100 * p) / top}%`);
          return row;
        }),
      );
    }
    return {
      node,
      show(token, target) {
        fill(token);
        if (!node.matches(":popover-open")) node.showPopover();
        const spot = target.getClientRects()[0] ?? target.getBoundingClientRect();
        const { offsetWidth: width, offsetHeight: height } = node;
        const below = spot.bottom + 8 + height <= innerHeight || spot.top < height + 8;
        setVariable(node, "left", `${clamp(spot.left, 8, Math.max(8, innerWidth - width - 8))}px`);
        setVariable(node, "top", `${below ? spot.bottom + 8 : spot.top - height - 8}px`);
      },
      hide: () => node.matches(":popover-open") && node.hidePopover(),
    };
  }

  // ---- one text

  function makeText(k, about) {
    const title = make("h3", {});
    const badge = make("span", { class: "badge" });
    const note = make("span", { class: "note" });
    const flow = make("p", { class: "flow", role: "group" });
    const open = make("span", { class: "open", role: "button", tabindex: "-1", "aria-label": "The place of the next token" });
    const node = make("section", {}, make("header", {}, title, badge, note), flow);
    const nodes = [];
    let tokens = [];
    let keys = [];
    let home = 0; // the token that the Tab key reaches

    const places = () => (open.parentNode ? [...nodes, open] : nodes);
    function give(place) {
      const all = places();
      if (!all.length) return;
      setAttribute(all[Math.min(home, all.length - 1)], "tabindex", "-1");
      home = clamp(place, 0, all.length - 1);
      for (const one of flow.querySelectorAll('[tabindex="0"]')) if (one !== all[home]) setAttribute(one, "tabindex", "-1");
      setAttribute(all[home], "tabindex", "0");
    }

    function paintToken(i, colour) {
      const token = tokens[i];
      const key = colour + JSON.stringify(token);
      if (keys[i] === key) return;
      keys[i] = key;
      const span = (nodes[i] ??= make("span", { role: "button", tabindex: "-1" }));
      const tint = COLOURS[colour].of(token);
      span.className = ["token", token.kind && token.kind !== "given" ? token.kind : "", tint ? tint[0] : ""].filter(Boolean).join(" ");
      setVariable(span, "--tint", tint ? tint[1] : 0);
      if (tint?.[0] === "rank") span.classList.add(`rank-${tint[1]}`);
      const told = colour === "change" && known(token.up) && Math.abs(token.up) >= TOLD;
      span.replaceChildren(...flowing(token), ...(told ? [make("i", { class: "by", text: signed(token.up) })] : []));
      if (!span.childNodes.length) span.append(make("i", { class: "sign", text: "∅" }));
      setAttribute(span, "aria-label", `${spoken(token.t || "part of a character")}${known(token.s) ? `, ${bits(token.s)}` : ""}`);
    }

    // tokens from `from` on are these; what stands before stays
    function set(list, from, colour, text, at) {
      tokens = [...tokens.slice(0, from), ...list];
      tokens.forEach((_, i) => paintToken(i, colour));
      while (nodes.length > tokens.length) nodes.pop().remove();
      keys.length = tokens.length;
      nodes.forEach((one, i) => flow.childNodes[i] !== one && flow.insertBefore(one, flow.childNodes[i] ?? null));
      if (text.open) flow.append(open);
      else open.remove();
      setAttribute(flow, "dir", direction(tokens.map((token) => token.t).join("")));
      places().forEach((one, i) => setAttribute(one, "aria-current", i === at ? "true" : null));
      give(at ?? Math.min(home, places().length - 1));
    }

    return {
      node,
      flow,
      count: () => tokens.length,
      token: (i) => tokens[i],
      placeOf: (target) => places().indexOf(target.closest(".token, .open")),
      focus(place) {
        give(place);
        places()[home]?.focus({ preventScroll: false });
      },
      home: () => home,
      // the place in the line above or below that is nearest to this one
      beside(place, down) {
        const all = places().map((one) => [...one.getClientRects()]); // a token with a line break has several
        const here = all[place].at(down ? -1 : 0);
        let best = -1;
        let least = Infinity;
        all.forEach((spots, i) => {
          for (const spot of i === place ? [] : spots) {
            if (down ? spot.top < here.bottom - 2 : spot.bottom > here.top + 2) continue;
            const far = 1000 * Math.abs(spot.top - here.top) + Math.abs(spot.left - here.left);
            if (far < least) [best, least] = [i, far];
          }
        });
        return best;
      },
      paint(text, colour, at, append) {
        setText(title, text.title);
        setText(badge, text.badge);
        setText(note, text.note);
        title.hidden = !text.title;
        badge.hidden = !text.badge;
        note.hidden = !text.note;
        node.firstChild.hidden = !text.title && !text.badge && !text.note;
        setAttribute(flow, "aria-label", text.title || about);
        set(append ? append.tokens : text.tokens, append ? append.from : 0, colour, text, at);
      },
    };
  }

  window.playground.define("token_text", ({ root, props, emit }) => {
    const id = idOf(props);
    const columns = make("div", { class: "columns" });
    const empty = make("p", { class: "empty" });
    const legend = make("div", { class: "legend" });
    const caption = make("span", {});
    const source = make("span", {});
    const card = makeCard();
    const foot = make("div", { class: "pg-caption" }, caption, source);
    const box = make("div", { class: "pg-tokens" }, columns, empty, legend, foot, card.node);
    root.replaceChildren(box);
    const texts = [];
    let shown = { texts: [], colour: "none" };
    let drawn = "";

    function find(target) {
      const spot = target.closest?.(".token, .open");
      if (!spot || !columns.contains(spot)) return null;
      const k = texts.findIndex(({ node }) => node.contains(spot));
      return { k, i: texts[k].placeOf(spot), spot };
    }
    function look(event) {
      const found = find(event.target);
      const token = found && texts[found.k].token(found.i);
      if (token) card.show(token, found.spot);
      else card.hide();
    }
    function choose(found) {
      texts[found.k].focus(found.i);
      if (shown.action) emit({ name: shown.action, value: [found.k, found.i] }, { live: false });
    }
    columns.addEventListener("pointerover", (event) => event.pointerType !== "touch" && look(event));
    columns.addEventListener("pointerleave", card.hide);
    columns.addEventListener("focusin", look);
    columns.addEventListener("focusout", card.hide);
    columns.addEventListener("scroll", card.hide, true);
    columns.addEventListener("click", (event) => {
      const found = find(event.target);
      if (found && !getSelection().toString()) choose(found);
    });
    columns.addEventListener("keydown", (event) => {
      const found = find(event.target);
      if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
      const text = texts[found.k];
      const forward = text.flow.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
      if (event.key === "Enter" || event.key === " ") choose(found);
      else if (event.key === "Escape") card.hide();
      else if (event.key === "Home") text.focus(0);
      else if (event.key === "End") text.focus(Infinity);
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight") text.focus(found.i + (event.key === forward ? 1 : -1));
      else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        const place = text.beside(found.i, event.key === "ArrowDown");
        if (place >= 0) text.focus(place);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });

    function paintLegend(colour) {
      if (drawn === colour) return;
      drawn = colour;
      const words = LEGENDS[colour];
      legend.hidden = !words;
      if (!words) return;
      const [name, ...rest] = words;
      const swatch = (i) => make("span", { class: colour === "surprisal" ? "ramp" : `swatch ${colour === "rank" ? `rank rank-${i + 1}` : ["down", "up"][i]}` });
      const parts = colour === "surprisal" ? [make("span", { text: rest[0] }), swatch(0), make("span", { text: rest[1] })] : rest.flatMap((word, i) => [swatch(i), make("span", { text: word })]);
      legend.replaceChildren(make("b", { text: name }), ...parts);
    }

    return {
      paint(value) {
        const append = value.append ?? null;
        const list = append ? shown.texts : (value.texts ?? []);
        shown = { ...(append ? shown : {}), ...value, texts: list };
        const colour = COLOURS[shown.colour] ? shown.colour : "none";
        while (texts.length > list.length) texts.pop().node.remove();
        while (texts.length < list.length) {
          texts.push(makeText(texts.length, "The text as tokens"));
          columns.append(texts.at(-1).node);
        }
        list.forEach((text, k) => {
          const at = shown.at && shown.at[0] === k ? shown.at[1] : null;
          if (!append || append.text === k) texts[k].paint(text, colour, at, append);
        });
        const none = texts.every((text) => text.count() === 0) && !list.some((text) => text.open);
        setText(empty, shown.empty);
        empty.hidden = !none || !shown.empty;
        setVariable(box, "--texts", Math.max(1, list.length));
        box.classList.toggle("streaming", Boolean(shown.streaming));
        box.classList.toggle("many", list.length > 4);
        box.classList.toggle("poster", Boolean(shown.poster));
        box.classList.toggle("short", texts.every((text) => text.count() <= SHORT));
        setAttribute(columns, "aria-busy", shown.streaming ? "true" : null);
        if (shown.streaming) for (const { flow } of texts) flow.scrollTop = flow.scrollHeight;
        if (!columns.contains(document.activeElement)) card.hide();
        paintLegend(colour);
        setText(caption, shown.caption);
        setText(source, shown.source);
        foot.hidden = !shown.caption && !shown.source;
        painted(id);
      },
    };
  });
})();
