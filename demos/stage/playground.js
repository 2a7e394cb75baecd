// The client's heart: widgets register here, and each tab has a store that holds its state and talks to Python.
//
//   playground.define(kind, ({root, props, emit, tab, server}) => ({paint(value)}))    tab: the tab's name, or ""
//   playground.mount(kind, element, props, trigger, watch, server)                     every component's js_on_load
//   playground.tab(name), playground.current() -> store                                playground.notice(text, {kind})
//
// Values and visitors' words reach the page through textContent and attributes only, never as HTML.
window.playground = (() => {
  "use strict";

  const SETTLE_MS = 120; // after the last live action the full view is asked for
  const FOLLOW_MS = 150; // while a hand drags, the sheets follow this often, once the hero is painted: more than five times a second
  const BUSY_MS = 300; // shorter waits are not shown: they would only flicker
  const HISTORY = 100;
  const kinds = {};
  const stores = {};
  const listeners = {};
  let visible = null;
  let cameFrom = null; // the store seen before this one
  let linked = null; // the link the page was opened with, until its tab has read it

  const on = (event, listener) => (listeners[event] ??= []).push(listener);
  const announce = (event, ...about) => (listeners[event] ?? []).forEach((listener) => listener(...about));

  // el("button", {class: "a", onclick: f, title: null}, "words", child): null attributes are left out
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function notice(text, { kind = "info", action = null, seconds = kind === "error" ? 10 : 6 } = {}) {
    let list = document.getElementById("stage-notices");
    if (!list) {
      list = el("div", { id: "stage-notices", role: "status", "aria-live": "polite" });
      document.body.append(list);
    }
    for (const old of [...list.children]) if (old.firstChild.textContent === text) old.remove();
    while (list.children.length > 3) list.firstChild.remove();
    const close = el("button", { type: "button", class: "stage-close", "aria-label": "Close this message" }, "×");
    const item = el("div", { class: `stage-notice ${kind}` }, el("span", {}, String(text)), action, close);
    close.addEventListener("click", () => item.remove());
    list.append(item);
    setTimeout(() => item.remove(), seconds * 1000);
    return item;
  }

  // ---- one store per tab

  function makeStore(name) {
    const painters = {};
    const history = [];
    let cursor = -1;
    let server = null;
    let queue = []; // actions not sent yet; of one name only the last
    let job = null; // an `open` not sent yet
    let calling = false;
    let flying = []; // the names of the actions under way
    let settling = 0; // timer of the settle call
    let due = false; // a settle call is to be sent
    let asked = false; // `open` was asked for once
    let again = null; // the run: {action, after} of the newest answer, to be sent over and over
    let ripe = false; // the run's next action is to be sent
    let waiting = null; // the wait before it
    let turn = true; // the run's action may go before those of a dragging hand: they take turns
    let ahead = false; // a run went on from history[cursor]
    let shown = Promise.resolve(); // the newest view was painted
    let resting = true; // the newest request was not live
    let rests = 0; // answers to such requests
    let beside = false; // the sheets are asked for
    let followed = 0; // when they were last

    const store = {
      name,
      root: null,
      props: {},
      state: null,
      query: "",
      view: {},
      play: null, // the action of the space bar
      leftOut: [],
      answers: 0, // answers of the live server
      milliseconds: null, // how long the last one took
      failed: false,
      get busy() {
        return calling || beside || queue.length > 0 || job !== null || due || settling !== 0;
      },
      get canUndo() {
        return cursor > 0 || ahead;
      },
      get canRedo() {
        return cursor < history.length - 1;
      },

      // whether an action of this name was done and is not answered yet
      pending: (action) => flying.includes(action) || queue.some((one) => one.action.name === action),

      dispatch(action, { live = false } = {}) {
        queue = queue.filter((known) => known.action.name !== action.name);
        queue.push({ action, live });
        clearTimeout(settling);
        settling = live ? setTimeout(settle, SETTLE_MS) : 0;
        due = false;
        if (!store.answers) waking();
        store.failed = false;
        pump();
      },
      restore(request) {
        forget();
        job = { request, keep: true };
        store.failed = false;
        pump();
      },
      undo() {
        if (store.canUndo) go(ahead ? cursor : cursor - 1);
      },
      redo() {
        if (store.canRedo) go(cursor + 1);
      },
      pin: () => store.dispatch({ name: "pin", value: null }),
      unpin: () => store.dispatch({ name: "unpin", value: null }),
      reset: () => store.dispatch({ name: "reset", value: null }),
      retry() {
        store.failed = false;
        pump();
      },
      // Called when the tab or the page can be seen again: a run goes on.
      wake: () => pump(),
      // another server function: {..} or null after a notice
      async call(what, payload) {
        try {
          const answer = await server[what](payload);
          if (answer.error) notice(answer.error, { kind: "error" });
          return answer.error ? null : answer;
        } catch {
          notice("The server did not answer. Try again.", { kind: "error" });
          return null;
        }
      },

      attach(widget, painter) {
        painters[widget] = painter;
        if (widget in store.view) paint(widget);
      },
      connect(root, props, functions) {
        Object.assign(store, { root, props });
        server = functions;
        root.addEventListener("act", (event) => {
          event.stopPropagation();
          store.dispatch(event.detail.action, { live: event.detail.live });
        });
        if (visible === name) store.visit(cameFrom);
      },
      // Called when the tab comes into view: opens it once, later carries the app-wide choices over.
      visit(from) {
        if (!server) return;
        const carried = from?.state ? { data: from.state.data, seed: from.state.seed } : null;
        if (asked) {
          for (const [param, value] of Object.entries(carried ?? {})) {
            if (store.state && store.state[param] !== value) store.dispatch({ name: param, value });
          }
          return;
        }
        asked = true;
        const query = linked ?? (carried ? `?data=${carried.data}&seed=${carried.seed}` : "");
        linked = null;
        showRecording(query);
        job = { request: { query }, keep: true };
        pump();
      },
    };

    function settle() {
      settling = 0;
      due = true;
      pump();
    }
    function forget() {
      clearTimeout(settling);
      [queue, settling, due] = [[], 0, false];
    }
    function go(place) {
      forget();
      job = { request: { state: history[place] }, place };
      pump();
    }
    function waking() {
      if (!server || store.failed) return;
      store.root.classList.add("waking");
      notice("Waking the model…", { seconds: 4 });
    }

    function showRecording(query) {
      const link = new URLSearchParams(query);
      const recording = store.props.recordings?.[link.get("data") ?? "toons"];
      if (!recording || store.answers) return;
      // the link of the recording, or one that says what it shows anyway, as the seed carried over from another tab may
      const same = ([key, text]) => key.startsWith("__") || ["v", "tab", "data"].includes(key) || String(recording.state[key]) === text;
      if (![...link].every(same)) return;
      Object.assign(store, { state: recording.state, query: recording.query, play: recording.view.play ?? null });
      show(recording.view);
    }

    // A run goes on once its pause is over. An answer meanwhile changes what is sent, not when.
    function plan(next) {
      again = next;
      if (!again) [ripe, waiting] = [false, null];
      if (!again || ripe || waiting) return;
      if (!again.after) {
        ripe = true;
        return;
      }
      const mine = (waiting = {});
      const ripen = () => {
        if (waiting !== mine) return;
        [ripe, waiting] = [true, null];
        pump();
      };
      setTimeout(ripen, again.after);
    }

    // While a hand drags, the sheets are asked for every now and then, beside the requests that move the hero: neither
    // waits for the other. What comes too late, or not at all, comes with the view at rest.
    async function follow() {
      const now = performance.now();
      const part = store.props.parts.find((one) => one.name === store.state.part);
      if (beside || resting || !part?.follows || now - followed < FOLLOW_MS) return;
      [beside, followed] = [true, now];
      const asked = rests;
      const answer = await server.step({ state: store.state, actions: [], live: true, follow: true }).catch(() => null);
      beside = false;
      if (answer?.view && asked === rests) show(answer.view);
      announce("settled", store);
    }

    // One request at a time, but for the sheets that follow. What could not be sent waits; a failed request is put back
    // and sent by retry(). The next request leaves before the view of this one is painted, so that page and server work
    // at the same time; an answer of a run waits until the view before it was painted, so that none is skipped.
    async function pump() {
      if (calling || !server || store.failed) return;
      const seen = visible === name && !document.hidden;
      const goesOn = again && ripe && seen && !due && queue.every((one) => one.live) && (turn || !queue.length);
      let what, payload, after, putBack;
      if (job) {
        const mine = job;
        [what, payload, job] = ["open", mine.request, null];
        after = mine;
        putBack = () => (job ??= mine);
      } else if (goesOn) {
        [what, ripe, turn] = ["step", false, false];
        payload = { state: store.state, actions: [again.action], live: true };
        after = { live: true, run: true };
        putBack = () => (ripe = again !== null);
      } else if (store.state && (queue.length || due)) {
        const batch = queue;
        const live = batch.length > 0 && batch.every((one) => one.live);
        [what, queue, turn] = ["step", [], true];
        if (!live) due = false;
        payload = { state: store.state, actions: batch.map((one) => one.action), live };
        after = { live, keep: !live };
        putBack = () => {
          queue = [...batch.filter((one) => !queue.some((newer) => newer.action.name === one.action.name)), ...queue];
          due ||= !live;
        };
      } else return;

      [calling, resting] = [true, !after.live];
      flying = payload.actions?.map((one) => one.name) ?? [];
      const started = performance.now();
      const slow = setTimeout(() => store.root.classList.add("busy"), BUSY_MS);
      let answer = null;
      try {
        answer = await server[what](payload);
        if (!answer || typeof answer !== "object") throw new Error("no answer");
        if (after.run) await shown;
      } catch {
        store.failed = true;
        putBack();
      }
      clearTimeout(slow);
      [calling, flying] = [false, []];
      store.milliseconds = performance.now() - started;
      store.root.classList.remove("busy", "waking");
      store.root.classList.toggle("failed", store.failed);
      if (store.failed) sayFailed("The server did not answer.");
      if (answer?.error) refuse(answer.error, after, putBack);
      else if (answer) accept(answer, after);
      announce("settled", store);
      pump();
    }

    function refuse(sentence, { run = false }, putBack) {
      if (store.state) {
        notice(sentence, { kind: "error" });
        if (run) halt();
        Object.keys(store.view).forEach(paint); // the widgets go back to what is true
        return;
      }
      store.failed = true;
      putBack();
      store.root.classList.add("failed");
      sayFailed(sentence);
    }
    // A run ends here, without an action of its tab: what there is now is shown in full.
    function halt() {
      plan(null);
      store.state = { ...store.state, running: false };
      due = true;
    }
    function sayFailed(sentence) {
      store.root.querySelector(".stage-failed > span").textContent = sentence;
    }

    function accept(answer, { live = false, keep = false, place = null, run = false }) {
      const { again: next = null, play, ...view } = answer.view;
      store.answers += 1;
      Object.assign(store, { state: answer.state, query: answer.query, leftOut: answer.left_out });
      answer.notices.forEach((sentence) => notice(sentence, { kind: "warning", seconds: 12 }));
      if (play !== undefined || !live) store.play = play ?? null;
      if (place !== null) [cursor, ahead] = [place, false];
      else if (keep) remember(answer.state);
      else ahead ||= run && whole(history[cursor]) !== whole(answer.state);
      if (!live) [rests, followed] = [rests + 1, performance.now()];
      plan(next);
      // a run that came to its end by itself: now the whole view
      if (run && !next) due = true;
      pump();
      show(view);
      shown = new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
      if (live) shown.then(follow); // the hero is painted first: a sheet keeps every core busy
      if (!live) announce("arrived", store);
    }

    // what undo goes back over: neither starting or stopping a run, nor how far the page has followed it
    const whole = (state) =>
      JSON.stringify({ ...state, running: null, ...Object.fromEntries(store.props.derived.map((name) => [name, null])) });

    function remember(state) {
      ahead = false;
      if (cursor >= 0 && whole(history[cursor]) === whole(state)) return;
      history.splice(cursor + 1, Infinity, state);
      if (history.length > HISTORY) history.shift();
      cursor = history.length - 1;
    }

    function show(view) {
      store.view = { ...store.view, ...view };
      const { root, state } = store;
      root.dataset.part = state.part;
      root.classList.toggle("pinned", Boolean(state.pin));
      for (const column of root.querySelectorAll(".part")) column.classList.toggle("current", column.classList.contains(`part-${state.part}`));
      Object.keys(view).forEach(paint);
      announce("change", store);
    }

    function paint(widget) {
      try {
        const value = store.view[widget];
        const absent = Boolean(value?.hidden); // a part may put a widget away
        document.getElementById(`${name}-${widget}`)?.classList.toggle("pg-absent", absent);
        if (value !== null && !absent) painters[widget]?.paint(value);
      } catch (error) {
        console.error(`painting ${name}-${widget}`, error);
      }
    }
    return store;
  }

  const tab = (name) => (stores[name] ??= makeStore(name));
  document.addEventListener("visibilitychange", () => visible && tab(visible).wake());

  // ---- tabs

  // gradio's own tab row is hidden; pressing its button mounts the tab and shows it
  function press(name, tries = 200) {
    const button = document.getElementById(`panel-${name}-button`);
    if (button) button.click();
    else if (tries > 0 && visible === name) setTimeout(press, 25, name, tries - 1);
  }

  function select(name) {
    if (name === visible) return;
    cameFrom = visible && tab(visible);
    visible = name;
    press(name);
    tab(name).visit(cameFrom);
    tab(name).wake();
    announce("tab", tab(name));
  }

  function start(names) {
    linked = location.search;
    const wanted = new URLSearchParams(linked).get("tab");
    if (wanted && !names.includes(wanted)) {
      notice(`The link asks for a tab called “${wanted.slice(0, 40)}”, which is not here. This is ${names[0]}.`, { kind: "warning", seconds: 12 });
      linked = "";
    }
    select(names.includes(wanted) ? wanted : names[0]);
  }

  // ---- widgets

  function mount(kind, element, props, trigger, watch, server) {
    if (!kinds[kind]) throw new Error(`there is no widget called ${kind}`);
    const root = element.closest(".stage-tab");
    const name = root ? root.id.slice("tab-".length) : "";
    const emit = (action, { live = false } = {}) => {
      element.dispatchEvent(new CustomEvent("act", { bubbles: true, detail: { action, live } }));
      if (props.listened) trigger("input", action);
    };
    const painter = kinds[kind]({ root: element, props, emit, tab: name, server });
    const show = () => props.value !== null && props.value !== undefined && painter?.paint(props.value);
    show();
    watch("value", show);
    if (root && painter) tab(name).attach(props.name, painter);
  }

  kinds.store = ({ root, props, server }) => {
    const frame = root.closest(".stage-tab");
    const again = el("button", { type: "button", class: "stage-button", onclick: () => tab(props.tab).retry() }, "Try again");
    const failed = el("div", { class: "stage-failed", role: "alert" }, el("span"), again);
    frame.append(failed);
    tab(props.tab).connect(frame, props, server);
  };

  return {
    define: (kind, factory) => (kinds[kind] = factory),
    mount,
    tab,
    current: () => (visible ? tab(visible) : null),
    select,
    start,
    notice,
    on,
    el,
  };
})();
