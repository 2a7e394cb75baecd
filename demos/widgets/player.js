// What plays a run in a figure: its button, a clock, and the presenter's arrows and space, which come as events of the
// tab and are answered by the figure that can be seen.
//
//   const reel = pgWidgets.player(root, {last, at, go, perSecond, tell})
//
// last(): the last place, 0 where it cannot play, -1 without a run. at(): the place shown; go(place) shows another one.
// perSecond(): how many places a second. tell(): Python hears where it came to rest. whole(): false where go() may be
// given what lies between two places. ahead: how much of the first place is over already. stopped(): it plays no more.
(() => {
  "use strict";
  const { setAttribute, button, icon } = window.pgWidgets;

  window.pgWidgets.player = (root, { last, at, go, perSecond, tell, whole = () => true, ahead = 0, stopped = () => {} }) => {
    let ticking = 0;
    const node = button({ className: "play", label: "Play", symbol: "play" }, toggle);

    function look(symbol, label) {
      node.replaceChildren(icon(symbol));
      setAttribute(node, "aria-label", label);
    }
    function play() {
      if (last() < 1) return;
      if (at() >= last()) go(0);
      const [from, began, speed] = [at() + ahead, performance.now(), perSecond()];
      const tick = (now) => {
        // a frame's time may lie before the press that asked for it
        const place = from + (Math.max(0, now - began) * speed) / 1000;
        const to = whole() ? Math.floor(place) : place;
        if (to !== at()) go(to);
        if (ticking && at() < last()) ticking = requestAnimationFrame(tick);
        else stop();
      };
      ticking = requestAnimationFrame(tick);
      look("pause", "Pause");
    }
    function stop(say = true) {
      if (!ticking) return;
      cancelAnimationFrame(ticking);
      ticking = 0;
      look("play", "Play");
      stopped();
      if (say) tell();
    }
    function toggle() {
      if (ticking) stop();
      else play();
    }
    function step(direction) {
      stop(false);
      go(Math.round(at()) + direction);
      tell();
    }

    for (const [name, answer] of [["play", toggle], ["step", step]]) {
      root.closest(".stage-tab")?.addEventListener(name, (event) => {
        if (last() < 0 || node.closest("figure").offsetParent === null) return;
        answer(event.detail);
        event.preventDefault();
      });
    }
    return { button: node, playing: () => ticking > 0, stop, toggle, step };
  };
})();
