// Where a map is looked at from: a place and a zoom in the plane, two angles in space.
//
//   const camera = pgWidgets.mapCamera(canvas); camera.frame(box); camera.project(field, screen)
(() => {
  "use strict";
  const { clamp } = window.pgWidgets;
  const MARGIN = 0.94; // of the canvas, for the whole map
  const NEAREST = 80; // the greatest zoom
  const DEPTH = 0.28; // how much larger what is near appears

  window.pgWidgets.mapCamera = (canvas) => {
    let box = [[0, 1], [0, 1], [0, 0]];
    let flight = 0;
    const middle = (c) => (box[c][0] + box[c][1]) / 2;
    const span = (c) => Math.max(1e-9, box[c][1] - box[c][0]);

    const camera = {
      x: 0.5,
      y: 0.5,
      zoom: 1,
      yaw: 0,
      pitch: 0,
      solid: 0, // how far it is a view in space, 0 to 1

      // the map's box; the camera stays where it is unless it has to start afresh
      frame(next, afresh) {
        box = next;
        if (afresh) Object.assign(camera, { x: middle(0), y: middle(1), zoom: 1, yaw: 0, pitch: 0 });
      },
      box: () => box,
      get whole() {
        return camera.zoom < 1.001 && Math.abs(camera.x - middle(0)) + Math.abs(camera.y - middle(1)) < 1e-3 * span(0);
      },
      state: () => [camera.x, camera.y, camera.zoom].map((part) => Math.round(1e4 * part) / 1e4),
      home: () => [middle(0), middle(1), 1],

      scale() {
        const flat = Math.min((MARGIN * canvas.width) / span(0), (MARGIN * canvas.height) / span(1));
        const round = (1.3 * Math.min(canvas.width, canvas.height)) / Math.hypot(span(0), span(1), span(2));
        return camera.zoom * (flat + camera.solid * (round - flat));
      },
      // Places (3 numbers a point) -> pixels and nearness (0 far, 1 near).
      project({ count, places }, screen) {
        const scale = camera.scale();
        const [halfWide, halfTall] = [canvas.width / 2, canvas.height / 2];
        const [mx, my, mz] = [middle(0), middle(1), middle(2)];
        const [dx, dy] = [camera.x - mx, camera.y - my];
        if (!camera.solid) {
          for (let k = 0; k < 3 * count; k += 3) {
            screen[k] = halfWide + (places[k] - camera.x) * scale;
            screen[k + 1] = halfTall - (places[k + 1] - camera.y) * scale;
            screen[k + 2] = 1;
          }
          return;
        }
        const [cy, sy] = [Math.cos(camera.yaw), Math.sin(camera.yaw)];
        const [cp, sp] = [Math.cos(camera.pitch), Math.sin(camera.pitch)];
        const radius = Math.hypot(span(0), span(1), span(2)) / 2;
        for (let k = 0; k < 3 * count; k += 3) {
          const [x, y, z] = [places[k] - mx, places[k + 1] - my, places[k + 2] - mz];
          const side = cy * x + sy * z;
          const ahead = cy * z - sy * x;
          const up = cp * y + sp * ahead;
          const near = cp * ahead - sp * y;
          const part = 1 + (camera.solid * DEPTH * near) / radius;
          screen[k] = halfWide + (side - dx) * scale * part;
          screen[k + 1] = halfTall - (up - dy) * scale * part;
          screen[k + 2] = clamp(0.5 + near / (2 * radius), 0, 1);
        }
      },
      toPixels: ([x, y]) => [canvas.width / 2 + (x - camera.x) * camera.scale(), canvas.height / 2 - (y - camera.y) * camera.scale()],
      toPlace: (x, y) => [camera.x + (x - canvas.width / 2) / camera.scale(), camera.y - (y - canvas.height / 2) / camera.scale()],

      pan(byX, byY) {
        cancelAnimationFrame(flight);
        camera.x = clamp(camera.x - byX / camera.scale(), box[0][0], box[0][1]);
        camera.y = clamp(camera.y + byY / camera.scale(), box[1][0], box[1][1]);
      },
      turn(byX, byY) {
        camera.yaw += byX / 160 / (window.devicePixelRatio || 1);
        camera.pitch = clamp(camera.pitch + byY / 160 / (window.devicePixelRatio || 1), -1.5, 1.5);
      },
      // zoom by a factor, and keep what is at this pixel where it is
      magnify(factor, atX = canvas.width / 2, atY = canvas.height / 2) {
        cancelAnimationFrame(flight);
        const [x, y] = camera.toPlace(atX, atY);
        camera.zoom = clamp(camera.zoom * factor, 0.5, NEAREST);
        const [nowX, nowY] = camera.toPlace(atX, atY);
        camera.x += x - nowX;
        camera.y += y - nowY;
        camera.pan(0, 0);
      },
      // over there, step by step; done() at the end
      fly([x, y, zoom], milliseconds, moved, done = () => {}) {
        cancelAnimationFrame(flight);
        const from = [camera.x, camera.y, Math.log(camera.zoom)];
        const to = [x, y, Math.log(clamp(zoom, 0.5, NEAREST))];
        const began = performance.now();
        const step = (now) => {
          const t = milliseconds ? clamp((now - began) / milliseconds, 0, 1) : 1;
          const part = t * t * (3 - 2 * t);
          const at = from.map((one, c) => one + part * (to[c] - one));
          [camera.x, camera.y, camera.zoom] = [at[0], at[1], Math.exp(at[2])];
          moved();
          if (t < 1) flight = requestAnimationFrame(step);
          else done();
        };
        if (milliseconds) flight = requestAnimationFrame(step);
        else step(began);
      },
    };
    return camera;
  };
})();
