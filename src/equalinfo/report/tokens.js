// Tokenizers that run in the page, and the view of what they cut. Bytes are strings of characters 0 to 255 here, which a
// Map can look up. The parses are those of tests/oracles/dictionary_reference.py, and the Unigram search is the SentencePiece
// library's, which adds scores in single precision: that decides between ways to cut that are equally likely.

async function unpack(packed) {
  const raw = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytesOf(array) {
  let text = "";
  for (let i = 0; i < array.length; i += 8192) text += String.fromCharCode(...array.subarray(i, i + 8192));
  return text;
}

async function entriesOf(packed) {
  const data = await unpack(packed), view = new DataView(data.buffer);
  const count = view.getUint32(0, true), text = bytesOf(data.subarray(4 + 2 * count)), entries = [];
  for (let i = 0, at = 0; i < count; i++) {
    const length = view.getUint16(4 + 2 * i, true);
    entries.push(text.slice(at, at + length));
    at += length;
  }
  return entries;
}

// Bytes of an entry by number, and the length of the longest.
function lookup(entries) {
  const numbers = new Map();
  let longest = 1;
  entries.forEach((entry, number) => {
    if (entry) numbers.set(entry, number);
    longest = Math.max(longest, entry.length);
  });
  return [numbers, longest];
}

function greedy(entries) {
  const [numbers, longest] = lookup(entries);
  return text => {
    const pieces = [];
    for (let start = 0; start < text.length;) {
      let end = Math.min(start + longest, text.length);
      while (!numbers.has(text.slice(start, end))) end--;
      pieces.push([text.slice(start, end), numbers.get(text.slice(start, end))]);
      start = end;
    }
    return pieces;
  };
}

// The cheapest pieces (the fewest if all cost the same); of equal parses the one whose last piece is longest, then the
// one before, and so on.
function cheapest(entries, costOf) {
  const [numbers, longest] = lookup(entries);
  return text => {
    const best = [0], came = [0];
    for (let end = 1; end <= text.length; end++) {
      best.push(Infinity);
      came.push(0);
      for (let start = Math.max(0, end - longest); start < end; start++) {
        const number = numbers.get(text.slice(start, end));
        if (number === undefined) continue;
        const cost = best[start] + costOf(number);
        if (cost < best[end]) [best[end], came[end]] = [cost, start];
      }
    }
    return backwards(text, came, piece => numbers.get(piece));
  };
}

function backwards(text, came, numberOf) {
  const pieces = [];
  for (let end = text.length; end > 0; end = came[end]) {
    const piece = text.slice(came[end], end);
    pieces.push([piece, numberOf(piece)]);
  }
  return pieces.reverse();
}

const characterLength = byte => byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
const UNKNOWN_PENALTY = 10;

function unigram(entries, scores, idOfByte) {
  const [numbers, longest] = lookup(entries);
  let least = Infinity;
  for (const number of numbers.values()) least = Math.min(least, scores[number]);
  const unknown = Math.fround(least - UNKNOWN_PENALTY), single = byte => [byte, idOfByte[byte.charCodeAt(0)]];
  function searched(text) {
    const best = new Float32Array(text.length + 1), came = new Array(text.length + 1).fill(-1);
    const offer = (start, end, score) => {
      const total = Math.fround(score + best[start]);
      if (came[end] < 0 || total > best[end]) [best[end], came[end]] = [total, start];
    };
    for (let start = 0; start < text.length;) {
      const character = Math.min(characterLength(text.charCodeAt(start)), text.length - start);
      let whole = false;
      for (let end = start + 1; end <= Math.min(start + longest, text.length); end++) {
        const number = numbers.get(text.slice(start, end));
        if (number === undefined) continue;
        offer(start, end, scores[number]);
        whole = whole || end === start + character;
      }
      if (!whole) offer(start, start + character, unknown);
      start += character;
    }
    // A character outside the vocabulary is written byte by byte.
    return backwards(text, came, piece => numbers.get(piece))
      .flatMap(piece => piece[1] === undefined ? [...piece[0]].map(single) : [piece]);
  }
  // The sign that the library uses for a space goes by bytes.
  return text => text.split(/((?:\xe2\x96\x81)+)/)
    .flatMap((part, i) => i % 2 ? [...part].map(single) : searched(part));
}

// A function from bytes to [bytes, ids] of each piece.
async function tokenizerOf(data) {
  if (data.kind === "bytes") return text => [...text].map(byte => [byte, [byte.charCodeAt(0)]]);
  const entries = await entriesOf(data.entries);
  if (data.kind === "sentencepiece") {
    const scores = new Float32Array((await unpack(data.scores)).buffer);
    const parse = unigram(entries, scores, data.idOfByte);
    return text => parse(text).map(([piece, id]) => [piece, [id]]);
  }
  const costs = data.costs && new Uint16Array((await unpack(data.costs)).buffer);
  const parse = data.parse === "greedy" ? greedy(entries) : cheapest(entries, costs ? number => costs[number] : () => 1);
  const idsOf = entry => {
    const code = entry - data.first, ids = [];
    if (data.perWindow === 1) return [code];
    for (let i = data.perWindow - 1; i >= 0; i--) ids.push((code >>> (i * data.width)) & ((1 << data.width) - 1));
    return ids;
  };
  return text => parse(text).map(([piece, entry]) => [piece, idsOf(entry)]);
}

// Bytes as text that shows: line ends and tabs as signs, what is no UTF-8 and what does not print as hexadecimal.
const SIGNS = {"\n": "⏎\n", "\t": "→\t", "\r": "␍"};
const hexadecimal = number => "‹" + number.toString(16).padStart(2, "0") + "›";
function visible(bytes) {
  let shown = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes.charCodeAt(at));
    const part = Uint8Array.from(bytes.slice(at, at + length), c => c.charCodeAt(0));
    let character;
    try {
      character = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true}).decode(part);
    } catch {
      shown += hexadecimal(bytes.charCodeAt(at++));
      continue;
    }
    at += length;
    shown += SIGNS[character] ??
      (character !== " " && /[\p{C}\p{Z}]/u.test(character) ? hexadecimal(character.codePointAt(0)) : character);
  }
  return shown;
}

