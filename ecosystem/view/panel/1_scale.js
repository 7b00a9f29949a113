// Colours, numbers and packed arrays. All files of this folder share one scope; nothing is fetched.
const RAMP = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const DIVERGING = ["#0b5fa5", "#5b9bd0", "#b4d3ea", "#f4f4f2", "#f5c99a", "#e08a3c", "#a84f00"];
const LINES = {
  light: ["#0072B2", "#D55E00", "#009E73", "#B0508C", "#8B6F00", "#2B7FB8"],
  dark: ["#56B4E9", "#E69F00", "#2BCB9A", "#E08FC0", "#F0E442", "#9AD0F5"],
};
const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

function rgb(hex) {
  const v = parseInt(hex.slice(1), 16);
  return [v >> 16, (v >> 8) & 255, v & 255];
}

// 256 colours of a ramp, so that a frame looks a colour up and computes none
function table(stops) {
  const parts = stops.map(rgb), colours = [];
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (parts.length - 1), low = Math.min(Math.floor(at), parts.length - 2), f = at - low;
    const mix = parts[low].map((c, j) => Math.round(c + f * (parts[low + 1][j] - c)));
    colours.push(`rgb(${mix.join(",")})`);
  }
  return colours;
}
const SEQUENTIAL = table(RAMP), DIFFERENCE = table(DIVERGING);

function colourAt(colours, value, low, high) {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  return colours[Math.max(0, Math.min(255, Math.round(255 * share)))];
}

function shown(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1).replace("-", "−");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3).replace("-", "−");
}

// Round numbers that cut a range in about so many parts
function ticks(low, high, wanted) {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].find((m) => m * power >= rough) * power, found = [];
  for (let v = Math.ceil(low / unit - 1e-9) * unit; v <= high + 1e-9 * unit; v += unit) found.push(v);
  return found;
}

const TYPES = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array };

// Arrays travel as {type, data}: base64 of little-endian numbers, deflated ("z") where that is shorter
async function unpacked(packed) {
  const raw = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  if (!packed.z) return new TYPES[packed.type](raw.buffer);
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new TYPES[packed.type](await new Response(stream).arrayBuffer());
}

function isPacked(value) {
  return value !== null && typeof value === "object" && typeof value.data === "string" && value.type in TYPES;
}

// A value with every packed array in it unpacked
async function allUnpacked(value) {
  if (isPacked(value)) return unpacked(value);
  if (Array.isArray(value)) return Promise.all(value.map(allUnpacked));
  if (value === null || typeof value !== "object") return value;
  const keys = Object.keys(value), parts = await Promise.all(keys.map((key) => allUnpacked(value[key])));
  return Object.fromEntries(keys.map((key, i) => [key, parts[i]]));
}

// An element with text, never with HTML: nothing that a document says can run
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Sets a canvas to its box in device pixels; true where it changed
function fit(canvas) {
  const box = canvas.getBoundingClientRect(), density = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(box.width * density)), height = Math.max(1, Math.round(box.height * density));
  const changed = canvas.width !== width || canvas.height !== height;
  if (changed) Object.assign(canvas, { width, height });
  return changed;
}
