// Tokens as words: what cannot be seen becomes visible, and nothing a token holds can turn what stands around it.
window.pgTokens = (() => {
  "use strict";
  const { make } = window.pgWidgets;

  // Marks that only steer how letters stand (right to left, joined, not at all) are written as their number.
  const STEERING = /[\u0080-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;
  const SIGNS = { "\n": "↵", "\r": "␍", "\t": "⇥" };
  const control = (letter) => letter < " " || letter === "\u007f";
  const sign = (letter) => SIGNS[letter] ?? (control(letter) ? String.fromCodePoint(letter === "\u007f" ? 0x2421 : 0x2400 + letter.codePointAt(0)) : null);
  const hex = (raw) => raw.toUpperCase().replace(/..(?=.)/g, "$& ");

  // Pieces of a text: {text} to show as it is, {sign} that stands for something unseen.
  function pieces(text) {
    const found = [];
    for (const letter of text) {
      const shown = STEERING.test(letter) ? `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}` : sign(letter);
      if (shown !== null) found.push({ sign: shown, breaks: letter === "\n" });
      else if (found.length && found.at(-1).text !== undefined) found.at(-1).text += letter;
      else found.push({ text: letter });
    }
    return found;
  }

  // A token in running text: line breaks are shown and honoured.
  function flowing(token) {
    const nodes = token.raw ? [make("i", { class: "raw", text: hex(token.raw) })] : [];
    for (const piece of pieces(token.t)) {
      if (piece.text !== undefined) nodes.push(document.createTextNode(piece.text));
      else nodes.push(make("i", { class: "sign", text: piece.sign }), ...(piece.breaks ? [document.createTextNode("\n")] : []));
    }
    return nodes;
  }

  // A token alone, as a label: a space at either end is seen, too.
  function label(text) {
    const body = text.replace(/^ +| +$/g, (spaces) => "\u2423".repeat(spaces.length));
    return pieces(body).flatMap((piece) => {
      if (piece.sign !== undefined) return [make("i", { class: "sign", text: piece.sign })];
      return piece.text.split(/(\u2423+)/).filter(Boolean).map((part) => (part[0] === "\u2423" ? make("i", { class: "sign", text: part }) : document.createTextNode(part)));
    });
  }

  // The same in one text, for a screen reader or a canvas.
  const spoken = (text) => {
    const words = text.trim() === text && text ? text : text.replace(/^ +/, "space ").replace(/ +$/, " space").trim();
    return pieces(words || "nothing").map((piece) => piece.text ?? { "↵": "line break", "⇥": "tab" }[piece.sign] ?? piece.sign).join("");
  };

  // Bytes of a token as hex digits.
  const bytes = (token) => hex(token.raw ?? [...new TextEncoder().encode(token.t)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));

  // "rtl" if the first letter that has a direction runs from right to left.
  const RIGHT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
  const direction = (text) => (RIGHT.test(text.match(/\p{L}/u)?.[0] ?? "") ? "rtl" : "ltr");

  // A probability as words: 53 %, 4.2 %, 0.031 %, < 0.001 %.
  function percent(p) {
    const share = 100 * p;
    if (share >= 99.95 && share < 100) return "> 99.9 %";
    if (share > 0 && share < 0.001) return "< 0.001 %";
    return `${share === 100 ? share : share >= 1 ? share.toFixed(1) : share > 0 ? share.toFixed(share >= 0.1 ? 2 : share >= 0.01 ? 3 : 4) : 0} %`;
  }

  const grouped = new Intl.NumberFormat("en"); // made once: asking a number for its words is slow
  const count = (number) => grouped.format(number);

  return { flowing, label, spoken, bytes, direction, percent, count };
})();
