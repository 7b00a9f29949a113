// A live panel: told of a world once (start), then of every step (message). Arrays of messages are never deflated.
class LivePanel {
  // act(place): the page is told that a model was pinned (-1: none)
  constructor(root, act) { Object.assign(this, { root, act, run: -1 }); }

  async begin(start) {
    if (!start || start.run === this.run) return;
    this.run = start.run;
    const given = await allUnpacked(start);
    if (this.run !== start.run) return;  // another came while this one was unpacked
    const before = this.view;
    if (before) before.close();
    this.shown = false;
    this.view = new View(this.root, given, { live: true });
    this.world = new Run(given.name, this.view.topology.n);
    Object.assign(this.world, { topology: this.view.topology, guarded: given.guarded });
    this.view.dark = Boolean(this.isDark);
    if (before) given.colour = before.metric;
    this.view.onpin = this.act;
    if (this.waiting) this.told(this.waiting);
  }

  told(message) {
    this.waiting = message;
    if (!this.view || !message || message.run !== this.run) return;
    const run = this.world, last = run.steps.length ? run.steps[run.steps.length - 1] : -1;
    const fresh = message.tail.filter((frame) => frame.t > last);
    fresh.forEach((frame, j) => run.push({ ...frame, agents: j === fresh.length - 1 ? decoded(message.agents) : {} }));
    this.view.detail = message.pinned;
    if (!this.shown) {
      this.shown = true;
      this.view.oninspect = (box, i) => drawDetail(this.view, box, i);
      this.view.show([run]);
      this.root.dataset.ready = "true";
    } else {
      this.view.events = run.events.map((event) => ({ ...event, arm: run.name }));
      const marks = `${Object.keys(run.low).length}/${new Set(run.events.map((event) => event.mark)).size}`;
      if (marks !== this.marks) { this.marks = marks; this.view.drawLegend(); }
      this.view.go(this.view.following ? this.view.last : this.view.step);
    }
    drawPolicies(this.view.policies, message.policies);
  }

  dark(on) {
    this.isDark = on;
    if (this.view && this.shown) this.view.theme(on);
  }

  close() { if (this.view) this.view.close(); }
}

function decoded(agents) {
  return Object.fromEntries(Object.entries(agents).map(([metric, packed]) => {
    const raw = Uint8Array.from(atob(packed.values.data), (c) => c.charCodeAt(0)), codes = new TYPES[packed.values.type](raw.buffer), scale = (packed.high - packed.low) / (packed.none - 1);
    return [metric, Float32Array.from(codes, (code) => (code === packed.none ? NaN : packed.low + code * scale))];
  }));
}

// Of the pinned model: documents it wrote in this step, and its distribution beside the human one
function drawDetail(view, box, i) {
  const detail = view.detail;
  if (!detail || detail.place !== i) return;
  if (detail.texts.length) box.append(element("p", {}, "Wrote in this step:"), element("ul", { class: "texts" }, ...detail.texts.map((text) => element("li", {}, text))));
  if (!detail.distribution) return;
  const canvas = element("canvas", { class: "distribution", role: "img", "aria-label": "What it writes (bars) against what people write (marks)" });
  box.append(element("p", {}, "What it writes (bars) against people (marks):"), canvas);
  fit(canvas);
  const density = window.devicePixelRatio || 1, g = canvas.getContext("2d"), { labels, model, people } = detail.distribution;
  g.scale(density, density);
  const width = canvas.width / density, height = canvas.height / density - 34, most = Math.max(...model, ...people, 1e-12), part = width / labels.length;
  g.font = "10px system-ui, sans-serif";
  labels.forEach((label, j) => {
    g.fillStyle = view.lines[0];
    g.fillRect(j * part + 2, height - (model[j] / most) * height, part - 4, (model[j] / most) * height);
    g.fillStyle = view.ink.people;
    g.fillRect(j * part + 1, height - (people[j] / most) * height - 1, part - 2, 2.5);
    g.save();
    g.translate(j * part + part / 2 + 3, height + 5);
    g.rotate(Math.PI / 4);
    g.fillStyle = view.ink.faint;
    g.fillText(label.length > 7 ? `${label.slice(0, 6)}…` : label, 0, 4);
    g.restore();
  });
}

// What policies hold in the newest step, and what they have spent so far by kind
function drawPolicies(box, policies) {
  box.hidden = !policies;
  if (!policies) return;
  const total = policies.spent.reduce((sum, [, cost]) => sum + cost, 0), costs = policies.spent.map(([kind, cost]) => element("li", {}, `${kind}: ${shown(cost)}`));
  box.replaceChildren(
    element("div", {}, element("h3", {}, `In step ${policies.t}`), element("ul", {}, ...(policies.now.length ? policies.now : ["as the scenario says"]).map((text) => element("li", {}, text)))),
    element("div", {}, element("h3", {}, `Spent so far: ${shown(total)}`), element("ul", {}, ...costs)));
}
