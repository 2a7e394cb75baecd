// The part row under the top bar and the band under the stage: what you see, the formula, the story.
(() => {
  "use strict";
  const { define, dialog, el, icon, menu, on } = playground;

  define("parts", ({ root, props, emit, tab }) => {
    const choose = (name) => emit({ name: "part", value: name });
    const row = props.parts.filter((part) => !part.more);
    const others = props.parts.filter((part) => part.more);
    const words = row.map((part) => el("button", { type: "button", "data-part": part.name, onclick: () => choose(part.name) }, part.label));
    const label = el("span", {}, "More");
    const more = el("button", { type: "button" }, label, icon("down"));
    const now = () => playground.tab(tab).state?.part;
    const items = () => others.map((part) => ({ label: part.label, checked: part.name === now(), act: () => choose(part.name) }));
    root.append(el("nav", { class: "stage-parts", "aria-label": "Parts of this tab" }, ...words, others.length ? menu(more, items) : null));
    root.hidden = props.parts.length < 2;
    on("change", (store) => {
      if (store.name !== tab) return;
      const part = store.state.part;
      for (const word of words) word.toggleAttribute("data-current", word.dataset.part === part);
      for (const word of words) word.setAttribute("aria-current", String(word.dataset.part === part));
      const hidden = others.find((other) => other.name === part);
      const word = hidden?.label ?? "More";
      if (label.textContent !== word) label.textContent = word;
      more.toggleAttribute("data-current", Boolean(hidden));
    });
  });

  // Words and numbers of a formula: strings are words, {n} is a live number.
  function formulaLine(pieces) {
    return el("div", { class: "line" }, ...pieces.map((piece) => (typeof piece === "string" ? piece : el("b", {}, String(piece.n)))));
  }

  function showText(title, text) {
    const copy = el("button", { type: "button", class: "stage-button", onclick: () => playground.link.write(text, "Copied.") }, "Copy");
    dialog(title, el("pre", { tabindex: "0" }, text), el("footer", {}, copy));
  }

  define("band", ({ root, props, tab }) => {
    const see = el("p", { class: "see" });
    const formulaTitle = el("h2", {}, "The formula");
    const lines = el("div", { class: "formula" });
    let source = { code: "", title: "" };
    const code = el("button", { type: "button", class: "quiet", hidden: true, onclick: () => showText(source.title || "The code", source.code) }, "the code");
    const card = el("button", { type: "button", class: "quiet", hidden: !props.has_card, "aria-label": "Model card", title: "Model card" }, icon("info"), "model card");
    card.addEventListener("click", async () => {
      const store = playground.tab(tab);
      const answer = store.state && (await store.call("card", { state: store.state }));
      if (answer) showText("Model card", answer.text);
    });
    const story = el("section", { class: "cell story", "aria-label": "Story" });
    root.append(
      el(
        "div",
        { class: "stage-band" },
        el("section", { class: "cell" }, el("h2", {}, "What you see"), see),
        el("section", { class: "cell" }, formulaTitle, lines, el("div", { class: "links" }, code, card)),
        story,
      ),
    );
    playground.tab(tab).attach("see", { paint: (text) => (see.textContent = text) });
    playground.tab(tab).attach("formula", {
      paint(formula) {
        formulaTitle.textContent = formula.title || "The formula";
        lines.replaceChildren(...(formula.lines ?? []).map(formulaLine));
        source = { code: formula.code ?? "", title: formula.code_title ?? "The code" };
        code.hidden = !source.code;
      },
    });
    if (props.stories.length) playground.tellStories(playground.tab(tab), props.stories, story);
    else story.hidden = true;
  });
})();
