// From the logits of a whole vocabulary to one token, as models/sampling.py does it: the same rules in the same order,
// in float64. Sorted once for each set of logits: no rule changes the order of the tokens but the repetition penalty,
// which moves the few it knows. What a rule cuts is always one end of the order, or (typical) both. (Python sorts
// probabilities, the browser logits: only tokens whose probabilities agree to the last bit could stand otherwise.)
//
//   const field = pgSampling.field(logits, seen)          Float32Array (V,), ids for the penalty
//   field.bend({temperature, top_k, top_p, min_p, typical, repetition_penalty})
//     -> {order, p, first, end, stages: [{name, value, removed, kept, before, after}], entropy}
//        order: ids, the most probable first; p: of the token at each place of the order, 0 outside first..end-1;
//        before, after: of the first SHOWN places of the order; the first stage is the model's own distribution
//   pgSampling.throwAt(bent, u) -> place in the order      pgSampling.uniform(seed, place) -> the dart
globalThis.pgSampling = (() => {
  "use strict";
  const SHOWN = 24;

  // ---- the dart: models.sampling.uniform, bit for bit

  const mix = (x) => {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return (x ^ (x >>> 16)) >>> 0;
  };
  const word = (...numbers) => numbers.reduce((w, n) => mix((w + n + 0x9e3779b9) | 0), 0);
  const uniform = (seed, place) => ((word(seed, place, 0) >>> 5) * 67108864 + (word(seed, place, 1) >>> 6)) / 9007199254740992;

  // ---- order

  // Places of the largest values first, equals by place. The bits of a float32, read as a whole number, sort as the
  // float does; whole numbers are sorted eleven bits at a time, which takes a few milliseconds and keeps equals in order.
  function ranking(values) {
    const count = values.length;
    const plain = new Float32Array(count);
    for (let i = 0; i < count; i += 1) plain[i] = values[i] + 0; // no negative zero
    const keys = new Uint32Array(plain.buffer);
    for (let i = 0; i < count; i += 1) keys[i] = keys[i] & 0x80000000 ? keys[i] : ~keys[i] & 0x7fffffff;
    let order = new Uint32Array(count);
    for (let i = 0; i < count; i += 1) order[i] = i;
    let spare = new Uint32Array(count);
    for (let shift = 0; shift < 32; shift += 11) {
      const starts = new Uint32Array(2049);
      for (let i = 0; i < count; i += 1) starts[((keys[i] >>> shift) & 2047) + 1] += 1;
      for (let digit = 0; digit < 2048; digit += 1) starts[digit + 1] += starts[digit];
      for (let i = 0; i < count; i += 1) spare[starts[(keys[order[i]] >>> shift) & 2047]++] = order[i];
      [order, spare] = [spare, order];
    }
    return order;
  }

  // exp(x - largest) / sum for the places first..end-1; 0 elsewhere.
  function softmax(x, first, end, into) {
    into.fill(0, 0, first);
    into.fill(0, end);
    const top = x[first];
    let sum = 0;
    for (let r = first; r < end; r += 1) sum += into[r] = Math.exp(x[r] - top);
    for (let r = first; r < end; r += 1) into[r] /= sum;
    return into;
  }

  function mass(p, from, to) {
    let sum = 0;
    for (let r = from; r < to; r += 1) sum += p[r];
    return sum;
  }

  function entropyBits(p, from = 0, to = p.length) {
    let sum = 0;
    for (let r = from; r < to; r += 1) if (p[r] > 0) sum -= p[r] * Math.log2(p[r]);
    return sum + 0;
  }

  // ---- the rules that cut: where what is kept ends, or begins and ends

  function endOfTopK(x, end, k) {
    if (k >= end) return end;
    let last = k;
    while (last < end && x[last] === x[k - 1]) last += 1;
    return last;
  }

  function endOfTopP(p, end, share) {
    let sum = 0;
    for (let r = 0; r < end; r += 1) {
      if (p[r] === 0) return r;
      sum += p[r];
      if (sum >= share) return r + 1;
    }
    return end;
  }

  function endOfMinP(x, end, share) {
    const least = x[0] + Math.log(share);
    let last = end;
    while (last > 1 && x[last - 1] < least) last -= 1;
    return last;
  }

  // Surprisal grows along the order, so the tokens nearest to the entropy lie around one place of it.
  function rangeOfTypical(p, end, share) {
    let entropy = 0;
    for (let r = 0; r < end; r += 1) if (p[r] > 0) entropy -= p[r] * Math.log(p[r]);
    const strange = (r) => Math.abs(-Math.log(p[r]) - entropy);
    let right = 0;
    while (right < end && -Math.log(p[right]) < entropy) right += 1;
    let left = right - 1;
    let sum = 0;
    let far = 0;
    while (sum < share) {
      if (left < 0 && (right >= end || p[right] === 0)) return [0, end];
      const next = left >= 0 && (right >= end || strange(left) <= strange(right)) ? left-- : right++;
      far = strange(next);
      sum += p[next];
    }
    while (left >= 0 && strange(left) <= far) left -= 1;
    while (right < end && strange(right) <= far) right += 1;
    return [left + 1, right];
  }

  // ---- all of it

  function field(logits, seen = []) {
    const size = logits.length;
    const known = [...new Set(seen)].filter((id) => id < size);
    const base = ranking(logits);
    const sorted = new Float64Array(size);
    for (let r = 0; r < size; r += 1) sorted[r] = logits[base[r]];
    const own = softmax(sorted, 0, size, new Float64Array(size));
    const ownById = new Float64Array(size);
    for (let r = 0; r < size; r += 1) ownById[base[r]] = own[r];
    const ownEntropy = entropyBits(own);
    const buffers = [0, 1].map(() => new Float64Array(size));
    const heated = new Float64Array(size);
    let lately = { penalty: 1, order: base, x: sorted };

    // the order after the penalty, and the logits in this order
    function penalised(penalty) {
      if (penalty === 1 || !known.length) return { penalty: 1, order: base, x: sorted };
      const bent = new Map(known.map((id) => [id, logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty]));
      const moved = [...bent.keys()].sort((a, b) => bent.get(b) - bent.get(a) || a - b);
      const order = new Uint32Array(size);
      const x = new Float64Array(size);
      const moves = new Uint8Array(size);
      for (const id of moved) moves[id] = 1;
      let m = 0;
      let r = 0;
      for (let b = 0; b < size; b += 1) {
        const id = base[b];
        if (moves[id]) continue;
        for (; m < moved.length; m += 1, r += 1) {
          const value = bent.get(moved[m]);
          if (value < logits[id] || (value === logits[id] && moved[m] > id)) break;
          [order[r], x[r]] = [moved[m], value];
        }
        order[r] = id;
        x[r] = logits[id];
        r += 1;
      }
      for (; m < moved.length; m += 1, r += 1) [order[r], x[r]] = [moved[m], bent.get(moved[m])];
      return { penalty, order, x };
    }

    function bend(rules) {
      const { repetition_penalty: penalty = 1, temperature = 1, top_k: k = 0, top_p: share = 1, min_p: least = 0, typical = 1 } = rules;
      if (penalty !== lately.penalty) lately = penalised(penalty);
      const { order } = lately;
      let { x } = lately;
      const head = Math.min(SHOWN, size);
      const headOf = (p) => Array.from(p.subarray(0, head));
      let [first, end] = [0, size];
      let [p, spare] = buffers;
      if (order === base) p.set(own);
      else for (let r = 0; r < size; r += 1) p[r] = ownById[order[r]];
      let before = headOf(p);
      const stages = [{ name: "model", value: null, removed: 0, kept: size, before, after: before }];
      const pass = (name, value, from, to) => {
        const removed = mass(p, first, from) + mass(p, to, end);
        [first, end] = [from, to];
        softmax(x, first, end, spare);
        [p, spare] = [spare, p];
        const after = headOf(p);
        stages.push({ name, value, removed, kept: end - first, before, after });
        before = after;
      };
      if (penalty !== 1 && known.length) pass("repetition_penalty", penalty, 0, size);
      if (temperature !== 1) {
        for (let r = 0; r < size; r += 1) heated[r] = x[r] / temperature;
        x = heated;
        pass("temperature", temperature, 0, size);
      }
      if (k > 0) pass("top_k", k, 0, endOfTopK(x, end, k));
      if (share < 1) pass("top_p", share, 0, endOfTopP(p, end, share));
      if (least > 0) pass("min_p", least, 0, endOfMinP(x, end, least));
      if (typical < 1) pass("typical", typical, ...rangeOfTypical(p, end, typical));
      return { order, p, first, end, stages, own: ownById, entropy: stages.length > 1 ? entropyBits(p, first, end) : ownEntropy, ownEntropy };
    }
    return { size, bend };
  }

  // The place in the order on which a dart at u lands: the first that ends beyond it, or the last of all, by rounding.
  function throwAt({ p, first, end }, u) {
    let sum = 0;
    let last = first;
    for (let r = first; r < end; r += 1) {
      if (p[r] === 0) continue;
      sum += p[r];
      last = r;
      if (sum > u) return r;
    }
    return last;
  }

  return { SHOWN, uniform, field, throwAt, entropyBits };
})();
