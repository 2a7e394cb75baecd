// The next token: large bars, the rules that bend them, the dart. Everything is computed here from the logits, so that
// a knob moves the bars without asking anybody.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, fit, painted, timed, idOf } = window.pgWidgets;
  const { label, spoken, percent, count } = window.pgTokens;
  const maths = window.pgSampling;
  const KEPT = 128; // sets of logits that stay here: as many as there are steps to undo
  const PATIENCE = 2000; // milliseconds that an answer may take before a click counts again
  const SEGMENTS = 200; // of the line, at most
  const SCALES = [0.1, 0.25, 0.5, 1]; // what the longest bar may stand for
  // in the order in which they are applied: what each is called, where it is off, what it does
  const RULES = {
    repetition_penalty: ["Penalty", 1, "what was there before becomes rarer"],
    temperature: ["Temperature", 1, "divides the logits: flatter or sharper"],
    top_k: ["Top-k", 0, "keeps the k likeliest"],
    top_p: ["Top-p", 1, "keeps the likeliest, up to the mass p"],
    min_p: ["Min-p", 0, "keeps what has p times the best’s share"],
    typical: ["Typical", 1, "keeps what surprises as much as expected"],
  };
  const narrow = matchMedia("(max-width: 860px)");
  const rowsWanted = () => (document.body.classList.contains("presenting") ? 5 : narrow.matches ? 8 : 12);

  function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  // ---- what is to be shown, from the logits under the rules as they are now

  function look(field, value, rules, texts) {
    const bent = field.bend(rules);
    const u = maths.uniform(value.dart.seed, value.dart.place);
    const { order, p, first, end, own } = bent;
    const hit = maths.throwAt(bent, u);
    const name = (id) => texts.get(id) ?? `#${id}`;
    const most = Math.min(rowsWanted(), order.length);
    const begin = Math.max(0, Math.min(first - 3, order.length - most)); // typical may cut the head: three of it show that
    const places = Array.from({ length: most }, (_, i) => begin + i);
    const wanted = [hit, value.here === null || value.here === undefined ? -1 : order.indexOf(value.here)];
    wanted.filter((place) => place >= 0 && !places.includes(place)).forEach((place, i) => (places[most - 1 - i] = place));
    places.sort((a, b) => a - b);
    const rows = places.map((r) => ({ id: order[r], text: name(order[r]), p: p[r], q: own[order[r]], rank: r + 1, hit: r === hit, here: order[r] === value.here, cut: r < first || r >= end }));
    const rest = { count: order.length - most, p: Math.max(0, 1 - rows.reduce((sum, row) => sum + row.p, 0)), q: Math.max(0, 1 - rows.reduce((sum, row) => sum + row.q, 0)) };
    const last = Math.min(end, first + SEGMENTS);
    const parts = Array.from(p.subarray(first, last));
    return {
      rows,
      rest,
      entropy: bent.entropy,
      ownEntropy: bent.ownEntropy,
      stages: bent.stages,
      line: { parts, texts: parts.map((part, k) => (part > 0.005 ? name(order[first + k]) : "")), hit: hit < last ? hit - first : -1, u, text: name(order[hit]), p: p[hit], rank: hit + 1, id: order[hit] },
    };
  }

  // ---- pieces

  function bar(choose) {
    const name = make("bdi", { class: "name" });
    const [ghost, fill] = [make("span", { class: "ghost" }), make("span", { class: "fill" })];
    const number = make("b", {});
    const mark = make("span", { class: "flag" });
    const node = make("button", { type: "button", class: "bar" }, name, make("span", { class: "track" }, ghost, fill), number, mark);
    let now = null;
    node.addEventListener("click", () => now && now.id !== null && choose(now.id));
    return {
      node,
      paint(row, scale, bent) {
        if (!now || now.text !== row.text || now.id !== row.id) name.replaceChildren(...(row.id === null ? [document.createTextNode(row.text)] : label(row.text)));
        now = row;
        setVariable(fill, "width", `${(100 * Math.min(1, row.p / scale)).toFixed(2)}%`);
        setVariable(ghost, "width", `${(100 * Math.min(1, row.q / scale)).toFixed(2)}%`);
        ghost.hidden = !bent;
        setText(number, row.cut ? "cut" : percent(row.p));
        setText(mark, row.id === null ? `${count(row.others)} tokens` : row.hit ? "dart" : row.here ? "in the text" : "");
        node.className = ["bar", row.hit && "hit", row.here && "here", row.cut && "cut", row.id === null && "rest"].filter(Boolean).join(" ");
        setAttribute(node, "title", row.id === null ? null : `token ${count(row.id)}, rank ${count(row.rank)}${bent ? `, ${percent(row.q)} before the rules` : ""}`);
        setAttribute(node, "aria-label", row.id === null ? `${row.text}: ${percent(row.p)}` : `Take ${spoken(row.text)}, ${row.cut ? "cut by a rule" : percent(row.p)}${row.hit ? ", the dart is here" : ""}`);
      },
    };
  }

  // One rule: the bars before it as outlines, those after it filled, and what it took away.
  function cell(rule) {
    const [words, off, does] = RULES[rule];
    const [title, value, effect] = [make("span", { class: "title", text: words }), make("b", {}), make("span", { class: "effect" })];
    const canvas = make("canvas", { "aria-hidden": "true" });
    const node = make("div", { class: "rule" }, make("div", { class: "row" }, title, value), canvas, effect);
    const colour = window.pgDartLine.palette(node);
    let now = null;
    function draw() {
      const context = canvas.getContext("2d");
      const { width, height } = canvas;
      context.clearRect(0, 0, width, height);
      if (!now) return;
      const top = Math.max(...now.before, ...now.after, 1e-9);
      const step = width / now.before.length;
      now.before.forEach((before, i) => {
        const x = i * step;
        const wide = Math.max(1, step * 0.72);
        context.globalAlpha = 0.45;
        context.fillStyle = colour("--pg-muted");
        context.fillRect(x, height * (1 - before / top), wide, (height * before) / top);
        context.globalAlpha = 1;
        context.fillStyle = colour("--pg-accent");
        context.fillRect(x + wide * 0.2, height * (1 - now.after[i] / top), wide * 0.6, (height * now.after[i]) / top);
      });
    }
    fit(canvas, draw);
    return {
      node,
      rule,
      paint(stage, setting) {
        const changed = stage !== null || now !== null;
        now = stage;
        node.classList.toggle("off", !stage);
        setText(value, setting === off ? "off" : String(Math.round(100 * setting) / 100));
        const cuts = stage && !["repetition_penalty", "temperature"].includes(rule);
        setText(effect, !stage ? does : cuts ? `−${percent(stage.removed)} of the mass, ${count(stage.kept)} left` : "bends, takes nothing");
        if (changed) draw();
      },
    };
  }

  window.playground.define("sampling_board", ({ root, props, emit }) => {
    const id = idOf(props);
    const title = make("h3", {});
    const [entropy, like, own] = [make("b", {}), make("span", {}), make("span", { class: "muted" })];
    const facts = make("p", { class: "facts" }, entropy, like, own);
    const list = make("div", { class: "bars", role: "group" });
    const scaleText = make("div", { class: "scale", "aria-hidden": "true" });
    const cells = Object.keys(RULES).map(cell);
    const rules = make("div", { class: "rules", role: "group", "aria-label": "The rules, in order" }, ...cells.map(({ node }) => node));
    const [caption, source] = [make("span", {}), make("span", {})];
    const foot = make("div", { class: "pg-caption" }, caption, source);
    const send = (name, value) => name && emit({ name, value }, { live: false });
    // a second click before the answer would take a token of bars that are over
    const take = (token) => {
      if (taken && performance.now() - taken < PATIENCE) return;
      taken = performance.now();
      send(value.take, token);
    };
    const dart = window.pgDartLine.create({ take: () => picture && take(picture.line.id), again: () => send(value.throw, null) });
    const box = make("div", { class: "pg-next" }, make("header", {}, title, facts), list, scaleText, dart.node, rules, foot);
    root.replaceChildren(box);

    const kept = new Map(); // mark -> {logits, texts}, the one that was used last at the end
    const bars = [];
    const hand = {}; // rules that a hand holds, or that Python has not answered yet: {value, held, since}
    let value = {};
    let field = null;
    let fieldOf = "";
    let picture = null;
    let asked = "";
    let taken = 0; // when a token was taken that Python has not answered yet

    function store(next) {
      const known = kept.get(next.mark) ?? { texts: new Map() };
      kept.delete(next.mark);
      if (next.logits) known.logits = unpack(next.logits);
      for (const [token, text] of next.texts ?? []) known.texts.set(token, text);
      if (!known.logits) return null;
      kept.set(next.mark, known);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
      return known;
    }

    const rulesNow = () => Object.fromEntries(Object.entries(RULES).map(([name, [, off]]) => [name, hand[name]?.value ?? value.rules?.[name] ?? off]));

    function show() {
      const started = performance.now();
      const now = rulesNow();
      if (!value.preview) picture = look(field, value, now, kept.get(value.mark).texts);
      else picture = value.preview;
      const bent = picture.stages ? picture.stages.length > 1 : Object.entries(now).some(([name, setting]) => setting !== RULES[name][1]);
      const { rest } = picture;
      const rows = [...picture.rows.slice(0, rowsWanted())];
      const folded = picture.rows.slice(rows.length);
      const sum = (key) => folded.reduce((total, row) => total + row[key], rest[key]);
      rows.push({ id: null, text: "everything else", others: rest.count + folded.length, p: sum("p"), q: sum("q") });
      const longest = Math.max(...rows.map((row) => Math.max(row.p, bent ? row.q : 0)));
      const scale = SCALES.find((one) => one >= longest - 1e-9) ?? 1;
      while (bars.length > rows.length) bars.pop().node.remove();
      while (bars.length < rows.length) {
        bars.push(bar(take));
        list.append(bars.at(-1).node);
      }
      rows.forEach((row, i) => bars[i].paint(row, scale, bent));
      for (const { node } of bars) node.disabled = !value.take || node.classList.contains("rest");
      if (scaleText.dataset.scale !== String(scale)) {
        scaleText.dataset.scale = scale;
        scaleText.replaceChildren(make("span", {}, ...[0, 0.5, 1].map((part) => make("span", { text: `${Number((100 * scale * part).toFixed(2))} %` }))));
      }
      setText(entropy, `${picture.entropy.toFixed(2)} bits`);
      setText(like, ` of entropy, like ${effective(picture.entropy)} equally likely tokens`);
      setText(own, bent ? ` · ${picture.ownEntropy.toFixed(2)} before the rules` : "");
      if (picture.stages) cells.forEach((one) => one.paint(picture.stages.find((stage) => stage.name === one.rule) ?? null, now[one.rule]));
      dart.paint({ ...picture.line, key: `${value.dart.seed}:${value.dart.place}:${value.mark}`, falls: !value.preview, can: Boolean(value.take), again: Boolean(value.throw) });
      painted(id);
      timed(id, performance.now() - started);
    }

    const effective = (bits) => {
      const tokens = 2 ** bits;
      return tokens < 9.95 ? tokens.toFixed(1) : count(Math.round(tokens));
    };

    // a knob of the rail under a hand: the bars follow it here
    (root.closest(".stage-tab") ?? document).addEventListener("local", ({ detail }) => {
      if (!(detail.name in RULES) || value.preview || !field) return;
      hand[detail.name] = { value: detail.value, held: detail.held, since: performance.now() };
      show();
    });
    // what Python says about a knob counts again once it answers what the hand last said, or the hand has rested
    function release(next) {
      for (const [name, { value: mine, held, since }] of Object.entries(hand)) {
        if (held) continue;
        if (Math.abs(next.rules[name] - mine) < 1e-9 || performance.now() - since > 2000) delete hand[name];
      }
    }

    // presenter mode has room for fewer bars
    window.addEventListener("resize", () => picture && bars.length !== Math.min(rowsWanted(), picture.rows.length + picture.rest.count) + 1 && show());
    // presenter mode: the arrow that steps takes what the dart hit
    root.closest(".stage-tab")?.addEventListener("step", (event) => {
      if (!root.offsetParent || event.detail < 0 || !value.take || !picture) return;
      event.preventDefault();
      take(picture.line.id);
    });

    list.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const place = bars.findIndex(({ node }) => node === document.activeElement);
      const next = bars[place + move];
      if (!move || place < 0 || !next || next.node.disabled) return;
      next.node.focus();
      event.preventDefault();
      event.stopPropagation();
    });

    return {
      paint(next) {
        value = next;
        taken = 0;
        setText(title, next.title);
        setText(caption, next.caption);
        setText(source, next.source);
        setAttribute(list, "aria-label", next.title);
        if (!next.preview) {
          const known = store(next);
          if (!known) {
            // once for each set: what does not come is not asked for for ever
            if (asked !== next.mark) send(next.missing, null);
            asked = next.mark;
            return;
          }
          asked = "";
          const wanted = `${next.mark}:${next.seen.length}`;
          if (fieldOf !== wanted) [field, fieldOf] = [maths.field(known.logits, next.seen), wanted];
          release(next);
        }
        show();
      },
    };
  });
})();
