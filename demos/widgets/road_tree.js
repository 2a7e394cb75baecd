// A tree of tokens from left to right. Boxes are laid out by the browser and placed here; lines are drawn beneath them.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, painted, idOf } = window.pgWidgets;
  const { flowing, spoken, percent } = window.pgTokens;
  const GAP = 0.35; // between two leaves, in em
  const REACH = 2.4; // of a line, in em
  const LARGEST = 1.2; // of the letters, in em
  const smallest = () => (document.body.classList.contains("presenting") ? 0.6 : 0.84);
  const known = (value) => value !== null && value !== undefined;
  const space = "http://www.w3.org/2000/svg";
  const idsOf = (token) => token.fold ?? [token.id];

  window.playground.define("road_tree", ({ root, props, emit }) => {
    const id = idOf(props);
    const lines = document.createElementNS(space, "svg");
    setAttribute(lines, "aria-hidden", "true");
    const plane = make("div", { class: "plane" }, lines);
    const view = make("div", { class: "view", role: "group" }, plane);
    const legend = make("div", { class: "legend" });
    const caption = make("span", {});
    const source = make("span", {});
    const foot = make("div", { class: "pg-caption" }, caption, source);
    root.replaceChildren(make("div", { class: "pg-roads" }, view, legend, foot));
    const boxes = new Map(); // the path of a branch -> its box, kept from paint to paint
    let branches = []; // {box, parent, path, kind, p}; the first is the root
    let action = null;
    let home = null; // the token that the Tab key reaches

    // ---- the boxes

    function chip(token) {
      const node = make("span", { class: "token", role: "button", tabindex: "-1" });
      if (token.fold) {
        node.classList.add("fold");
        node.append(` … ${token.fold.length} more … `);
        setAttribute(node, "aria-label", `${token.fold.length} more tokens`);
        return node;
      }
      node.append(...flowing(token));
      if (!node.childNodes.length) node.append("∅");
      if (token.kind === "mark") node.classList.add("mark");
      const p = known(token.p) ? percent(token.p) : null;
      setVariable(node, "--p", known(token.p) ? token.p : 0);
      setAttribute(node, "title", p && `p = ${p}`);
      setAttribute(node, "aria-label", `${spoken(token.t || "part of a character")}${p ? `, ${p}` : ""}`);
      return node;
    }
    function fill(box, { tokens, note }) {
      const drawn = JSON.stringify([tokens, note]);
      if (box.drawn === drawn) return;
      box.drawn = drawn;
      const held = [...box.querySelectorAll(".token")].indexOf(document.activeElement);
      box.replaceChildren(make("bdi", { class: "words" }, ...tokens.map(chip)), ...(note ? [make("span", { class: "note", text: note })] : []));
      if (held >= 0) box.querySelectorAll(".token")[held]?.focus({ preventScroll: true });
    }

    // ---- the layout: leaves one below the other, a branch in the middle of those that grow from it

    // As large as it fits, within reason. On a phone the page scrolls, so the letters stay as they are.
    function place() {
      if (!branches.length || !view.offsetParent) return;
      setVariable(plane, "--zoom", LARGEST);
      const { width, height } = layOut();
      if (matchMedia("(max-width: 860px), (max-height: 560px)").matches) return;
      const room = { width: view.clientWidth - 8, height: root.clientHeight - (view.parentNode.scrollHeight - view.offsetHeight) - 12 };
      const zoom = LARGEST * Math.min(1, room.width / width, room.height / height);
      if (zoom >= LARGEST) return;
      setVariable(plane, "--zoom", Math.max(smallest(), Math.floor(50 * zoom) / 50));
      layOut();
    }
    function layOut() {
      const em = parseFloat(getComputedStyle(plane).fontSize);
      const sizes = branches.map(({ box }) => ({ width: box.offsetWidth, height: box.offsetHeight }));
      const children = branches.map(() => []);
      branches.forEach(({ parent }, i) => i && children[parent].push(i));
      const x = [];
      const y = [];
      let bottom = 0;
      let right = 0;
      const walk = (i, left) => {
        x[i] = left;
        right = Math.max(right, left + sizes[i].width);
        const from = bottom;
        if (!children[i].length) {
          y[i] = bottom + sizes[i].height / 2;
          bottom += sizes[i].height + GAP * em;
          return;
        }
        for (const child of children[i]) walk(child, left + sizes[i].width + REACH * em);
        y[i] = (y[children[i][0]] + y[children[i].at(-1)]) / 2;
        // a tall branch needs more room than those that grow from it
        const missing = sizes[i].height / 2 - (y[i] - from);
        if (missing > 0) {
          const lower = (k) => {
            y[k] += missing;
            children[k].forEach(lower);
          };
          lower(i);
          bottom += missing;
        }
        bottom = Math.max(bottom, y[i] + sizes[i].height / 2 + GAP * em);
      };
      walk(0, 0);
      branches.forEach(({ box }, i) => {
        setVariable(box, "left", `${x[i].toFixed(1)}px`);
        setVariable(box, "top", `${(y[i] - sizes[i].height / 2).toFixed(1)}px`);
      });
      setVariable(plane, "width", `${Math.ceil(right)}px`);
      setVariable(plane, "height", `${Math.ceil(bottom)}px`);
      setAttribute(lines, "width", Math.ceil(right));
      setAttribute(lines, "height", Math.ceil(bottom));
      branches.forEach((branch, i) => {
        if (!i) return;
        const begin = x[branch.parent] + sizes[branch.parent].width;
        const middle = (begin + x[i]) / 2;
        const [a, b] = [y[branch.parent].toFixed(1), y[i].toFixed(1)];
        setAttribute(branch.line, "d", `M${begin.toFixed(1)} ${a}C${middle.toFixed(1)} ${a} ${middle.toFixed(1)} ${b} ${x[i].toFixed(1)} ${b}`);
        setAttribute(branch.line, "class", branch.kind);
        setVariable(branch.line, "stroke-width", `${(0.09 * em + 0.4 * em * (branch.p ?? 0)).toFixed(2)}px`);
      });
      return { width: right, height: bottom };
    }
    const watcher = new ResizeObserver(place);
    watcher.observe(view);
    document.fonts?.ready.then(place);

    // ---- hand and keys

    const tokens = (box) => [...box.querySelectorAll(".token")];
    const branchOf = (target) => branches.findIndex(({ box }) => box.contains(target));
    function go(target) {
      if (home) setAttribute(home, "tabindex", "-1");
      home = target;
      setAttribute(home, "tabindex", "0");
    }
    function choose(target) {
      const branch = branches[branchOf(target)];
      const upto = tokens(branch.box).indexOf(target);
      const ids = branch.tokens.slice(0, upto + 1).flatMap(idsOf);
      go(target);
      if (action) emit({ name: action, value: [...branch.before, ...ids] }, { live: false });
    }
    view.addEventListener("click", (event) => {
      const target = event.target.closest(".token");
      if (target) choose(target);
    });
    view.addEventListener("keydown", (event) => {
      const target = event.target.closest(".token");
      if (!target || event.ctrlKey || event.metaKey || event.altKey) return;
      const i = branchOf(target);
      const all = tokens(branches[i].box);
      const k = all.indexOf(target);
      let next = null;
      if (event.key === "Enter" || event.key === " ") choose(target);
      else if (event.key === "ArrowRight") next = all[k + 1] ?? tokens(branches.find(({ parent }) => parent === i)?.box ?? all[k])[0];
      else if (event.key === "ArrowLeft") next = all[k - 1] ?? (i ? tokens(branches[branches[i].parent].box).at(-1) : null);
      else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        // the nearest branch above or below, whatever it grows from
        const down = event.key === "ArrowDown";
        const here = target.getBoundingClientRect();
        const spots = branches.flatMap(({ box }, j) => (j === i ? [] : [{ one: tokens(box)[0], at: box.getBoundingClientRect() }]));
        const beyond = spots.filter(({ one, at }) => one && (down ? at.top >= here.bottom - 2 : at.bottom <= here.top + 2));
        const far = ({ at }) => Math.abs(at.top - here.top) + Math.max(0, at.left - here.right, here.left - at.right);
        next = beyond.sort((a, b) => far(a) - far(b))[0]?.one;
      } else return;
      if (next) {
        go(next);
        next.focus();
      }
      event.preventDefault();
      event.stopPropagation();
    });

    function paintLegend(items) {
      const drawn = JSON.stringify(items);
      legend.hidden = !items.length;
      if (legend.dataset.drawn === drawn) return;
      legend.dataset.drawn = drawn;
      legend.replaceChildren(...items.flatMap(([kind, text]) => [make("span", { class: `swatch ${kind}` }), make("span", { text })]));
    }

    return {
      paint(value) {
        if (!value?.nodes) return;
        action = value.action ?? null;
        const begin = { tokens: [{ t: value.root.t || "(an empty prompt)" }], kind: "root", here: value.root.here };
        const wanted = [];
        const seen = new Set();
        [{ ...begin, parent: null }, ...value.nodes.map((node) => ({ ...node, parent: node.parent + 1 }))].forEach((node, i) => {
          const before = i ? wanted[node.parent].path : [];
          const path = i ? [...before, ...node.tokens.flatMap(idsOf)] : [];
          const key = i ? `${path.length}:${path.join(".")}` : "root";
          seen.add(key);
          let held = boxes.get(key);
          if (!held) {
            const line = i ? document.createElementNS(space, "path") : null;
            held = { box: make("div", {}), line };
            if (line) lines.append(line);
            plane.append(held.box);
            boxes.set(key, held);
          }
          fill(held.box, node);
          held.box.className = `branch ${node.kind}${node.here ? " here" : ""}`;
          const first = node.tokens.find((token) => known(token.p));
          wanted.push({ ...held, parent: node.parent, path, before: i ? before : [], kind: node.kind, tokens: i ? node.tokens : [], p: first?.p });
        });
        for (const [key, { box, line }] of boxes) {
          if (seen.has(key)) continue;
          box.remove();
          line?.remove();
          boxes.delete(key);
        }
        branches = wanted;
        if (!home || !view.contains(home)) go(tokens(branches[0].box)[0]);
        setAttribute(view, "aria-label", value.alt);
        paintLegend(value.legend ?? []);
        setText(caption, value.caption);
        setText(source, value.source);
        foot.hidden = !value.caption && !value.source;
        place();
        painted(id);
      },
    };
  });
})();
