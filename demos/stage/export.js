// What leaves the page: a PNG of what is shown, a GIF of a run, the recipe that makes it again; recipes coming back; and
// a picture on its way to another tab.
(() => {
  "use strict";
  const { el, notice } = playground;
  const SIDE = 512; // the largest picture of a PNG has at least this many pixels
  const RECIPE_BYTES = 200_000;
  const APP = "generative-playground";

  function download(address, name) {
    const link = el("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    if (address.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }
  const nameOf = (store, ending) => `${store.name}-${store.state.part}-${store.state.data}-seed${store.state.seed}.${ending}`;

  // The pictures on the stage where they stand, enlarged, with what they are written below.
  async function picture() {
    const store = playground.current();
    const shown = [...store.root.querySelectorAll(".part.current canvas, .part.current img, .stage-compare img")]
      .map((node) => ({ node, box: node.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 40 && box.height > 40);
    if (!shown.length) return notice("There is no picture here to save.", { kind: "error" });
    const left = Math.min(...shown.map(({ box }) => box.left));
    const top = Math.min(...shown.map(({ box }) => box.top));
    const right = Math.max(...shown.map(({ box }) => box.right));
    const bottom = Math.max(...shown.map(({ box }) => box.bottom));
    const largest = Math.max(...shown.map(({ box }) => Math.min(box.width, box.height)));
    const scale = Math.max(1, SIDE / largest);
    const [margin, caption] = [24, 64];
    const canvas = el("canvas");
    canvas.width = Math.round((right - left) * scale) + 2 * margin;
    canvas.height = Math.round((bottom - top) * scale) + 2 * margin + caption;
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    pen.fillStyle = style.getPropertyValue("--pg-bg");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    for (const { node, box } of shown) {
      pen.imageSmoothingEnabled = getComputedStyle(node).imageRendering !== "pixelated";
      pen.drawImage(node, margin + (box.left - left) * scale, margin + (box.top - top) * scale, box.width * scale, box.height * scale);
    }
    const { state, props } = store;
    pen.fillStyle = style.getPropertyValue("--pg-ink");
    pen.font = "600 18px Inter, system-ui, sans-serif";
    const width = canvas.width - 2 * margin;
    pen.fillText(`${props.label} · ${state.data} · seed ${state.seed}`, margin, canvas.height - 46, width);
    pen.fillStyle = style.getPropertyValue("--pg-muted");
    pen.font = "13px Inter, system-ui, sans-serif";
    pen.fillText(store.query, margin, canvas.height - 22, width);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    download(URL.createObjectURL(blob), nameOf(store, "png"));
  }

  // kind: "gif" or "contacts", a server function that answers with a file of that ending
  async function run(kind, ending) {
    const store = playground.current();
    const answer = await store.call(kind, { state: store.state });
    if (answer) download(answer[ending], nameOf(store, ending === "png" ? "contacts.png" : ending));
  }

  // The picture of this tab as the upload of another one.
  async function send(target, part) {
    const answer = await playground.current().call("picture", { state: playground.current().state });
    if (!answer) return;
    const other = playground.tab(target);
    playground.select(target);
    other.dispatch({ name: "part", value: part });
    other.dispatch({ name: "upload", value: answer.png });
  }

  function recipe() {
    const store = playground.current();
    const secret = new Set([...store.props.private, ...store.leftOut, ...store.state.hidden, "hidden"]);
    const state = Object.fromEntries(Object.entries(store.state).filter(([name]) => !secret.has(name)));
    const text = JSON.stringify({ app: APP, version: 1, query: store.query, state }, null, 2);
    download(URL.createObjectURL(new Blob([text], { type: "application/json" })), nameOf(store, "json"));
    if (store.leftOut.length) notice("What you uploaded or drew is left out of the recipe.", { kind: "warning" });
  }

  async function openRecipe(file) {
    let recipe = null;
    if (file.size <= RECIPE_BYTES) {
      try {
        recipe = JSON.parse(await file.text());
      } catch {
        recipe = null;
      }
    }
    if (recipe?.app !== APP || typeof recipe.query !== "string") return notice("That file is not a recipe of this page.", { kind: "error" });
    const name = new URLSearchParams(recipe.query).get("tab");
    const here = [...document.querySelectorAll(".stage-tablist [data-tab]")].some((node) => node.dataset.tab === name);
    if (!here) return notice("The recipe is for a tab that is not here.", { kind: "error" });
    playground.select(name);
    playground.tab(name).restore({ query: recipe.query });
    notice("The recipe is open.");
  }

  function choose() {
    const field = el("input", { type: "file", accept: ".json,application/json" });
    field.addEventListener("change", () => field.files[0] && openRecipe(field.files[0]));
    field.click();
  }

  // tabs: all of the page, as the bar knows them
  playground.exports = (tabs) => {
    const store = playground.current();
    const ready = Boolean(store?.state);
    const runs = ready && store.props.parts.some((part) => part.name === store.state.part && part.frames);
    const needs = { disabled: !runs, title: runs ? null : "This part has no run" };
    const takers = tabs.filter((one) => one.takes);
    const can = { disabled: !ready || !store.props.compares };
    return [
      { label: "Picture (PNG)", act: picture, disabled: !ready },
      { label: "Run (GIF)", act: () => run("gif", "gif"), ...needs },
      { label: "Contact sheet (PNG)", act: () => run("contacts", "png"), ...needs },
      { label: "Recipe (JSON)", act: recipe, disabled: !ready },
      { label: "Open a recipe…", act: choose },
      ...takers.map(({ name, label, takes: [part, what] }) => ({ label: `Send to ${label}: ${what}`, act: () => send(name, part), ...can })),
    ];
  };

  // A recipe dropped anywhere; other files belong to the widget under them, and must not replace the page.
  const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => carriesFile(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    const file = event.dataTransfer.files[0];
    if (!event.defaultPrevented && file && /\.json$|^application\/json$/.test(file.name.endsWith(".json") ? file.name : file.type)) openRecipe(file);
    event.preventDefault();
  });
})();
