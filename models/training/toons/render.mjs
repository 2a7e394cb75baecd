// Renders the toons: drawings of 128x128 pixels in the DiceBear ToonHead style (design: Johan Melin, CC BY 4.0).
//
//   node render.mjs --out FOLDER [--count 20000]
//
// writes FOLDER/images/00000.png ..., FOLDER/factors.csv (index, split and every factor by name) and, last of all,
// FOLDER/manifest.json, so a folder without a manifest is an interrupted one. The same bytes every time: the factors
// of drawing i depend on i alone, not on the count, the number of workers or the platform's random numbers.
//
// Eight pairs of values (HELD_OUT) never occur in the training split. Left to chance they would take 22 % of the
// drawings; instead every drawing is of the held-out kind with probability HELD_OUT_SHARE, and its factors are drawn
// again until it is, or is not, of that kind. Given the kind the factors are independent and uniform (a beard is
// absent half of the time), so in the training split nothing but the eight missing pairs ties two factors together.
// One drawing in ten is test: all of the held-out kind, and others in the order of a hash of their index.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { toonHead } from "@dicebear/collection";
import { createAvatar } from "@dicebear/core";
import { Resvg } from "@resvg/resvg-js";

const SIZE = 128;
const SEED = 20240;
const WORKERS = 2;
const TEST_SHARE = 0.1;
const HELD_OUT_SHARE = 0.06;
// Percent. As large as lets the shoulders stay in and the bun show: a mouth is then 9 to 12 pixels wide at 64x64
// (the round one, agape, 4 wide and 5 high).
const SCALE = 120;
const TRANSLATE_Y = -1;

// Every factor: its values by name, and what the style is asked for.
const FACTORS = {
  skin: { porcelain: "fde4d6", peach: "f2be97", olive: "d6a469", tawny: "b4774e", umber: "8a563b", cocoa: "623d2f" },
  hair_style: { side_combed: "sideComed", undercut: "undercut", spiky: "spiky", bun: "bun" },
  hair_color: {
    black: "1d1b22", brown: "532c14", blond: "ecc463", copper: "d2521e", silver: "dcdde3", blue: "3b6fe0",
    pink: "f06ba8",
  },
  rear_hair: {
    none: null, straight: "longStraight", wavy: "longWavy", shoulder: "shoulderHigh", neck: "neckHigh",
  },
  beard: {
    none: null, moustache: "moustacheTwirl", full: "fullBeard", chin: "chin", goatee: "chinMoustache",
    long: "longBeard",
  },
  eyes: { happy: "happy", wide: "wide", bow: "bow", humble: "humble", wink: "wink" },
  brows: { raised: "raised", angry: "angry", happy: "happy", sad: "sad", neutral: "neutral" },
  mouth: { laugh: "laugh", angry: "angry", agape: "agape", smile: "smile", sad: "sad" },
  clothes_color: {
    navy: "243b78", red: "d63a3f", green: "2b9660", mustard: "f2b22e", violet: "7d4cc2", white: "f6f4ef",
    charcoal: "3d4149", sky: "5cb8ee",
  },
  background: {
    sky: "a5d5f7", mint: "a9e5c4", lemon: "fbe88f", coral: "ffb3a1", lilac: "cbb8f3", cream: "f6efe2", teal: "58b6b0",
  },
};
const CLOTHES = "tShirt";

// Each style, skin and colour is in at most one pair, so no value becomes rare.
const HELD_OUT = [
  { hair_style: "side_combed", hair_color: "pink" },
  { hair_style: "undercut", hair_color: "blond" },
  { hair_style: "spiky", hair_color: "silver" },
  { hair_style: "bun", hair_color: "blue" },
  { skin: "porcelain", background: "teal" },
  { skin: "olive", background: "coral" },
  { skin: "tawny", background: "lilac" },
  { skin: "cocoa", background: "lemon" },
];

