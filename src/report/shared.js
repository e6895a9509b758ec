// Draws what the pages have in common.
const $ = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "rect", "line", "text", "title", "desc", "circle"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function short(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (size >= (unit === 1e3 ? 1e4 : unit) * 0.99995 && size < 1e15) return String(Number((value / unit).toPrecision(4))) + " " + letter;
  if (size >= 1e15 || (size !== 0 && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

function duration(seconds) {
  if (seconds < 120) return short(Number(seconds.toPrecision(3))) + " s";
  if (seconds < 7200) return (seconds / 60).toFixed(1) + " min";
  return (seconds / 3600).toFixed(1) + " h";
}

function table(heads, rows) {
  const number = heads.map((_, i) => rows.some((row) => typeof row[i] === "number"));
  const cell = (name, value, i) => element(name, number[i] ? { class: "n" } : {}, name === "th" ? value : short(value));
  return element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head, i) => cell("th", head, i)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value, i) => cell("td", value, i))))));
}

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 4 || 1));
  const wide = [1, 2, 5, 10].map((factor) => factor * step).find((size) => (high - low) / size <= 5) || step;
  const made = [];
  for (let at = Math.ceil(low / wide) * wide; at <= high + wide * 1e-9; at += wide) made.push(at);
  return made;
}

function frame(width, height, name, text) {
  return element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name}. ${text}` }, element("title", {}, name), element("desc", {}, text));
}

function picture(value, name) {
  if (value.file) return element("img", { src: value.file, alt: name });
  const canvas = element("canvas", { width: value.width, height: value.height, role: "img", "aria-label": name });
  const bytes_of = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const bytes = bytes_of(value.pixels);
  const opaque = value.holes && bytes_of(value.holes);
  if (opaque) {
    canvas.className = "holes";
    canvas.setAttribute("aria-label", `${name}, hatched where a value is NaN or infinite`);
  }
  const image = new ImageData(value.width, value.height);
  for (let pixel = 0; pixel < value.width * value.height; ++pixel) {
    for (let channel = 0; channel < 3; ++channel) image.data[4 * pixel + channel] = bytes[pixel * value.channels + (value.channels === 3 ? channel : 0)];
    image.data[4 * pixel + 3] = opaque ? opaque[pixel] : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// shown: the values of each sample, in the order of the columns' names; first: text that goes before a sample's own.
function samples(names, shown, called, first = () => []) {
  shown.forEach((sample, i) => {
    const pictures = [], lines = [];
    sample.forEach((value, k) => {
      if (value !== null && typeof value === "object") pictures.push(picture(value, `${names[k]} of ${called(i)}`));
      else lines.push(element("span", {}, element("b", {}, names[k]), ` ${Number.isInteger(value) ? value : short(value)}`));
    });
    $("samples").append(element("li", {}, ...pictures, ...first(i).map((line) => element("span", {}, line)), ...lines));
  });
}
