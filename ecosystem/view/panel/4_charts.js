// A measure over time, one line an arm with a band over its models, and the timeline under all of them.
const FINEST = 1500;  // points of a curve, about

class Chart {
  constructor(view, metric) {
    Object.assign(this, { view, metric, layer: document.createElement("canvas"), key: "" });
    this.canvas = element("canvas", { class: "chart", role: "img", "data-metric": metric });
    this.now = element("span", { class: "now" });
    this.figure = element("figure", { class: "curve" },
      element("figcaption", { title: [view.title(metric), view.about(metric)].filter(Boolean).join(": ") },
        element("span", { class: "name" }, view.title(metric)), this.now), this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => { this.seek(event); this.canvas.setPointerCapture(event.pointerId); });
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) this.seek(event); });
  }

  seek(event) {
    const box = this.canvas.getBoundingClientRect(), { first, last } = this.view;
    const share = (event.clientX - box.left - this.left) / (box.width - this.left - 8);
    this.view.pause();
    this.view.look(Math.round(first + Math.max(0, Math.min(1, share)) * (last - first)));
  }

  // Curves are drawn again when they grow or the look changes; a seek only moves the cursor
  draw() {
    const { view } = this, density = window.devicePixelRatio || 1;
    const resized = fit(this.canvas), many = view.runs.map((run) => run.steps.length).join();
    const key = [this.canvas.width, this.canvas.height, view.dark, many].join();
    if (resized || key !== this.key) { this.key = key; this.drawCurves(density); }
    const g = this.canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    g.drawImage(this.layer, 0, 0);
    g.setTransform(density, 0, 0, density, 0, 0);
    const x = this.at(view.step);
    g.strokeStyle = view.ink.cursor;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(x, 4);
    g.lineTo(x, this.bottom);
    g.stroke();
    const values = view.runs.map((run) => run.world[this.metric] ? run.world[this.metric][run.frameAt(view.step)] : NaN);
    values.forEach((value, j) => {
      if (!Number.isFinite(value)) return;
      g.beginPath();
      g.arc(x, this.up(value), 3, 0, 2 * Math.PI);
      g.fillStyle = view.lines[j % view.lines.length];
      g.fill();
    });
    this.now.textContent = values.map(shown).join(" · ");
  }

  drawCurves(density) {
    const { view, metric } = this, { runs, ink } = view;
    Object.assign(this.layer, { width: this.canvas.width, height: this.canvas.height });
    const g = this.layer.getContext("2d");
    g.setTransform(density, 0, 0, density, 0, 0);
    this.width = this.canvas.width / density;
    this.bottom = this.canvas.height / density - 16;
    let low = Infinity, high = -Infinity;
    for (const run of runs) {
      for (const column of [run.world[metric], run.low[metric], run.high[metric]]) {
        for (const v of column || []) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
      }
    }
    if (!(low <= high)) [low, high] = [0, 1];
    if (low >= 0 && low < 0.35 * high) low = 0;
    const room = (high - low) * 0.06 || Math.abs(high) * 0.06 || 0.5;
    [this.low, this.high] = [low - (low === 0 ? 0 : room), high + room];
    const marks = ticks(this.low, this.high, 4);
    g.font = "10px system-ui, sans-serif";
    this.left = 8 + Math.max(...marks.map((v) => g.measureText(shown(v)).width));
    g.textAlign = "right";
    g.textBaseline = "middle";
    g.lineWidth = 1;
    for (const v of marks) {
      g.strokeStyle = ink.grid;
      g.beginPath();
      g.moveTo(this.left, this.up(v));
      g.lineTo(this.width - 8, this.up(v));
      g.stroke();
      g.fillStyle = ink.faint;
      g.fillText(shown(v), this.left - 4, this.up(v));
    }
    g.textBaseline = "top";
    const steps = ticks(view.first, view.last, 4).filter((v) => Number.isInteger(v));
    steps.forEach((v, j) => {
      g.textAlign = j === steps.length - 1 && this.at(v) > this.width - 30 ? "right" : "center";
      g.fillText(String(v), this.at(v), this.bottom + 4);
    });
    runs.forEach((run, j) => this.drawCurve(g, run, j));
  }

  drawCurve(g, run, j) {
    const { view, metric } = this, values = run.world[metric], colour = view.lines[j % view.lines.length];
    if (!values) return;
    if (run.low[metric]) {
      g.globalAlpha = 0.16;
      g.fillStyle = colour;
      g.beginPath();
      for (let k = 0; k < run.steps.length; k++) if (Number.isFinite(run.low[metric][k])) g.lineTo(this.at(run.steps[k]), this.up(run.low[metric][k]));
      for (let k = run.steps.length - 1; k >= 0; k--) if (Number.isFinite(run.high[metric][k])) g.lineTo(this.at(run.steps[k]), this.up(run.high[metric][k]));
      g.fill();
      g.globalAlpha = 1;
    }
    g.strokeStyle = colour;
    g.lineWidth = 1.8;
    g.setLineDash(DASHES[j % DASHES.length]);
    g.beginPath();
    let drawing = false;
    const stride = Math.max(1, Math.floor(run.steps.length / FINEST));
    for (let k = 0; k < run.steps.length; k += stride) {
      if (!Number.isFinite(values[k])) { drawing = false; continue; }
      const x = this.at(run.steps[k]), y = this.up(values[k]);
      if (drawing) g.lineTo(x, y); else g.moveTo(x, y);
      drawing = true;
    }
    g.stroke();
    g.setLineDash([]);
  }

  at(step) {
    const { first, last } = this.view;
    return this.left + ((step - first) / Math.max(last - first, 1)) * (this.width - this.left - 8);
  }

  up(value) { return this.bottom - ((value - this.low) / (this.high - this.low)) * (this.bottom - 4); }
}

