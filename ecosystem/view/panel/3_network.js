// One arm's models where they stand, coloured by a measure. Links are drawn once, to a layer of their own.
const MARGIN = 22, LEFT = 74;

class NetworkCanvas {
  constructor(view, run) {
    Object.assign(this, { view, run, topology: run.topology, layer: document.createElement("canvas"), key: "" });
    this.canvas = element("canvas", { class: "network", role: "img", tabindex: "0", "data-arm": run.name });
    this.figure = element("figure", { class: "arm" }, element("figcaption", {}, run.name), this.canvas);
    this.canvas.addEventListener("mousemove", (event) => view.hover(this.nearest(event), event, this));
    this.canvas.addEventListener("mouseleave", () => view.hover(-1));
    this.canvas.addEventListener("click", (event) => view.pin(this.nearest(event)));
    this.canvas.addEventListener("keydown", (event) => view.networkKey(event));
  }

  place() {
    const { topology } = this, density = window.devicePixelRatio || 1;
    const left = topology.communities.length ? LEFT : MARGIN;
    const width = this.canvas.width / density, height = this.canvas.height / density;
    const size = Math.max(40, Math.min(width - left - MARGIN, height - 2 * MARGIN)) / 2;
    const cx = left + (width - left - MARGIN) / 2, cy = height / 2;
    const n = topology.n;
    this.x = new Float32Array(n);
    this.y = new Float32Array(n);
    this.radius = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      this.x[i] = cx + 1.15 * size * (topology.x[i] / 32767.5 - 1);
      this.y[i] = cy - 1.15 * size * (topology.y[i] / 32767.5 - 1);
      this.radius[i] = Math.max(1.8, Math.min(22, (size * topology.radius[i]) / 65535));
    }
    const h = topology.communities.length;
    this.people = topology.communities.map((_, j) => [26, height * ((j + 1) / (h + 1))]);
  }

  draw() {
    const { view } = this, density = window.devicePixelRatio || 1;
    const resized = fit(this.canvas);
    if (resized || !this.x) this.place();
    const key = [this.canvas.width, this.canvas.height, view.edges, view.dark].join();
    if (key !== this.key) { this.key = key; this.drawLinks(density); }
    const g = this.canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const wanted = view.hovered >= 0 ? view.hovered : view.pinned, focus = wanted < this.topology.n ? wanted : -1;
    g.globalAlpha = focus >= 0 ? 0.25 : 1;
    g.drawImage(this.layer, 0, 0);
    g.globalAlpha = 1;
    g.setTransform(density, 0, 0, density, 0, 0);
    if (focus >= 0) this.drawEgo(g, focus);
    this.drawPeople(g, focus);
    this.drawModels(g, focus);
  }

  drawLinks(density) {
    const { topology } = this, { edges, ink } = this.view;
    Object.assign(this.layer, { width: this.canvas.width, height: this.canvas.height });
    if (edges === "hovered") return;
    const g = this.layer.getContext("2d");
    g.setTransform(density, 0, 0, density, 0, 0);
    g.fillStyle = ink.link;
    const strong = edges === "strongest" ? topology.strong() : null;
    for (let e = 0; e < topology.reader.length; e++) {
      if (strong && !strong.has(e)) continue;
      this.ribbon(g, topology.author[e], topology.reader[e], 0.6 + (2.6 * Math.sqrt(topology.flow[e])) / 16);
    }
  }

  // Thick at who is read, thin at who reads: text flows that way
  ribbon(g, from, to, width) {
    const x0 = this.x[from], y0 = this.y[from], x1 = this.x[to], y1 = this.y[to];
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length < 1) return;
    const nx = (-(y1 - y0) / length) * width / 2, ny = ((x1 - x0) / length) * width / 2;
    g.beginPath();
    g.moveTo(x0 + nx, y0 + ny);
    g.lineTo(x1 + nx / 5, y1 + ny / 5);
    g.lineTo(x1 - nx / 5, y1 - ny / 5);
    g.lineTo(x0 - nx, y0 - ny);
    g.fill();
  }

  drawEgo(g, i) {
    const { topology } = this, { ink } = this.view;
    g.fillStyle = ink.readBy;
    for (const j of topology.readBy[i]) this.ribbon(g, i, j, 2.4);
    g.fillStyle = ink.reads;
    for (const j of topology.reads[i]) this.ribbon(g, j, i, 2.4);
    g.strokeStyle = ink.reads;
    g.lineWidth = 1.2;
    topology.communities.forEach((community, h) => {
      if (!community.reach || community.reach.includes(i)) {
        g.beginPath();
        g.moveTo(this.people[h][0] + 9, this.people[h][1]);
        g.lineTo(this.x[i], this.y[i]);
        g.stroke();
      }
    });
  }

  drawPeople(g) {
    const { topology } = this, { ink } = this.view;
    g.font = "11px system-ui, sans-serif";
    g.textAlign = "center";
    topology.communities.forEach((community, h) => {
      const [x, y] = this.people[h];
      g.beginPath();
      g.moveTo(x, y - 9); g.lineTo(x + 9, y); g.lineTo(x, y + 9); g.lineTo(x - 9, y);
      g.closePath();
      g.fillStyle = ink.people;
      g.fill();
      g.fillStyle = ink.text;
      const name = community.name.length > 10 ? `${community.name.slice(0, 9)}…` : community.name;
      g.fillText(name, Math.max(x, 30), y + 22);
    });
  }

  drawModels(g, focus) {
    const { view, topology } = this, { ink } = view, step = view.step, k = this.run.frameAt(step);
    const near = focus >= 0 ? new Set([focus, ...topology.reads[focus], ...topology.readBy[focus]]) : null;
    const [low, high] = view.range(), base = view.runs[0], kb = base.frameAt(step);
    const collapsed = this.run.agents.collapsed, share = this.run.agents.human_share_read;
    for (let i = 0; i < topology.n; i++) {
      const r = this.radius[i], x = this.x[i], y = this.y[i];
      let value = this.run.value(view.metric, k, i);
      if (view.difference) value -= base.value(view.metric, kb, i);
      g.globalAlpha = near && !near.has(i) ? 0.25 : 1;
      this.outline(g, topology.groups[topology.group[i]].shape, x, y, r);
      g.fillStyle = Number.isNaN(value) ? ink.none : colourAt(view.difference ? DIFFERENCE : SEQUENTIAL, value, low, high);
      g.fill();
      g.lineWidth = i === view.pinned ? 3 : 1;
      g.strokeStyle = i === view.pinned ? ink.pin : ink.outline;
      g.setLineDash(topology.groups[topology.group[i]].dash);
      g.stroke();
      g.setLineDash([]);
      const human = share ? share.at(k, i) : NaN;
      if (r > 3.4 && human > 0) {
        g.beginPath();
        g.arc(x, y, r * 1.12 + 2.4, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.min(human, 0.9999));
        g.lineWidth = 2;
        g.strokeStyle = ink.people;
        g.stroke();
      }
      if (this.run.guarded && this.run.guarded[i] && r > 3.4) {
        this.hexagon(g, x + r * 0.8, y - r * 0.8, Math.max(3.2, r * 0.42));
        g.fillStyle = ink.verifier;
        g.fill();
      }
      if (collapsed && collapsed.at(k, i) > 0.5) {
        g.beginPath();
        g.moveTo(x - r * 0.5, y - r * 0.5); g.lineTo(x + r * 0.5, y + r * 0.5);
        g.moveTo(x + r * 0.5, y - r * 0.5); g.lineTo(x - r * 0.5, y + r * 0.5);
        g.lineWidth = 1.6;
        g.strokeStyle = ink.cross;
        g.stroke();
      }
    }
    g.globalAlpha = 1;
  }

  outline(g, shape, x, y, r) {
    g.beginPath();
    if (shape === "square") g.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
    else if (shape === "triangle") {
      g.moveTo(x, y - 1.25 * r); g.lineTo(x + 1.1 * r, y + 0.75 * r); g.lineTo(x - 1.1 * r, y + 0.75 * r);
      g.closePath();
    } else g.arc(x, y, r, 0, 2 * Math.PI);
  }

  hexagon(g, x, y, r) {
    g.beginPath();
    for (let s = 0; s < 6; s++) g.lineTo(x + r * Math.cos((s * Math.PI) / 3), y + r * Math.sin((s * Math.PI) / 3));
    g.closePath();
  }

  nearest(event) {
    const box = this.canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
    let best = -1, least = Infinity;
    for (let i = 0; i < this.topology.n; i++) {
      const d = Math.hypot(px - this.x[i], py - this.y[i]) - this.radius[i];
      if (d < least) { least = d; best = i; }
    }
    return least < 7 ? best : -1;
  }
}
