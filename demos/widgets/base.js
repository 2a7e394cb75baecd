// What the widgets share: building DOM (never from text), decoding pictures, canvases of the right size.
window.pgWidgets = (() => {
  "use strict";

  // make("div", {class: "a", text: "b", "aria-label": "c"}, child, ...); null attributes are left out
  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  // These change the page only where something differs: a repaint of equal values costs no layout.
  function setText(node, text) {
    const words = text === null || text === undefined ? "" : String(text);
    if (node.textContent !== words) node.textContent = words;
  }

  function setAttribute(node, name, value) {
    if (value === null || value === undefined || value === false) {
      if (node.hasAttribute(name)) node.removeAttribute(name);
    } else {
      const text = value === true ? "" : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }

  function setVariable(node, name, value) {
    if (node.style.getPropertyValue(name) !== String(value)) node.style.setProperty(name, value);
  }

  const ICONS = {
    save: "M10 3v9m0 0 4-4m-4 4-4-4M4 16h12",
    play: "M6.5 4v12l9-6z",
    pause: "M7 4.5v11M13 4.5v11",
    file: "M10 13V4m0 0L6.500 7.500M10 4l3.500 3.500M4 13v3h12v-3",
    camera: "M3 6.500h3.500L8 4.500h4l1.500 2H17v9H3zM10 13.500a2.700 2.700 0 1 0 0-5.400 2.700 2.700 0 0 0 0 5.400z",
    paste: "M7.500 4H5v13h10V4h-2.500M7.500 3h5v3h-5z",
    draw: "M4 16l.8-3.300L13.500 4 16 6.500l-8.700 8.700z",
    undo: "M7 5 4 8l3 3M4 8h8a4 4 0 0 1 0 8H8",
    clear: "M5 6h10M8 6V4h4v2M6.500 6l.7 10h5.600l.7-10",
    dice: "M4 4h12v12H4zM7.500 7.500h.01M12.500 7.500h.01M10 10h.01M7.500 12.500h.01M12.500 12.500h.01",
    enlarge: "M11.500 4H16v4.500M16 4l-5 5M8.500 16H4v-4.500M4 16l5-5",
    erase: "M8 16h8M4.500 12.500 12 5l4 4-7 7H7z",
    close: "M5 5l10 10M15 5 5 15",
    lasso: "M10 4c4 0 6.500 1.800 6.500 4.200S14 12.500 10 12.500 3.500 10.700 3.500 8.200 6 4 10 4zM7 12.500c-1.500 1-1.500 2.500 0 2.500s1.500 2-.5 2",
    nearer: "M9 4.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM12.500 12.500 16.500 16.500M9 7v4M7 9h4",
    farther: "M9 4.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM12.500 12.500 16.500 16.500M7 9h4",
    whole: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  };

  function icon(name) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 20 20");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", "pg-icon");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  // A button with an icon, words, or both.
  function button({ className = "", label, symbol, words }, onClick) {
    const node = make("button", { type: "button", class: `pg-button ${className}`.trim(), "aria-label": words ? null : label });
    if (symbol) node.append(icon(symbol));
    if (words) node.append(make("span", { text: words }));
    if (label && !words) node.title = label;
    node.addEventListener("click", onClick);
    return node;
  }

  const RAW = /^data:image\/x-rgb;size=(\d+)x(\d+);base64,/;

  // Bare RGB bytes (picture.raw in Python) as a canvas that can be drawn at once: there is nothing to wait for.
  function unpack(uri, [head, width, height]) {
    const bytes = atob(uri.slice(head.length));
    const image = new ImageData(Number(width), Number(height));
    for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
      image.data[to] = bytes.charCodeAt(from);
      image.data[to + 1] = bytes.charCodeAt(from + 1);
      image.data[to + 2] = bytes.charCodeAt(from + 2);
      image.data[to + 3] = 255;
    }
    const canvas = make("canvas", { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    // the widgets ask pictures for their size by these names
    return Object.assign(canvas, { naturalWidth: image.width, naturalHeight: image.height });
  }

  async function decode(uri) {
    const bare = uri.slice(0, 64).match(RAW);
    if (bare) return unpack(uri, bare);
    const image = new Image();
    image.src = uri;
    await image.decode();
    return image;
  }

  // One picture at a time: decode, wait for the next frame, draw. Of the pictures that arrive meanwhile only the last
  // is kept, so a slow page skips pictures but never shows them out of order, and the canvas is never empty between two.
  // forget() gives up what is on its way.
  function latest(draw, failed) {
    let waiting = null;
    let job = null; // what is being decoded; null: nobody wants it any more
    let busy = false;
    async function run() {
      busy = true;
      while (waiting) {
        const mine = (job = waiting);
        waiting = null;
        try {
          const image = mine.uri ? await decode(mine.uri) : null;
          await new Promise(requestAnimationFrame);
          if (job === mine) draw(image, mine.about);
        } catch (error) {
          if (job === mine) failed(error, mine.about);
        }
      }
      busy = false;
    }
    const load = (uri, about) => {
      waiting = { uri, about };
      if (!busy) run();
    };
    load.busy = () => busy;
    load.forget = () => {
      waiting = job = null;
    };
    return load;
  }

  // Keeps a canvas's pixels equal to the screen's (at most `limit` across) and draws again when they change.
  function fit(canvas, draw, limit = 2048) {
    const observer = new ResizeObserver(([entry]) => {
      const device = entry.devicePixelContentBoxSize?.[0];
      const scale = window.devicePixelRatio || 1;
      let width = device ? device.inlineSize : Math.round(entry.contentRect.width * scale);
      let height = device ? device.blockSize : Math.round(entry.contentRect.height * scale);
      const shrink = Math.min(1, limit / Math.max(width, height, 1));
      width = Math.round(width * shrink);
      height = Math.round(height * shrink);
      if (!width || !height || (canvas.width === width && canvas.height === height)) return;
      canvas.width = width; // clears the canvas; drawn again before the browser paints
      canvas.height = height;
      draw();
    });
    try {
      observer.observe(canvas, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(canvas);
    }
  }

  // One cell of a larger picture, enlarged. Smoothing looks beyond the edge of what it enlarges, so the cell is cut out
  // first: no seam shows its neighbour's colours.
  const scissors = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function drawCell(context, image, x, y, width, height, ...place) {
    const alone = x === 0 && y === 0 && width === image.naturalWidth && height === image.naturalHeight;
    if (alone || !context.imageSmoothingEnabled) {
      context.drawImage(image, x, y, width, height, ...place);
      return;
    }
    const { canvas } = scissors;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    scissors.clearRect(0, 0, width, height);
    scissors.drawImage(image, x, y, width, height, 0, 0, width, height);
    context.drawImage(canvas, ...place);
  }

  // Benchmarks read when a picture was really drawn: playground.paints[elem_id], the last 200 times.
  function painted(id) {
    const paints = (window.playground.paints ??= {});
    const times = (paints[id] ??= []);
    times.push(performance.now());
    if (times.length > 200) times.splice(0, times.length - 200);
  }

  function timed(id, milliseconds) {
    const stats = ((window.playground.stats ??= {})[id] ??= { draws: 0, ms: 0 });
    stats.draws += 1;
    stats.ms += milliseconds;
  }

  function saveButton(canvasOf, name) {
    return button({ className: "pg-save", label: "Download this picture (PNG)", symbol: "save" }, (event) => {
      event.stopPropagation();
      canvasOf().toBlob((blob) => {
        if (!blob) return;
        const link = make("a", { href: URL.createObjectURL(blob), download: `${name}.png` });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      }, "image/png");
    });
  }

  // A native slider that knows when a hand is on it. Browsers fire `change` at every repeat of a held arrow key;
  // here `settled` is called once, when the key or the pointer lets go. While the hand is on the slider, and until
  // Python has answered the last position (or two seconds have passed), values from Python do not move the thumb.
  function guard(input, { moved, settled }) {
    const keys = new Set();
    let pointer = false;
    let unsettled = false;
    let sent = null;
    let offered = null;
    let timer = 0;
    const held = () => pointer || keys.size > 0;

    function finish() {
      if (held() || !unsettled) return;
      unsettled = false;
      clearTimeout(timer);
      timer = setTimeout(release, 2000);
      settled(Number(input.value));
    }
    function release() {
      if (held()) return;
      sent = null;
      if (offered !== null) show(offered);
    }
    function show(value) {
      offered = null;
      if (input.value !== String(value)) input.value = value;
      moved(Number(input.value), false);
    }
    input.addEventListener("input", () => {
      unsettled = true;
      offered = null;
      sent = Number(input.value);
      moved(sent, true);
    });
    input.addEventListener("change", finish);
    input.addEventListener("pointerdown", () => (pointer = true));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      input.addEventListener(name, () => {
        pointer = false;
        // a native slider fires its own `change` right after; this one is for browsers that drop it
        setTimeout(finish, 0);
      });
    }
    input.addEventListener("keydown", (event) => {
      if (/^(Arrow|Page|Home|End)/.test(event.key)) keys.add(event.key);
    });
    input.addEventListener("keyup", (event) => {
      keys.delete(event.key);
      finish();
    });
    input.addEventListener("blur", () => {
      keys.clear();
      pointer = false;
      finish();
    });
    return {
      held,
      // the position was set in another way and told to Python: its answer is awaited all the same
      expect(value) {
        sent = value;
        offered = null;
        clearTimeout(timer);
        timer = setTimeout(release, 2000);
      },
      // A value from Python. Returns whether it is the position shown now; if not, it answers an earlier one.
      offer(value) {
        const answered = sent !== null && Math.abs(value - sent) < 1e-6;
        if (answered && !held()) {
          sent = null;
          clearTimeout(timer);
        }
        if (!held() && sent === null) {
          show(value);
          return true;
        }
        offered = value;
        return answered;
      },
    };
  }

  const idOf = (props) => `${props.tab}-${props.name}`; // the widget's elem_id
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  return {
    make, setText, setAttribute, setVariable, icon, button, decode, latest, fit, drawCell, painted, timed, saveButton, guard, idOf, clamp,
  };
})();
