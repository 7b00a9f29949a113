// The whole panel: networks beside each other, curves, a timeline, an inspector, a legend and a table of the same.
const INKS = {
  light: { text: "#1b1f24", faint: "#5b6470", grid: "#e3e6ea", link: "rgba(70,80,95,0.22)", outline: "rgba(27,31,36,0.55)",
    pin: "#1b1f24", none: "#c9ced6", people: "#B35900", verifier: "#6A3D9A", cross: "#B3123B", cursor: "#5b6470",
    reads: "rgba(0,114,178,0.75)", readBy: "rgba(213,94,0,0.75)" },
  dark: { text: "#e8ebef", faint: "#a7b0bb", grid: "#333b45", link: "rgba(190,200,215,0.20)", outline: "rgba(240,244,250,0.6)",
    pin: "#ffffff", none: "#59626e", people: "#FFB454", verifier: "#C6A2F0", cross: "#FF8095", cursor: "#a7b0bb",
    reads: "rgba(86,180,233,0.85)", readBy: "rgba(230,159,0,0.85)" },
};
const SPEEDS = [1, 2, 5, 10, 20, 60], STRONGEST = 0.1, LISTED = 200;

class View {
  // root: an element to fill; given: {topology, titles, name, question}; live: frames come in one by one
  constructor(root, given, { live = false } = {}) {
    Object.assign(this, { root, given, live, titles: given.titles, topologies: given.topologies.map((t) => new Topology(t)) });
    this.topology = this.topologies[0];
    Object.assign(this, { runs: [], step: 0, metric: null, hovered: -1, pinned: -1, playing: false, difference: false, following: true });
    this.edges = this.topology.n >= 300 ? "strongest" : "all";
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    this.onresize = () => this.draw();
    this.onkey = (event) => this.key(event);
    window.addEventListener("resize", this.onresize);
    document.addEventListener("keydown", this.onkey);
  }

  close() {
    this.pause();
    window.removeEventListener("resize", this.onresize);
    document.removeEventListener("keydown", this.onkey);
  }

  show(runs) {
    this.runs = runs;
    this.events = runs.flatMap((run) => run.events.map((event) => ({ ...event, arm: run.name })));
    const coloured = Object.keys(runs[0].agents).filter((m) => m !== "collapsed");
    this.metric = this.given.colour && coloured.includes(this.given.colour) ? this.given.colour : coloured[0] || null;
    this.build();
    this.go(this.live ? this.last : this.first);
  }

  get first() { return Math.min(...this.runs.map((run) => run.steps[0] ?? 0)); }
  get last() { return Math.max(...this.runs.map((run) => run.steps[run.steps.length - 1] ?? 0)); }
  get ink() { return INKS[this.dark ? "dark" : "light"]; }
  get lines() { return LINES[this.dark ? "dark" : "light"]; }

  title(metric) { return (this.titles[metric] && this.titles[metric].title) || metric; }
  about(metric) { return (this.titles[metric] && this.titles[metric].about) || ""; }

  // One range for all arms and steps, so that a colour means the same everywhere
  range() {
    const ranges = this.runs.map((run) => run.range[this.metric]).filter(Boolean);
    const low = Math.min(...ranges.map((r) => r[0])), high = Math.max(...ranges.map((r) => r[1]));
    if (!this.difference) return [low, high];
    return [-(high - low) / 2, (high - low) / 2];
  }