const bitsText = bits => Math.abs(bits - Math.round(bits)) < 1e-9 ? String(Math.round(bits)) : bits.toFixed(1);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// The same elements as pieces.html.j2 makes; records are [text shown, bytes, bits, ids].
const TONES = 6, SHOWN_IDS = 4;
function piecesElement(records) {
  return element("ol", {className: "pieces"}, ...records.map(([shown, size, bits, ids], i) => {
    const first = ids.slice(0, SHOWN_IDS).join(" ");
    const item = element("li", {className: "tone" + i % TONES},
      element("span", {className: "text", dir: "auto"}, shown), element("small", {}, size + " B"),
      element("small", {}, bits + " bit"),
      element("small", {}, ids.length > SHOWN_IDS ? `${first} … (${ids.length})` : first));
    item.dataset.ids = ids.join(" ");
    return item;
  }));
}

function counts(records, size, perId) {
  const tokens = records.reduce((sum, record) => sum + record[3].length, 0);
  const ratio = size / Math.max(tokens, 1), cost = tokens * perId / Math.max(size, 1);
  return `${size} bytes, ${tokens} tokens, ${records.length} pieces, ${ratio.toFixed(2)} bytes/token, ` +
    `${cost.toFixed(2)} bits/byte uniform`;
}

async function tokenView(methods, texts) {
  const box = document.getElementById("text"), choice = document.getElementById("given");
  const status = document.getElementById("cut-status"), details = document.getElementById("piece-details");
  const plain = () => document.querySelectorAll("#cuts .pieces").forEach(list => list.classList.toggle("plain", !details.checked));
  const running = await Promise.all(methods.map(method => method.live ? tokenizerOf(method.live) : null));
  const own = String(choice.options.length - 1);
  function cut() {
    const bytes = bytesOf(new TextEncoder().encode(box.value));
    const given = texts.findIndex(one => one.text === box.value);
    choice.value = given < 0 ? own : String(given);
    let shown = 0;
    methods.forEach((method, i) => {
      const place = document.querySelector(`#cut-${i} .cut`);
      let records = null;
      if (running[i]) {
        records = running[i](bytes).map(([piece, ids]) =>
          [visible(piece), piece.length, bitsText(method.window || method.perId * ids.length), ids]);
      } else if (given >= 0) records = texts[given].cuts[i];
      if (records === null) {
        place.replaceChildren(element("p", {className: "note"}, "This method runs its model for every byte, which the " +
          "page cannot: it is shown for the texts that the report was made with."));
        return;
      }
      shown++;
      place.replaceChildren(element("p", {className: "counts"}, counts(records, bytes.length, method.perId)), piecesElement(records));
    });
    plain();
    status.textContent = `${bytes.length} bytes, cut by ${shown} of ${methods.length} methods`;
  }
  let waiting;
  box.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(cut, 150); });
  choice.addEventListener("change", () => {
    if (choice.value !== own) box.value = texts[choice.value].text;
    else box.focus();
    cut();
  });
  details.addEventListener("change", plain);
  document.querySelectorAll("#cut-methods input").forEach((input, i) => input.addEventListener("change",
    () => { document.getElementById("cut-" + i).hidden = !input.checked; }));
  box.disabled = choice.disabled = false;
  cut();
}