class Timeline {
  constructor(view) {
    this.view = view;
    this.canvas = element("canvas", { class: "events", role: "img", "aria-label": "Events on the timeline" });
    this.slider = element("input", { type: "range", class: "scrubber", "aria-label": "Step", step: "1" });
    this.slider.addEventListener("input", () => { view.pause(); view.look(Number(this.slider.value)); });
    this.canvas.addEventListener("click", (event) => this.toEvent(event));
    this.canvas.addEventListener("mousemove", (event) => { const e = this.eventAt(event); this.canvas.title = e ? `step ${e.step}: ${e.text}` : ""; });
    this.whole = element("div", { class: "timeline" }, this.canvas, this.slider);
  }

  x(step) {
    const { first, last } = this.view, width = this.canvas.getBoundingClientRect().width;
    return 8 + ((step - first) / Math.max(last - first, 1)) * (width - 16);
  }

  eventAt(event) {
    const px = event.clientX - this.canvas.getBoundingClientRect().left;
    let best = null, least = 7;
    for (const e of this.view.events) {
      const d = Math.abs(this.x(e.step) - px);
      if (d < least) { least = d; best = e; }
    }
    return best;
  }

  toEvent(event) {
    const found = this.eventAt(event);
    if (found) { this.view.pause(); this.view.look(found.step); }
  }

  draw() {
    const { view } = this, density = window.devicePixelRatio || 1;
    Object.assign(this.slider, { min: view.first, max: view.last });
    this.slider.value = view.step;
    this.slider.setAttribute("aria-valuetext", `step ${view.step}`);
    const key = [view.first, view.last, view.events.length, view.dark].join();
    if (!fit(this.canvas) && key === this.key) return;
    this.key = key;
    const g = this.canvas.getContext("2d");
    g.setTransform(density, 0, 0, density, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const e of view.events) {
      const x = this.x(e.step), j = Math.max(0, view.runs.findIndex((run) => run.name === e.arm));
      g.fillStyle = e.mark === "collapse" ? view.ink.cross : e.mark === "verification" ? view.ink.verifier : view.lines[j % view.lines.length];
      g.beginPath();
      if (e.mark === "collapse") { g.moveTo(x - 5, 2); g.lineTo(x + 5, 2); g.lineTo(x, 12); }
      else if (e.mark === "verification") for (let s = 0; s < 6; s++) g.lineTo(x + 5 * Math.cos((s * Math.PI) / 3), 7 + 5 * Math.sin((s * Math.PI) / 3));
      else g.rect(x - 1, 2, 2, 10);
      g.fill();
    }
  }
}
