// The upper canvas of a map: roads, lines to neighbours, what was circled, pins, and the hand. Cheap enough for every frame.
//
//   pgWidgets.mapMarks(canvas).draw({value, field, camera, screen, unit, hand, other, path, thumbs, picture, colours})
(() => {
  "use strict";
  const { classColour } = window.pgWidgets.mapPoints;

  window.pgWidgets.mapMarks = (canvas) => {
    const pen = canvas.getContext("2d");

    // a line that is seen on any ground
    function stroke(trace, width, colour, halo, dash = []) {
      pen.lineJoin = pen.lineCap = "round";
      for (const [thick, tone] of [[width * 2.2, halo], [width, colour]]) {
        pen.setLineDash(thick === width ? dash : []);
        pen.lineWidth = thick;
        pen.strokeStyle = tone;
        pen.beginPath();
        trace();
        pen.stroke();
      }
      pen.setLineDash([]);
    }
    function words(text, x, y, { unit, colours, font }, above = true) {
      pen.font = `600 ${12.5 * unit}px ${font}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      const wide = pen.measureText(text).width + 12 * unit;
      const left = Math.min(canvas.width - wide - 4, Math.max(4, x - wide / 2));
      const top = above ? y - 22 * unit : y;
      pen.fillStyle = colours.panel;
      pen.beginPath();
      pen.roundRect(left, top - 10 * unit, wide, 20 * unit, 10 * unit);
      pen.fill();
      pen.fillStyle = colours.ink;
      pen.fillText(text, left + wide / 2, top + unit);
    }

    function draw(what) {
      const { value, field, camera, screen, unit, hand, other, path, colours } = what;
      pen.clearRect(0, 0, canvas.width, canvas.height);
      const spare = new Float32Array(3);
      const ofPlace = (place) => {
        if (!field.solid) return camera.toPixels(place);
        camera.project({ count: 1, places: Float32Array.from([place[0], place[1], place[2] ?? 0]) }, spare);
        return [spare[0], spare[1]];
      };
      const ofPoint = (i) => (i >= 0 && i < field.count ? [screen[3 * i], screen[3 * i + 1]] : null);
      const find = (where) => (typeof where === "number" ? ofPoint(where) : Array.isArray(where) ? ofPlace(where) : null);
      const follow = (places, close) => () => {
        places.forEach((place, k) => pen[k ? "lineTo" : "moveTo"](...place));
        if (close) pen.closePath();
      };

      if (value.hull && !path) {
        const trace = follow(value.hull.map(ofPlace), true);
        pen.beginPath();
        trace();
        pen.globalAlpha = 0.08;
        pen.fillStyle = colours.accent;
        pen.fill();
        pen.globalAlpha = 1;
        stroke(trace, 1.6 * unit, colours.accent, colours.halo);
      }
      for (const { from, to, strength = 1, label } of value.lines ?? []) {
        const ends = [find(from), find(to)];
        if (!ends[0] || !ends[1]) continue;
        pen.globalAlpha = 0.25 + 0.75 * strength;
        stroke(follow(ends), (0.8 + 2 * strength) * unit, colours.ink, colours.halo);
        pen.globalAlpha = 1;
        if (label) words(label, (ends[0][0] + ends[1][0]) / 2, (ends[0][1] + ends[1][1]) / 2 + 11 * unit, what);
      }
      (value.roads ?? []).forEach((road, k) => {
        const places = road.xy.map(ofPlace);
        if (!places.length) return;
        const colour = k ? classColour(k - 1) : colours.accent; // the colours of the first curves
        stroke(follow(places), 3 * unit, colour, colours.halo, road.dash ? [7 * unit, 6 * unit] : []);
        const bead = places[road.at ?? -1];
        if (bead) ring(bead, 7 * unit, colour, colours.halo, unit, true);
        if (road.label) words(road.label, ...places[Math.floor((places.length * (k + 1)) / (value.roads.length + 1))], what);
      });
      for (const mark of value.marks ?? []) {
        const place = mark.point === undefined || mark.point === null ? mark.at && ofPlace(mark.at) : ofPoint(mark.point);
        if (!place) continue;
        const letter = mark.kind && mark.kind.length === 1 ? mark.kind : null;
        if (mark.kind === "you") star(place, 13 * unit, colours);
        else ring(place, (letter ? 11 : 9) * unit, colours.accent, colours.halo, unit, Boolean(letter));
        if (letter) {
          pen.font = `700 ${13 * unit}px ${what.font}`;
          pen.textAlign = "center";
          pen.textBaseline = "middle";
          pen.fillStyle = colours.onAccent;
          pen.fillText(letter, place[0], place[1] + unit);
        }
        if (mark.label) words(mark.label, place[0], place[1] - 4 * unit, what);
      }
      for (const point of [other, hand?.point ?? -1]) {
        const place = ofPoint(point);
        if (place) held(point, place, what);
      }
      if (hand && hand.point < 0 && hand.place) cross(ofPlace(hand.place), what);
      if (path) stroke(follow(path), 1.8 * unit, colours.accent, colours.halo, [5 * unit, 5 * unit]);
    }

    function ring([x, y], radius, colour, halo, unit, full) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fillStyle = colour;
      if (full) pen.fill();
      stroke(() => pen.arc(x, y, radius, 0, 2 * Math.PI), 2.6 * unit, full ? halo : colour, halo);
    }
    function star([x, y], radius, { accent, halo }) {
      const trace = () => {
        for (let k = 0; k < 10; k++) {
          const far = k % 2 ? 0.45 * radius : radius;
          const turn = (k * Math.PI) / 5 - Math.PI / 2;
          pen[k ? "lineTo" : "moveTo"](x + far * Math.cos(turn), y + far * Math.sin(turn));
        }
        pen.closePath();
      };
      pen.beginPath();
      trace();
      pen.fillStyle = accent;
      pen.fill();
      stroke(trace, 1.5, accent, halo);
    }
    // the point under the hand: its picture, a little larger
    function held(point, [x, y], { field, thumbs, unit, picture, colours }) {
      const side = Math.round(1.25 * picture * unit);
      const [left, top] = [Math.round(x - side / 2), Math.round(y - side / 2)];
      const corners = (by) => () => pen.roundRect(left - by, top - by, side + 2 * by, side + 2 * by, 0.26 * side);
      if (thumbs.length && window.pgWidgets.mapThumb(pen, thumbs, field.ids[point], left, top, side)) stroke(corners(1.5 * unit), 3 * unit, colours.ink, colours.halo);
      else ring([x, y], 7 * unit, colours.ink, colours.halo, unit, false);
    }
    function cross([x, y], { unit, colours }) {
      const trace = () => {
        pen.arc(x, y, 6 * unit, 0, 2 * Math.PI);
        for (const [a, b] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          pen.moveTo(x + 6 * a * unit, y + 6 * b * unit);
          pen.lineTo(x + 13 * a * unit, y + 13 * b * unit);
        }
      };
      stroke(trace, 1.8 * unit, colours.ink, colours.halo);
    }

    return { draw };
  };
})();
