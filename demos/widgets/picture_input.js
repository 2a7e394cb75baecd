// A visitor's own picture: from a file, the camera, the clipboard, a drop or a drawing; then its square crop.
(() => {
  "use strict";
  const { make, setText, setAttribute, setVariable, button, decode, clamp } = window.pgWidgets;
  const LIMIT = 8 * 2 ** 20;
  const SMALLEST = 0.1; // of the shorter side
  const PAPER = 512;
  const COLOURS = [
    ["ink", "#22201f"],
    ["white", "#ffffff"],
    ["light skin", "#f3c9a8"],
    ["brown skin", "#9a5f3d"],
    ["blond", "#e3b341"],
    ["red", "#d0392b"],
    ["blue", "#2f74d8"],
    ["violet", "#7b57e8"],
  ];
  const CAMERA_TROUBLE = {
    NotAllowedError: "The browser did not allow the camera. Allow it in the address bar, or choose a file.",
    NotFoundError: "No camera was found. Choose a file, paste a picture or draw one.",
    NotReadableError: "The camera is in use by another program.",
    OverconstrainedError: "The camera cannot give a picture of a usable size.",
    SecurityError: "This page is not allowed to use the camera.",
  };

  const readable = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;

  function read(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  // A sheet of paper with a brush; every stroke can be taken back.
  function drawing(done, cancel) {
    const canvas = make("canvas", { width: PAPER, height: PAPER, class: "paper", role: "img", "aria-label": "Paper to draw on with mouse, pen or finger" });
    const context = canvas.getContext("2d");
    const size = make("input", { type: "range", class: "pg-range", min: 2, max: 90, value: 14, "aria-label": "Brush size" });
    const sample = make("span", { class: "sample", "aria-hidden": "true" });
    const group = `pg-colour-${Math.random().toString(36).slice(2)}`;
    const palette = make("div", { class: "palette", role: "radiogroup", "aria-label": "Brush colour" });
    let colour = COLOURS[0][1];
    let strokes = [];
    let stroke = null;

    for (const [name, value] of COLOURS) {
      const radio = make("input", { type: "radio", name: group, "aria-label": name, title: name });
      radio.style.setProperty("--colour", value);
      radio.checked = value === colour;
      radio.addEventListener("change", () => {
        colour = value;
        brush();
      });
      palette.append(radio);
    }
    const undo = button({ label: "Undo the last stroke", symbol: "undo" }, back);
    const clear = button({ label: "Clear the paper", symbol: "clear" }, () => {
      strokes.push({ clear: true });
      redraw();
    });
    const use = button({ className: "primary", words: "Use drawing" }, () => canvas.toBlob(done, "image/png"));
    const tools = make("div", { class: "tools" }, palette, make("div", { class: "size" }, sample, size), undo, clear);
    const node = make("div", { class: "drawing" }, canvas, tools, make("div", { class: "actions" }, use, button({ words: "Cancel" }, cancel)));

    function brush() {
      setVariable(size, "--fill", ((100 * (size.value - size.min)) / (size.max - size.min)).toFixed(1));
      sample.style.background = colour;
      setVariable(sample, "--size", (size.value / 90).toFixed(3));
    }
    size.addEventListener("input", brush);

    function line({ points, colour: ink, width }) {
      context.strokeStyle = context.fillStyle = ink;
      context.lineWidth = width;
      context.lineCap = context.lineJoin = "round";
      context.beginPath();
      context.moveTo(...points[0]);
      // through the middles of the segments: round curves from few points
      for (let i = 1; i < points.length - 1; i++) {
        const [[x, y], [nextX, nextY]] = [points[i], points[i + 1]];
        context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
      }
      context.lineTo(...points.at(-1));
      context.stroke();
    }
    function redraw() {
      context.fillStyle = "#fff";
      context.fillRect(0, 0, PAPER, PAPER);
      const from = strokes.findLastIndex((one) => one.clear) + 1;
      strokes.slice(from).forEach(line);
      if (stroke) line(stroke);
      undo.disabled = strokes.length === 0;
      use.disabled = strokes.length === from;
    }
    function back() {
      strokes.pop();
      redraw();
    }
    const point = (event) => {
      const area = canvas.getBoundingClientRect();
      return [((event.clientX - area.left) * PAPER) / area.width, ((event.clientY - area.top) * PAPER) / area.height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || stroke) return;
      canvas.setPointerCapture(event.pointerId);
      stroke = { points: [point(event)], colour, width: Number(size.value), pointer: event.pointerId };
      redraw();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (stroke?.pointer !== event.pointerId) return;
      const several = event.getCoalescedEvents?.() ?? [];
      for (const one of several.length ? several : [event]) stroke.points.push(point(one));
      redraw();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (stroke?.pointer !== event.pointerId) return;
        strokes.push(stroke);
        stroke = null;
        redraw();
      });
    }
    node.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.shiftKey) return;
      event.preventDefault(); // the drawing's undo, not the playground's
      event.stopPropagation();
      if (strokes.length) back();
    });
    brush();
    redraw();
    return node;
  }

  // The square on the preview: moved by pointer and arrow keys, scaled by its corner, wheel, pinch, slider, + and -.
  function cropper(send) {
    const handle = make("div", { class: "corner" });
    const square = make(
      "div",
      { class: "square", tabindex: 0, role: "group", "aria-label": "Crop. Arrow keys move it, plus and minus scale it." },
      handle,
    );
    const frame = make("div", { class: "frame" }, square);
    const size = make("input", { type: "range", class: "pg-range", min: SMALLEST, max: 1, step: 0.005, "aria-label": "Size of the crop" });
    const node = make("div", { class: "cropper" }, frame, make("div", { class: "scale" }, make("span", { text: "Crop", "aria-hidden": "true" }), size));

    let image = null;
    let crop = { x: 0, y: 0, side: 1 };
    let awaited = null; // what was sent last: answers to earlier positions do not move the square
    let timer = 0;
    const pointers = new Map();
    let grip = null; // how the present drag began

    // the square's width and height as fractions of the preview's
    const spans = (side = crop.side) => {
      const shorter = Math.min(image.naturalWidth, image.naturalHeight);
      return [(side * shorter) / image.naturalWidth, (side * shorter) / image.naturalHeight];
    };
    function place() {
      const [w, h] = spans();
      setVariable(square, "left", `${100 * crop.x}%`);
      setVariable(square, "top", `${100 * crop.y}%`);
      setVariable(square, "width", `${100 * w}%`);
      setVariable(square, "height", `${100 * h}%`);
      if (Math.abs(size.value - crop.side) > 0.004) size.value = crop.side;
      setVariable(size, "--fill", ((100 * (crop.side - SMALLEST)) / (1 - SMALLEST)).toFixed(2));
      setAttribute(size, "aria-valuetext", `${Math.round(100 * crop.side)} % of the shorter side`);
    }
    function set(x, y, side, live = true) {
      const round = (number) => Math.round(number * 1e4) / 1e4;
      side = clamp(side, SMALLEST, 1);
      const [w, h] = spans(side);
      crop = { x: round(clamp(x, 0, 1 - w)), y: round(clamp(y, 0, 1 - h)), side: round(side) };
      place();
      tell(live);
    }
    // about the middle of the square
    function scale(side, live = true) {
      const [w, h] = spans();
      const [nextW, nextH] = spans(clamp(side, SMALLEST, 1));
      set(crop.x + (w - nextW) / 2, crop.y + (h - nextH) / 2, side, live);
    }
    function tell(live) {
      awaited = crop;
      clearTimeout(timer);
      timer = setTimeout(() => (awaited = null), 2000);
      send({ ...crop }, live);
    }

    const middle = () => {
      const all = [...pointers.values()];
      return [all.reduce((sum, [x]) => sum + x, 0) / all.length, all.reduce((sum, [, y]) => sum + y, 0) / all.length];
    };
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
    };
    function begin(corner) {
      grip = pointers.size ? { crop, middle: middle(), spread: spread(), corner } : null;
    }
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !image) return;
      frame.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      square.focus({ preventScroll: true });
      event.preventDefault();
      begin(event.target === handle);
    });
    frame.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId) || !grip) return;
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      const area = frame.getBoundingClientRect();
      const [x, y] = middle();
      const right = (x - grip.middle[0]) / area.width;
      const down = (y - grip.middle[1]) / area.height;
      if (grip.corner) {
        const [perW, perH] = spans(1);
        set(grip.crop.x, grip.crop.y, grip.crop.side + Math.max(right / perW, down / perH));
      } else if (grip.spread) {
        const side = clamp((grip.crop.side * grip.spread) / Math.max(spread(), 1), SMALLEST, 1);
        const [w, h] = spans(grip.crop.side);
        const [nextW, nextH] = spans(side);
        set(grip.crop.x + (w - nextW) / 2 + right, grip.crop.y + (h - nextH) / 2 + down, side);
      } else set(grip.crop.x + right, grip.crop.y + down, grip.crop.side);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      frame.addEventListener(name, (event) => {
        if (!pointers.delete(event.pointerId)) return;
        begin(false);
        if (!pointers.size) tell(false);
      });
    }
    let wheel = 0;
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!image) return;
        event.preventDefault();
        scale(crop.side * Math.exp(clamp(event.deltaY, -100, 100) / 1000));
        clearTimeout(wheel);
        wheel = setTimeout(() => tell(false), 200);
      },
      { passive: false },
    );
    square.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? 0.002 : 0.015;
      const move = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
      if (move) set(crop.x + move[0], crop.y + move[1], crop.side);
      else if (event.key === "+" || event.key === "=") scale(crop.side * 1.04);
      else if (event.key === "-" || event.key === "_") scale(crop.side / 1.04);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    square.addEventListener("keyup", (event) => /^Arrow|^[+=_-]$/.test(event.key) && tell(false));
    size.addEventListener("input", () => scale(Number(size.value)));
    size.addEventListener("change", () => tell(false));

    return {
      node,
      // a decoded preview and Python's crop
      paint(next, wanted) {
        const other = next !== image;
        if (other) {
          image?.remove();
          image = next;
          image.alt = "Your picture";
          image.draggable = false;
          frame.prepend(image);
          setVariable(frame, "--w", image.naturalWidth);
          setVariable(frame, "--h", image.naturalHeight);
          awaited = null;
        }
        if (!wanted || pointers.size) return;
        const answered = awaited && ["x", "y", "side"].every((key) => Math.abs(awaited[key] - wanted[key]) < 1e-3);
        if (answered) awaited = null;
        if (awaited) return;
        crop = { x: wanted.x, y: wanted.y, side: clamp(wanted.side, SMALLEST, 1) };
        place();
      },
    };
  }

  window.playground.define("picture_input", ({ root, emit }) => {
    const notice = (text) => window.playground.notice(text, { kind: "error" });
    const file = make("input", { type: "file", accept: "image/*", class: "pg-unseen", tabindex: -1, "aria-label": "Choose a picture file" });
    const drop = button({ className: "drop", symbol: "file", words: "Drop a picture here, or click to choose one" }, () => file.click());
    const video = make("video", { playsinline: "", "aria-label": "The camera's picture" });
    video.muted = true;
    const camera = make(
      "div",
      { class: "camera" },
      video,
      make("div", { class: "actions" }, button({ className: "primary", words: "Take the picture" }, shoot), button({ words: "Cancel" }, () => open(null))),
    );
    const paper = drawing((blob) => take(blob), () => open(null));
    const crop = cropper((where, live) => emit({ name: "crop", value: { preview: value.preview, ...where } }, { live }));
    const sources = {
      file: button({ symbol: "file", words: "File" }, () => file.click()),
      camera: button({ symbol: "camera", words: "Camera" }, () => (mode === "camera" ? open(null) : shootFrom())),
      paste: button({ symbol: "paste", words: "Paste" }, paste),
      draw: button({ symbol: "draw", words: "Draw" }, () => open(mode === "draw" ? null : "draw")),
    };
    const message = make("p", { class: "message", role: "status" });
    const promise = make("p", { class: "promise", text: "Your picture stays in this process and is gone when the page closes." });
    const view = make("div", { class: "view" }, drop, camera, paper, crop.node);
    const box = make("div", { class: "pg-picture" }, make("div", { class: "sources" }, ...Object.values(sources)), view, message, promise, file);
    root.replaceChildren(box);

    let value = {};
    let preview = null; // the decoded preview and its text
    let mode = null; // null, "camera" or "draw"
    let stream = null;
    let turn = 0;

    function open(next) {
      if (next !== "camera") closeCamera();
      mode = next;
      const now = mode ?? (preview ? "crop" : "drop");
      box.dataset.view = now;
      drop.hidden = now !== "drop";
      camera.hidden = now !== "camera";
      paper.hidden = now !== "draw";
      crop.node.hidden = now !== "crop";
      setAttribute(sources.camera, "aria-pressed", String(mode === "camera"));
      setAttribute(sources.draw, "aria-pressed", String(mode === "draw"));
    }

    function say(text, unusual = false) {
      setText(message, text);
      message.classList.toggle("unusual", unusual);
    }

    async function take(blob) {
      if (!blob) return;
      if (blob.size > LIMIT) return notice(`That file has ${readable(blob.size)}; the limit is 8 MB.`);
      if (!blob.size) return notice("That file is empty.");
      if (blob.type && !blob.type.startsWith("image/")) return notice("That file is not a picture.");
      let uri;
      try {
        uri = await read(blob);
      } catch {
        return notice("The browser could not read that file.");
      }
      open(null);
      say("Looking at your picture…");
      emit({ name: "upload", value: uri }, { live: false });
    }
    file.addEventListener("change", () => {
      take(file.files[0]);
      file.value = ""; // choosing the same file again is a choice too
    });

    async function shootFrom() {
      if (!navigator.mediaDevices?.getUserMedia) {
        return notice("The camera works only on a secure page (https or this machine itself).");
      }
      try {
        const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } }, audio: false });
        closeCamera();
        stream = opened;
        video.srcObject = stream;
        await video.play();
        open("camera");
      } catch (error) {
        closeCamera();
        notice(CAMERA_TROUBLE[error.name] ?? "The camera did not start.");
      }
    }
    function closeCamera() {
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      video.srcObject = null;
    }
    function shoot() {
      if (!video.videoWidth) return notice("The camera has not sent a picture yet.");
      const still = make("canvas", { width: video.videoWidth, height: video.videoHeight });
      still.getContext("2d").drawImage(video, 0, 0);
      still.toBlob(take, "image/jpeg", 0.92);
    }
    // another tab or part was opened: the camera's light must not stay on
    new IntersectionObserver(() => stream && !root.offsetParent && open(null)).observe(root);

    async function paste() {
      const hint = "Press Ctrl+V (or Cmd+V) to paste a picture.";
      try {
        const items = await navigator.clipboard.read();
        for (const item of items) {
          const type = item.types.find((one) => one.startsWith("image/"));
          if (type) return take(await item.getType(type));
        }
        notice("There is no picture on the clipboard.");
      } catch {
        window.playground.notice(hint, { kind: "info" }); // not every browser lets a page read the clipboard by itself
      }
    }
    document.addEventListener("paste", (event) => {
      if (!root.isConnected || !root.offsetParent || event.target.closest?.("input, textarea, [contenteditable]")) return;
      const found = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (!found) return;
      event.preventDefault();
      take(found);
    });

    let over = 0;
    root.addEventListener("dragenter", (event) => {
      event.preventDefault();
      over += 1;
      box.classList.add("over");
    });
    root.addEventListener("dragleave", () => {
      over -= 1;
      if (over <= 0) box.classList.remove("over");
    });
    root.addEventListener("dragover", (event) => event.preventDefault());
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      over = 0;
      box.classList.remove("over");
      const [found] = event.dataTransfer.files;
      if (found) take(found);
      else notice("That is not a file. Drop a picture file.");
    });
    open(null);

    return {
      async paint(next) {
        value = next ?? {};
        say(value.message ?? "", Boolean(value.unusual));
        const mine = ++turn;
        if (!value.preview) preview = null;
        else if (preview?.uri !== value.preview) {
          try {
            const image = await decode(value.preview);
            if (mine !== turn) return;
            preview = { uri: value.preview, image };
          } catch {
            return notice("The preview arrived damaged and is not shown.");
          }
        }
        if (preview) crop.paint(preview.image, value.crop);
        open(mode);
      },
    };
  });
})();
