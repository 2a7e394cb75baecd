// The lower canvas of a map: dots written into memory at once, and over them the pictures that have room.
//
//   const ink = pgWidgets.mapInk(canvas)
//   ink.paint({field, camera, room, paint, quiet, thumbs, ...})
(() => {
  "use strict";
  const { clamp } = window.pgWidgets;
  const FAINT = 0.84; // how far a point that is filtered away fades into the ground
  const DIM = 0.66; // and one outside the circled ones

  const mix = (colour, ground, share) => {
    let mixed = 255 << 24;
    for (const at of [0, 8, 16]) {
      const [a, b] = [(colour >> at) & 255, (ground >> at) & 255];
      mixed |= Math.round(a + share * (b - a)) << at;
    }
    return mixed >>> 0;
  };

  // the room that a picture takes, in pixels of the canvas; corners may overlap a little
  const needed = ({ field, picture, framed, unit }) => ((field.solid ? 1.3 : 0.82) * picture + (framed ? 1 : 0)) * unit;

  // What a disc covers on a canvas of that width: how far each pixel is from the first, and its share of 256; for a radius
  // and a place to a quarter of a pixel.
  function stamps(width) {
    const known = [];
    return (radius, u, v) => {
      const quarters = Math.round(4 * radius);
      const key = (quarters << 4) | (u << 2) | v;
      return (known[key] ??= cut(quarters / 4, u, v, width));
    };
  }
  function cut(radius, u, v, width) {
    const middle = Math.ceil(radius + 1);
    const [at, share] = [[], []];
    for (let y = -middle; y <= middle; y++) {
      for (let x = -middle; x <= middle; x++) {
        const covered = Math.round(256 * clamp(radius + 0.5 - Math.hypot(x + 0.5 - (u + 0.5) / 4, y + 0.5 - (v + 0.5) / 4), 0, 1));
        if (!covered) continue;
        at.push(y * width + x);
        share.push(covered);
      }
    }
    return { middle, at: Int32Array.from(at), share: Uint16Array.from(share) };
  }

  window.pgWidgets.mapInk = (canvas) => {
    const pen = canvas.getContext("2d", { alpha: false });
    let frame = null; // the pixels of the canvas
    let pixels = null; // the same, a word each
    let stamp = null; // its discs
    let screen = new Float32Array(0); // x, y and depth of each point, in pixels of the canvas

    function dot(x, y, radius, colour) {
      const { width, height } = canvas;
      const left = Math.floor(x);
      const top = Math.floor(y);
      const { middle, at, share } = stamp(radius, Math.floor(4 * (x - left)), Math.floor(4 * (y - top)));
      if (left < middle || top < middle || left + middle >= width || top + middle >= height) return;
      const from = top * width + left;
      const rb = colour & 0xff00ff;
      const g = colour & 0x00ff00;
      for (let k = 0; k < at.length; k++) {
        const to = from + at[k];
        const part = share[k];
        if (part === 256) {
          pixels[to] = colour;
          continue;
        }
        const under = pixels[to];
        const urb = under & 0xff00ff;
        const ug = under & 0x00ff00;
        pixels[to] = 0xff000000 | ((urb + (((rb - urb) * part) >> 8)) & 0xff00ff) | ((ug + (((g - ug) * part) >> 8)) & 0x00ff00);
      }
    }
    // a square with cut corners: the frame of a picture
    function plate(x, y, side, colour) {
      const { width, height } = canvas;
      const cut = Math.round(0.16 * side);
      const [left, top] = [Math.round(x - side / 2), Math.round(y - side / 2)];
      for (let row = 0; row < side; row++) {
        const line = top + row;
        if (line < 0 || line >= height) continue;
        const inward = Math.max(0, cut - Math.min(row, side - 1 - row));
        const from = Math.max(0, left + inward);
        const to = Math.min(width, left + side - inward);
        if (from < to) pixels.fill(colour, line * width + from, line * width + to);
      }
    }

    // what: {field, camera, room, paint, quiet (0 shown, 1 filtered away, 2 not circled), thumbs (a sheet per atlas),
    // ground (colour), framed, unit (pixels of the canvas per CSS pixel), picture (CSS pixels), drawn (pictures at all)}
    function draw(what) {
      const { width, height } = canvas;
      const { field, camera, paint, quiet, unit } = what;
      const { count } = field;
      if (!width || !height) return 0;
      if (!frame || frame.width !== width || frame.height !== height) {
        frame = pen.createImageData(width, height);
        pixels = new Uint32Array(frame.data.buffer);
        stamp = stamps(width);
      }
      if (screen.length !== 3 * count) screen = new Float32Array(3 * count);
      camera.project(field, screen);
      pixels.fill(what.ground);
      const scale = camera.scale();
      const need = needed(what);
      const some = count < 900 ? 1.5 : 1;
      const radius = clamp((1.7 + 0.45 * Math.log2(Math.max(1, camera.zoom))) * some, 1.4, 5) * unit;
      const large = [];
      const order = field.solid ? byDepth(count) : null;
      for (const calm of [1, 2, 0]) {
        for (let k = 0; k < count; k++) {
          const i = order ? order[k] : k;
          if (quiet[i] !== calm) continue;
          const x = screen[3 * i];
          const y = screen[3 * i + 1];
          const near = screen[3 * i + 2];
          if (x < -need || y < -need || x > width + need || y > height + need) continue;
          if (!calm && what.drawn && what.room[i] * scale >= need) {
            large.push(i);
            continue;
          }
          let colour = calm ? mix(paint[i], what.ground, calm === 1 ? FAINT : DIM) : paint[i];
          if (field.solid && !calm) colour = mix(colour, what.ground, 0.62 * (1 - near));
          dot(x, y, field.solid ? radius * (0.65 + 0.8 * near) : radius, colour);
        }
      }
      const sideOf = (i) => Math.round(what.picture * unit * (field.solid ? 0.6 + 0.6 * screen[3 * i + 2] : 1));
      const edge = Math.max(1, Math.round(1.5 * unit));
      if (what.framed) for (const i of large) plate(screen[3 * i], screen[3 * i + 1], sideOf(i) + 2 * edge, paint[i]);
      pen.putImageData(frame, 0, 0);
      pen.imageSmoothingQuality = "low";
      for (const i of large) {
        const side = sideOf(i);
        if (field.solid) pen.globalAlpha = 0.4 + 0.6 * screen[3 * i + 2];
        thumb(pen, what.thumbs, field.ids[i], Math.round(screen[3 * i] - side / 2), Math.round(screen[3 * i + 1] - side / 2), side);
      }
      pen.globalAlpha = 1;
      return large.length;
    }

    function byDepth(count) {
      const order = new Uint16Array(count);
      const counts = new Uint32Array(257);
      const bucket = (i) => clamp(Math.floor(256 * screen[3 * i + 2]), 0, 255);
      for (let i = 0; i < count; i++) counts[bucket(i) + 1]++;
      for (let b = 0; b < 256; b++) counts[b + 1] += counts[b];
      for (let i = 0; i < count; i++) order[counts[bucket(i)]++] = i;
      return order;
    }

    return {
      draw,
      places: () => screen,
      // The point at a place of the canvas, or -1: a picture that lies there, else the nearest dot within reach.
      hit(x, y, { field, room, quiet, camera, unit, picture, framed, drawn }, reach) {
        const need = needed({ field, picture, framed, unit });
        const scale = camera.scale();
        let [found, best] = [-1, Infinity];
        for (let i = 0; i < field.count; i++) {
          if (quiet[i] === 1) continue;
          const [dx, dy] = [Math.abs(screen[3 * i] - x), Math.abs(screen[3 * i + 1] - y)];
          const pictured = !quiet[i] && drawn && room[i] * scale >= need;
          const half = pictured ? (picture * unit) / 2 : reach;
          if (dx > half || dy > half) continue;
          const far = (pictured ? 0.5 : 1) * Math.hypot(dx, dy) - (field.solid ? screen[3 * i + 2] : 0);
          if (far < best) [found, best] = [i, far];
        }
        return found;
      },
    };
  };

  // One picture of the atlases at a place; half a pixel is left away all round, so that no neighbour shines in.
  function thumb(pen, thumbs, id, left, top, side) {
    for (const { sheet, start, count, columns, side: tile } of thumbs) {
      if (id < start || id >= start + count || !sheet) continue;
      const nth = id - start;
      pen.drawImage(sheet, (nth % columns) * tile + 0.5, Math.floor(nth / columns) * tile + 0.5, tile - 1, tile - 1, left, top, side, side);
      return true;
    }
    return false;
  }
  window.pgWidgets.mapThumb = thumb;
})();