/** 32-bit hash of an integer (the finaliser of MurmurHash3). */
function hash(number) {
  let h = number >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Random numbers in [0, 1) from a 32-bit seed (mulberry32). */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isHeldOut(factors) {
  return HELD_OUT.some((pair) => Object.entries(pair).every(([name, value]) => factors[name] === value));
}

/** The factors of one drawing, {name: value name}. */
function factorsOf(index) {
  const random = randomNumbers(hash(hash(SEED) + index));
  const pick = (names) => names[Math.floor(random() * names.length)];
  const wanted = random() < HELD_OUT_SHARE;
  for (;;) {
    const factors = {};
    for (const [name, values] of Object.entries(FACTORS)) {
      const names = Object.keys(values);
      if (name === "beard") factors[name] = random() < 0.5 ? "none" : pick(names.filter((value) => value !== "none"));
      else factors[name] = pick(names);
    }
    if (isHeldOut(factors) === wanted) return factors;
  }
}

/**
 * The drawing with a mouth that can be seen. Masks are drawn in white, since resvg reads the style's alpha masks as
 * luminance masks, where their dark red would hide the mouth; and the closed mouths are darker than the style's own
 * half transparent brown, which dark skins swallow.
 */
function visible(svg) {
  const masked = svg.replace(/<mask .*?<\/mask>/g, (mask) => mask.replace(/fill="#[0-9A-Fa-f]{6}"/g, 'fill="#ffffff"'));
  return masked.replaceAll('fill="#3F2626" fill-opacity="0.5"', 'fill="#2B0F14" fill-opacity="0.85"');
}

/** The drawing with these factors, as resvg's picture (RGBA pixels and asPng()). */
function draw(factors) {
  const asked = (name) => FACTORS[name][factors[name]];
  const svg = createAvatar(toonHead, {
    scale: SCALE,
    translateY: TRANSLATE_Y,
    skinColor: [asked("skin")],
    hair: [asked("hair_style")],
    hairProbability: 100,
    hairColor: [asked("hair_color")],
    rearHair: asked("rear_hair") ? [asked("rear_hair")] : [],
    rearHairProbability: asked("rear_hair") ? 100 : 0,
    beard: asked("beard") ? [asked("beard")] : [],
    beardProbability: asked("beard") ? 100 : 0,
    eyes: [asked("eyes")],
    eyebrows: [asked("brows")],
    mouth: [asked("mouth")],
    clothes: [CLOTHES],
    clothesColor: [asked("clothes_color")],
    backgroundColor: [asked("background")],
  }).toString();
  return new Resvg(visible(svg), { fitTo: { mode: "width", value: SIZE }, font: { loadSystemFonts: false } }).render();
}

/** A worker's share: every WORKERS-th drawing. Answers with the SHA-256 of each drawing's RGBA pixels. */
function work({ out, count, first }) {
  for (let index = first; index < count; index += WORKERS) {
    const picture = draw(factorsOf(index));
    if (picture.width !== SIZE || picture.height !== SIZE) throw new Error(`drawing ${index} is not ${SIZE} pixels`);
    writeFileSync(join(out, "images", `${String(index).padStart(5, "0")}.png`), picture.asPng());
    parentPort.postMessage([index, createHash("sha256").update(picture.pixels).digest("hex")]);
  }
}

/** The table as text; the split of drawing i may depend on the count, its factors do not. */
function table(count) {
  const rows = Array.from({ length: count }, (_, index) => factorsOf(index));
  const test = new Set([...rows.keys()].filter((index) => isHeldOut(rows[index])));
  const heldOut = test.size;
  const others = [...rows.keys()].filter((index) => !test.has(index)).sort((a, b) => hash(a) - hash(b) || a - b);
  for (const index of others.slice(0, Math.max(0, Math.round(count * TEST_SHARE) - heldOut))) test.add(index);
  const names = Object.keys(FACTORS);
  const lines = rows.map((row, i) => [i, test.has(i) ? "test" : "train", ...names.map((name) => row[name])].join(","));
  return { text: [["index", "split", ...names].join(","), ...lines].join("\n") + "\n", test: test.size, heldOut };
}

async function main() {
  const { values } = parseArgs({ options: { out: { type: "string" }, count: { type: "string", default: "20000" } } });
  const count = Number(values.count);
  if (!values.out) throw new Error("--out FOLDER is missing");
  if (!Number.isInteger(count) || count < 1 || count > 99999) throw new Error("--count is a number from 1 to 99999");
  rmSync(join(values.out, "manifest.json"), { force: true });
  rmSync(join(values.out, "images"), { recursive: true, force: true });
  mkdirSync(join(values.out, "images"), { recursive: true });
  const { text, test, heldOut } = table(count);
  writeFileSync(join(values.out, "factors.csv"), text);

  const pixels = new Array(count);
  let done = 0;
  const started = Date.now();
  await Promise.all(
    Array.from({ length: Math.min(WORKERS, count) }, (_, first) => new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { out: values.out, count, first } });
      worker.on("message", ([index, digest]) => {
        pixels[index] = digest;
        done += 1;
        if (done % 1000 === 0 || done === count) {
          console.log(`${done} of ${count} drawings, ${Math.round((Date.now() - started) / 1000)} s`);
        }
      });
      worker.on("error", reject);
      worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
    })),
  );

  const whole = createHash("sha256");
  for (const digest of pixels) whole.update(digest);
  whole.update(text);
  const { dependencies } = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
  const manifest = {
    count, test, held_out_pairs: heldOut, size: SIZE,
    values: Object.fromEntries(Object.entries(FACTORS).map(([name, list]) => [name, Object.keys(list)])),
    colors: Object.fromEntries(
      ["skin", "hair_color", "clothes_color", "background"].map((name) => [name, FACTORS[name]]),
    ),
    never_in_train: HELD_OUT,
    sha256: whole.digest("hex"),
    sha256_of: "the hexadecimal SHA-256 of every drawing's RGBA pixels in order, then factors.csv",
    rendered_with: dependencies,
    credit: "ToonHead by Johan Melin, CC BY 4.0, https://www.johanmelin.com; drawn with DiceBear",
  };
  writeFileSync(join(values.out, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
  console.log(`${values.out}: ${count} drawings, ${test} held out (${heldOut} of them for their pair)`);
}

if (isMainThread) {
  main().catch((error) => {
    console.error(`render.mjs: ${error.message}`);
    process.exitCode = 1;
  });
} else {
  work(workerData);
}
