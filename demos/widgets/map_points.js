// The points of a map: what arrives as text becomes places, colours and, for every point, the distance at which its
// picture still has room.
//
//   const { read, spread, colours, atlas } = pgWidgets.mapPoints
(() => {
  "use strict";
  const UNKNOWN = 255;
  const LEVELS = 64; // of `spread`
  const FINER = 2 ** (1 / 6); // each than the one before
  // apart for every kind of colour vision at this size, and no colour of an alarm first
  const DARK = ["#6ea8ff", "#ff9e4a", "#4cc9a4", "#d78bff", "#ffd166", "#ff7b8a", "#7ee0f5", "#b8d45a", "#f7a8c9", "#a9a4ff", "#d9a679", "#9fb8ad"];
  const LIGHT = ["#1f5fc4", "#c25b00", "#0b7359", "#8a35c0", "#947000", "#c4304d", "#0e7f9b", "#5c7a0a", "#b8437f", "#5a50d0", "#8a5a2b", "#4a6f62"];
  // viridis (Smith & van der Walt 2015): even steps look even, in print as well
  const SCALE = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const wordsOf = (text) => new Uint16Array(bytesOf(text).buffer);
  const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.trim().slice(i, i + 2), 16));
  const packed = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r;

  // Points as they came -> {count, ids, places (3 numbers each), box, solid}.
  function read(points) {
    const { count, box } = points;
    const places = new Float32Array(3 * count);
    ["x", "y", "z"].forEach((axis, c) => {
      if (!points[axis]) return;
      const whole = wordsOf(points[axis]);
      const [low, high] = box[c];
      for (let i = 0; i < count; i++) places[3 * i + c] = low + (whole[i] / 65535) * (high - low);
    });
    const ids = points.ids ? wordsOf(points.ids) : Uint16Array.from({ length: count }, (_, i) => i);
    return { count, ids, places, solid: Boolean(points.z), box: [0, 1, 2].map((c) => box[c] ?? [0, 0]) };
  }

  function bits(text, count) {
    const bytes = bytesOf(text);
    return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3] >> (7 - (i & 7))) & 1);
  }

  // How much room each point has: of the points with at least d, no two are nearer than d along both axes. Taken in one
  // fixed order, so that a picture that is shown stays when the map is enlarged.
  function spread({ count, places, box }, alive) {
    const room = new Float32Array(count);
    const size = Math.max(...box.map(([low, high]) => high - low)) || 1;
    const order = Uint16Array.from({ length: count }, (_, i) => i);
    let seed = 1;
    for (let i = count - 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = seed % (i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    let waiting = order.filter((i) => alive[i]);
    const kept = [];
    const mask = 16383;
    const head = new Int32Array(mask + 1);
    const next = new Int32Array(count);
    const depth = box[2][1] > box[2][0] ? 1 : 0;
    const cellOf = (i, c, d) => Math.floor((places[3 * i + c] - box[c][0]) / d);
    const slot = (x, y, z) => (Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791)) & mask;
    for (let level = 0; level < LEVELS && waiting.length; level++) {
      const d = size / 4 / FINER ** level;
      head.fill(-1);
      const put = (i) => {
        const place = slot(cellOf(i, 0, d), cellOf(i, 1, d), cellOf(i, 2, d));
        next[i] = head[place];
        head[place] = i;
      };
      kept.forEach(put);
      const free = (i) => {
        const [x, y, z] = [places[3 * i], places[3 * i + 1], places[3 * i + 2]];
        const [a, b, c] = [cellOf(i, 0, d), cellOf(i, 1, d), cellOf(i, 2, d)];
        for (let u = a - 1; u <= a + 1; u++)
          for (let v = b - 1; v <= b + 1; v++)
            for (let w = c - depth; w <= c + depth; w++)
              for (let j = head[slot(u, v, w)]; j >= 0; j = next[j])
                if (Math.abs(places[3 * j] - x) < d && Math.abs(places[3 * j + 1] - y) < d && Math.abs(places[3 * j + 2] - z) < d) return false;
        return true;
      };
      waiting = waiting.filter((i) => {
        if (!free(i)) return true;
        room[i] = d;
        kept.push(i);
        put(i);
        return false;
      });
    }
    for (const i of waiting) room[i] = 1e-6 * size;
    return room;
  }

  const light = () => document.documentElement.dataset.theme === "light";
  const hex = (parts) => `#${parts.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
  // A class's colour. Its own one is mixed with black or white until it stands out from the ground.
  function classColour(k, palette) {
    if (!palette?.[k]) return (light() ? LIGHT : DARK)[k % DARK.length];
    let own = rgb(palette[k]);
    const bright = () => (0.3 * own[0] + 0.59 * own[1] + 0.11 * own[2]) / 255;
    while (light() ? bright() > 0.68 : bright() < 0.33) own = own.map((part) => (light() ? 0.94 * part : part + 0.06 * (255 - part)));
    return hex(own);
  }
  function scaleColour(share) {
    const along = (light() ? 1 - share : share) * (SCALE.length - 1);
    const k = Math.min(SCALE.length - 2, Math.floor(along));
    const [a, b] = [rgb(SCALE[k]), rgb(SCALE[k + 1])];
    return a.map((part, c) => Math.round(part + (along - k) * (b[c] - part)));
  }

  // One packed colour for each point, and which of them are hidden by the legend.
  function colours(value, count, plain) {
    const paint = new Uint32Array(count).fill(packed(rgb(plain)));
    const hidden = new Uint8Array(count);
    if (!value) return { paint, hidden };
    const values = bytesOf(value.values);
    const off = new Set(value.off ?? []);
    const known = new Map();
    for (let i = 0; i < count; i++) {
      const k = values[i];
      if (k === UNKNOWN) continue;
      if (!known.has(k)) known.set(k, packed(value.kind === "classes" ? rgb(classColour(k, value.palette)) : scaleColour(k / 254)));
      paint[i] = known.get(k);
      if (value.kind === "classes" && off.has(k)) hidden[i] = 1;
    }
    return { paint, hidden };
  }

  // Atlases by address, with round corners; every board of the page shares them. ready() is called when one is there.
  const atlases = new Map();
  function atlas({ url, side }, ready) {
    let known = atlases.get(url);
    if (!known) {
      known = { sheet: null, waiting: [] };
      atlases.set(url, known);
      const image = new Image();
      image.src = url;
      image.decode().then(
        () => {
          known.sheet = rounded(image, side);
          known.waiting.splice(0).forEach((call) => call());
        },
        () => window.playground.notice("The pictures of the map did not arrive; its points are shown as dots.", { kind: "warning" }),
      );
    }
    if (!known.sheet && !known.waiting.includes(ready)) known.waiting.push(ready);
    return known.sheet;
  }
  function rounded(image, side) {
    const { make } = window.pgWidgets;
    const tile = make("canvas", { width: side, height: side });
    const stencil = tile.getContext("2d");
    stencil.roundRect(0, 0, side, side, 0.24 * side);
    stencil.fill();
    const sheet = make("canvas", { width: image.naturalWidth, height: image.naturalHeight });
    const pen = sheet.getContext("2d", { willReadFrequently: true }); // many small copies: fastest in plain memory
    pen.drawImage(image, 0, 0);
    pen.globalCompositeOperation = "destination-in";
    pen.fillStyle = pen.createPattern(tile, "repeat");
    pen.fillRect(0, 0, sheet.width, sheet.height);
    return sheet;
  }

  window.pgWidgets.mapPoints = { read, bits, spread, colours, classColour, scaleColour, atlas, rgb, packed };
})();