  build() {
    this.networks = this.runs.map((run) => new NetworkCanvas(this, run));
    this.charts = this.given.curves.filter((m) => this.runs.some((run) => run.world[m])).map((m) => new Chart(this, m));
    this.timeline = new Timeline(this);
    this.inspector = element("section", { class: "inspector", "aria-label": "Pinned model" });
    this.policies = element("section", { class: "policies", hidden: true, "aria-label": "Policies" });
    this.tip = element("div", { class: "tip", role: "status", hidden: true });
    this.tableBox = element("section", { class: "tables", hidden: true, "aria-label": "The same as a table" });
    this.legend = element("section", { class: "legend", "aria-label": "Legend" });
    this.clock = element("output", { class: "clock", "aria-live": "off" });
    this.root.replaceChildren(
      this.controls(),
      element("div", { class: "main" },
        element("div", { class: "left" }, element("div", { class: `networks arms-${this.runs.length}` }, ...this.networks.map((n) => n.figure)),
          ...(this.live ? [this.timeline.whole, this.policies] : []), this.legend, this.inspector),
        element("div", { class: "curves" }, ...this.charts.map((c) => c.figure))),
      ...(this.live ? [] : [element("div", { class: "player" }, this.player(), this.timeline.whole)]),
      this.tableBox, this.tip);
    this.root.classList.add("ecosystem-panel");
    this.theme(this.dark);
  }

  controls() {
    const coloured = Object.keys(this.runs[0].agents).filter((m) => m !== "collapsed");
    const colour = element("select", { "aria-label": "Colour of models", onchange: (e) => { this.metric = e.target.value; this.draw(); } },
      ...coloured.map((m) => element("option", { value: m, selected: m === this.metric }, this.title(m))));
    const edges = element("select", { "aria-label": "Links drawn", onchange: (e) => { this.edges = e.target.value; this.draw(); } },
      ...[["all", "all links"], ["strongest", "strongest tenth"], ["hovered", "of the chosen model"]].map(([value, text]) =>
        element("option", { value, selected: value === this.edges }, text)));
    const button = (text, pressed, act, title) => element("button", { type: "button", title, "aria-pressed": String(pressed),
      onclick: (event) => { const on = event.currentTarget.getAttribute("aria-pressed") !== "true"; event.currentTarget.setAttribute("aria-pressed", String(on)); act(on); } }, text);
    const parts = [element("label", {}, "Colour ", colour), element("label", {}, "Links ", edges)];
    if (this.runs.length > 1) parts.push(button("Difference", false, (on) => { this.difference = on; this.draw(); }, `Colour by how far each arm is from ${this.runs[0].name}`));
    if (this.live) parts.push(this.clock);
    if (!this.live) parts.push(button("Dark", this.dark, (on) => this.theme(on), "Dark or light"));
    parts.push(button("Table", false, (on) => { this.tableBox.hidden = !on; this.drawTable(); }, "The same numbers as a table"));
    return element("div", { class: "controls", role: "toolbar", "aria-label": "View" }, ...parts);
  }

