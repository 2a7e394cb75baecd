// The story cell: a walk through states with one sentence each; a question first where the step has one.
(() => {
  "use strict";
  const { el } = playground;

  playground.tellStories = (store, stories, cell) => {
    let [number, place, revealed] = [0, -1, true]; // place -1: not begun
    const heading = el("h2");
    const chooser = el("select", { "aria-label": "Choose a story" });
    stories.forEach((story, index) => chooser.append(el("option", { value: index }, story.title)));
    const sentence = el("p", { "aria-live": "polite" });
    const back = el("button", { type: "button", class: "stage-button small", "aria-label": "Back", title: "Back (←)", onclick: () => previous() }, "←");
    const label = el("span");
    const forward = el("button", { type: "button", class: "stage-button main", onclick: () => next() }, label, el("kbd", {}, "N"));
    const steps = el("span", { class: "steps" });
    cell.append(el("div", { class: "head" }, heading, chooser), sentence, el("div", { class: "links" }, back, forward, steps));

    function enter(story, step) {
      [number, place] = [story, step];
      const now = stories[number].steps[place];
      revealed = !now.predict;
      store.restore({ query: now.query });
      refresh();
    }
    function next() {
      const story = stories[number];
      if (!revealed) {
        revealed = true;
        const after = story.steps[place].reveal;
        if (after) store.restore({ query: after });
        refresh();
      } else if (place + 1 < story.steps.length) enter(number, place + 1);
      else enter((number + 1) % stories.length, 0);
    }
    function previous() {
      if (place > 0) enter(number, place - 1);
      else if (place === 0) enter(number, 0);
    }
    function refresh() {
      const story = stories[number];
      const step = story.steps[Math.max(place, 0)];
      heading.textContent = `Story ${number + 1} of ${stories.length}`;
      chooser.value = String(number);
      sentence.textContent = place < 0 ? (step.predict ?? step.say) : revealed ? step.say : `Predict: ${step.predict}`;
      back.hidden = place < 0;
      back.disabled = place === 0;
      steps.textContent = place < 0 ? "" : `${place + 1} / ${story.steps.length}`;
      const last = place === story.steps.length - 1;
      label.textContent = place < 0 ? "Begin" : !revealed ? "Reveal" : !last ? "Next" : "Next story";
    }
    chooser.addEventListener("change", () => {
      [number, place, revealed] = [Number(chooser.value), -1, true];
      enter(number, 0);
    });
    store.story = { next, previous };
    refresh();
  };
})();