  player() {
    const button = (text, label, act) => element("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.playButton = button("▶", "Play", () => (this.playing ? this.pause() : this.play()));
    this.speed = element("select", { "aria-label": "Speed" }, ...SPEEDS.map((s) => element("option", { value: s, selected: s === 10 }, `${s} steps/s`)));
    return element("div", { class: "play" }, button("|◀", "First step", () => { this.pause(); this.go(this.first); }),
      button("◀", "Step back", () => { this.pause(); this.by(-1); }), this.playButton,
      button("▶|", "Step", () => { this.pause(); this.by(1); }), this.speed, this.clock);
  }

  theme(dark) {
    this.dark = dark;
    this.root.dataset.theme = dark ? "dark" : "light";
    if (!this.live) document.documentElement.dataset.theme = this.root.dataset.theme;
    this.drawLegend();
    this.draw();
  }

  go(step) {
    this.step = Math.max(this.first, Math.min(this.last, step));
    this.draw();
  }

  // By hand: a live panel then stays there until it is led back to the end
  look(step) {
    this.go(step);
    this.following = this.step >= this.last;
  }

  // To the next recorded frame of any arm
  by(frames) {
    const run = this.runs.reduce((a, b) => (b.steps.length > a.steps.length ? b : a));
    const k = run.frameAt(this.step) + frames;
    this.go(run.steps[Math.max(0, Math.min(run.steps.length - 1, k))]);
  }

  play() {
    if (this.step >= this.last) this.go(this.first);
    this.playing = true;
    this.playButton.textContent = "❚❚";
    this.playButton.setAttribute("aria-label", "Pause");
    let before = performance.now(), due = 0;
    const turn = (now) => {
      if (!this.playing) return;
      due += ((now - before) / 1000) * Number(this.speed.value);
      before = now;
      if (due >= 1) { this.by(Math.floor(due)); due -= Math.floor(due); } else if (!this.calm) this.draw();
      this.frames = (this.frames || 0) + 1;
      if (this.step >= this.last) this.pause(); else requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  pause() {
    this.playing = false;
    if (!this.playButton) return;
    this.playButton.textContent = "▶";
    this.playButton.setAttribute("aria-label", "Play");
  }

  key(event) {
    if (this.live || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { " ": () => (this.playing ? this.pause() : this.play()), ArrowRight: () => this.by(1), ArrowLeft: () => this.by(-1),
      Home: () => this.go(this.first), End: () => this.go(this.last), Escape: () => this.pin(-1) }[event.key];
    if (!act || (event.key === " " && event.target.tagName === "BUTTON")) return;
    event.preventDefault();
    if (event.key !== " ") this.pause();
    act();
  }

  // On a network with the keyboard's focus: up and down go from model to model
  networkKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.pin((Math.max(this.pinned, by > 0 ? -1 : 0) + by + this.topology.n) % this.topology.n);
  }

  hover(i, event, network) {
    if (i !== this.hovered) {
      this.hovered = i;
      this.networks.forEach((n) => n.draw());
    }
    this.tip.hidden = i < 0;
    if (i < 0) return;
    const run = network.run, k = run.frameAt(this.step), human = run.value("human_share_read", k, i);
    const { topology } = network, lines = [topology.label(i), `${this.title(this.metric)}: ${shown(run.value(this.metric, k, i))}`];
    if (Number.isFinite(human)) lines.push(`human share of its diet: ${shown(human)}`);
    lines.push(`reads ${topology.degree[i]}, read by ${topology.audience[i]}`);
    this.tip.replaceChildren(...lines.map((text, j) => element(j ? "div" : "b", {}, text)));
    const box = this.root.getBoundingClientRect();
    this.tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 190)}px`;
    this.tip.style.top = `${event.clientY - box.top + 14}px`;
  }

  pin(i) {
    this.pinned = i === this.pinned ? -1 : i;
    this.draw();
    if (this.onpin) this.onpin(this.pinned);
  }

  draw() {
    if (!this.networks) return;
    this.root.dataset.t = this.step;
    this.clock.textContent = this.live ? `step ${this.step}` : `step ${this.step} of ${this.last}`;
    this.networks.forEach((n) => {
      n.draw();
      n.canvas.setAttribute("aria-label", `Reading network of ${n.run.name} at step ${this.step}: ${this.topology.n} models coloured by ${this.title(this.metric)}`);
    });
    this.charts.forEach((c) => { c.draw(); c.canvas.setAttribute("aria-label", `${this.title(c.metric)} over time; now ${c.now.textContent}`); });
    this.timeline.draw();
    this.drawScale();
    this.drawInspector();
    if (!this.tableBox.hidden) this.drawTable();
  }

  drawLegend() {
    const groups = Object.values(Object.fromEntries(this.topologies.flatMap((t) => t.groups.map((group) => [`${group.name}/${group.kind}`, group]))));
    const communities = this.topologies.flatMap((t) => t.communities);
    this.scale = element("canvas", { class: "scale", role: "img", "aria-label": "Colour scale" });
    this.scaleEnds = [element("span", {}), element("span", {})];
    const mark = (draw, text) => { const c = element("canvas", { class: "mark", width: 36, height: 32, "aria-hidden": "true" });
      const g = c.getContext("2d"); g.scale(2, 2); draw(g); return element("span", { class: "entry" }, c, text); };
    const ink = this.ink, shapes = NetworkCanvas.prototype;
    const entries = groups.map((group) => mark((g) => { shapes.outline(g, group.shape, 9, 8, 6); g.setLineDash(group.dash); g.strokeStyle = ink.text; g.stroke(); }, `${group.name} (${group.kind})`));
    if (communities.length) entries.push(mark((g) => { g.beginPath(); g.moveTo(9, 2); g.lineTo(15, 8); g.lineTo(9, 14); g.lineTo(3, 8); g.fillStyle = ink.people; g.fill(); }, "people"));
    if (this.runs.some((run) => run.agents.human_share_read)) entries.push(mark((g) => { g.beginPath(); g.arc(9, 8, 6, -Math.PI / 2, Math.PI / 2); g.lineWidth = 2; g.strokeStyle = ink.people; g.stroke(); }, "ring: human share of its diet"));
    entries.push(mark((g) => { g.beginPath(); g.arc(5, 10, 2.5, 0, 7); g.arc(13, 8, 5, 0, 7); g.fillStyle = ink.faint; g.fill(); }, "size: readers"));
    if (this.topologies.some((t) => t.complete)) entries.push(element("span", { class: "entry" }, "no links drawn: everyone reads everyone"));
    if (this.topologies.some((t) => !t.complete)) entries.push(mark((g) => { g.beginPath(); g.moveTo(1, 5); g.lineTo(17, 7.6); g.lineTo(17, 8.4); g.lineTo(1, 11); g.fillStyle = ink.faint; g.fill(); }, "link: thick at who is read"));
    if (this.runs.some((run) => run.guarded)) entries.push(mark((g) => { shapes.hexagon(g, 9, 8, 5); g.fillStyle = ink.verifier; g.fill(); }, "guarded by a verifier"));
    if (this.runs.some((run) => run.agents.collapsed)) entries.push(mark((g) => { g.beginPath(); g.moveTo(4, 3); g.lineTo(14, 13); g.moveTo(14, 3); g.lineTo(4, 13); g.lineWidth = 2; g.strokeStyle = ink.cross; g.stroke(); }, "collapsed"));
    if (this.runs.some((run) => Object.keys(run.low).length)) entries.push(mark((g) => { g.globalAlpha = 0.3; g.fillStyle = this.lines[0]; g.fillRect(1, 3, 16, 10); g.globalAlpha = 1; g.fillRect(1, 7, 16, 2); }, "band: 10 to 90% of models"));
    const marks = new Set(this.events.map((event) => event.mark));
    if (marks.has("collapse")) entries.push(mark((g) => { g.beginPath(); g.moveTo(4, 4); g.lineTo(14, 4); g.lineTo(9, 13); g.fillStyle = ink.cross; g.fill(); }, "timeline: onset of collapse"));
    if (marks.has("verification")) entries.push(mark((g) => { shapes.hexagon(g, 9, 8, 5); g.fillStyle = ink.verifier; g.fill(); }, "timeline: verification"));
    if (marks.has("policy") || marks.has("event")) entries.push(mark((g) => { g.fillStyle = this.lines[0]; g.fillRect(8, 3, 2, 10); }, "timeline: change or event"));
    if (this.runs.length > 1) this.runs.forEach((run, j) => entries.push(mark((g) => { g.strokeStyle = this.lines[j % this.lines.length]; g.lineWidth = 2; g.setLineDash(DASHES[j % DASHES.length]); g.beginPath(); g.moveTo(0, 8); g.lineTo(18, 8); g.stroke(); }, run.name)));
    this.legend.replaceChildren(element("span", { class: "entry ramp" }, (this.scaleName = element("span", {})), this.scaleEnds[0], this.scale, this.scaleEnds[1]), ...entries);
  }

  drawScale() {
    if (!this.scale || !this.metric) return;
    const [low, high] = this.range().map((v) => (Number.isFinite(v) ? v : NaN)), colours = this.difference ? DIFFERENCE : SEQUENTIAL;
    const key = [low, high, this.metric, this.difference].join();
    if (key === this.scale.dataset.key) return;
    this.scale.dataset.key = key;
    Object.assign(this.scale, { width: 256, height: 1 });
    const g = this.scale.getContext("2d");
    colours.forEach((colour, i) => { g.fillStyle = colour; g.fillRect(i, 0, 1, 1); });
    this.scaleName.textContent = this.difference ? `${this.title(this.metric)}, minus ${this.runs[0].name}` : this.title(this.metric);
    this.scaleEnds[0].textContent = shown(low);
    this.scaleEnds[1].textContent = shown(high);
  }

  drawInspector() {
    const i = this.pinned;
    this.inspector.hidden = i < 0;
    if (i < 0) return;
    const topology = this.runs.map((run) => run.topology).find((t) => i < t.n), rows = Object.keys(this.runs[0].agents).map((metric) =>
      element("tr", {}, element("th", { scope: "row" }, this.title(metric)), ...this.runs.map((run) => element("td", {}, shown(run.value(metric, run.frameAt(this.step), i))))));
    const names = (list) => list.length ? list.slice(0, 12).map((j) => topology.numbers[j]).join(", ") + (list.length > 12 ? ` and ${list.length - 12} more` : "") : "nobody";
    const fed = topology.communities.filter((c) => !c.reach || c.reach.includes(i)).map((c) => c.name);
    const texts = this.runs.flatMap((run) => { const there = run.texts[`${run.steps[run.frameAt(this.step)]}/${run.topology.numbers[i]}`] || [];
      return there.map((text) => element("li", {}, this.runs.length > 1 ? `${run.name}: ${text}` : text)); });
    const own = this.given.distribution ? [element("canvas", { class: "distribution" })] : [];
    this.inspector.replaceChildren(
      element("h3", {}, topology.label(i), " ", element("button", { type: "button", onclick: () => this.pin(-1), "aria-label": "Unpin" }, "×")),
      element("table", {}, element("thead", {}, element("tr", {}, element("td", {}), ...this.runs.map((run) => element("th", { scope: "col" }, run.name)))), element("tbody", {}, ...rows)),
      element("p", {}, `Kind ${topology.groups[topology.group[i]].kind}. Reads models ${names(topology.reads[i])}; people: ${fed.join(", ") || "none"}. Read by ${names(topology.readBy[i])}.${topology.degree[i] > topology.reads[i].length ? " (Not all links are drawn.)" : ""}`),
      ...(texts.length ? [element("p", {}, "Wrote at this step:"), element("ul", { class: "texts" }, ...texts)] : []), ...own);
    if (this.oninspect) this.oninspect(this.inspector, i);
  }

  drawTable() {
    if (this.tableBox.hidden) return;
    const world = this.given.curves.filter((m) => this.runs.some((run) => run.world[m]));
    const head = (names) => element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
    const ofWorld = world.map((m) => element("tr", {}, element("th", { scope: "row" }, this.title(m)), ...this.runs.map((run) => element("td", {}, run.world[m] ? shown(run.world[m][run.frameAt(this.step)]) : "–"))));
    const metrics = Object.keys(this.runs[0].agents), rows = [];
    for (const run of this.runs) for (let i = 0; i < Math.min(run.n, LISTED); i++) {
      const cells = metrics.map((m) => element("td", {}, shown(run.value(m, run.frameAt(this.step), i))));
      rows.push(element("tr", {}, element("th", { scope: "row" }, run.topology.label(i)), element("td", {}, run.name), ...cells));
    }
    const more = this.topology.n > LISTED ? [element("p", {}, `The first ${LISTED} of ${this.topology.n} models.`)] : [];
    this.tableBox.replaceChildren(element("h3", {}, `Step ${this.step}`), element("table", {}, head(["", ...this.runs.map((run) => run.name)]), element("tbody", {}, ...ofWorld)),
      element("table", {}, head(["model", "arm", ...metrics.map((m) => this.title(m))]), element("tbody", {}, ...rows)), ...more);
  }
}

// A recorded page: {topology, titles, curves, arms, ...}, arrays packed
async function replay(root, packed) {
  const given = await allUnpacked(packed), view = new View(root, given);
  view.show(given.arms.map((arm) => Run.recorded(arm, view.topologies[arm.topology])));
  root.dataset.ready = "true";
  return view;
}
