// What was recorded, or comes in live: one run an arm. A frame k holds the world's values and those of every model.
const KEPT = 2000;  // frames of models kept of a live world

class Run {
  constructor(name, n) {
    Object.assign(this, { name, n, steps: [], world: {}, low: {}, high: {}, agents: {}, range: {}, events: [], texts: {} });
  }

  // From a recording: agents' values as whole numbers within a range, all frames in one array
  static recorded(arm, topology) {
    const n = topology.n, run = new Run(arm.name, n);
    Object.assign(run, { topology, guarded: arm.guarded });
    run.steps = Array.from(arm.steps);
    run.events = arm.events;
    run.texts = arm.texts || {};
    for (const [metric, column] of Object.entries(arm.world)) {
      run.world[metric] = column.values;
      if (column.low) Object.assign(run.low, { [metric]: column.low }) && (run.high[metric] = column.high);
    }
    for (const [metric, packed] of Object.entries(arm.agents)) {
      run.range[metric] = [packed.low, packed.high];
      const none = packed.none, top = none - 1, scale = (packed.high - packed.low) / Math.max(top, 1);
      run.agents[metric] = { at: (k, i) => {
        const code = packed.values[k * n + i];
        return code === none ? NaN : packed.low + code * scale;
      } };
    }
    return run;
  }

  // Live: one frame more
  push(frame) {
    const k = this.steps.length;
    this.steps.push(frame.t);
    for (const [metric, value] of Object.entries(frame.world)) {
      (this.world[metric] ||= new Array(k).fill(NaN)).push(value === null ? NaN : value);
      const band = frame.bands && frame.bands[metric];
      if (band || this.low[metric]) {
        (this.low[metric] ||= new Array(k).fill(NaN)).push(band ? band[0] : NaN);
        (this.high[metric] ||= new Array(k).fill(NaN)).push(band ? band[1] : NaN);
      }
    }
    for (const [metric, values] of Object.entries(frame.agents)) {
      const column = (this.agents[metric] ||= { frames: {}, at(j, i) { return this.frames[j] ? this.frames[j][i] : NaN; } });
      column.frames[k] = values;
      delete column.frames[k - KEPT];
      const range = (this.range[metric] ||= [Infinity, -Infinity]);
      for (const v of values) if (Number.isFinite(v)) { range[0] = Math.min(range[0], v); range[1] = Math.max(range[1], v); }
    }
    this.events.push(...(frame.events || []));
  }

  value(metric, k, i) {
    const column = this.agents[metric];
    return column && i < this.n ? column.at(k, i) : NaN;
  }

  // The frame of a step, or the last before it
  frameAt(step) {
    let low = 0, high = this.steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.steps[middle] <= step) low = middle; else high = middle - 1;
    }
    return low;
  }
}

// Who reads whom: lists by reader and by author, so that hovering costs nothing
class Topology {
  constructor(given) {
    Object.assign(this, given);
    this.n = given.numbers.length;
    this.reads = Array.from({ length: this.n }, () => []);
    this.readBy = Array.from({ length: this.n }, () => []);
    if (given.complete) {  // one list for all, themselves included where it is counted
      this.everyone = Array.from({ length: this.n }, (_, i) => i);
      const others = (i) => this.everyone.filter((j) => j !== i);
      this.reads = this.readBy = new Proxy([], { get: (_, i) => others(Number(i)) });
    }
    for (let e = 0; e < given.reader.length; e++) {
      this.reads[given.reader[e]].push(given.author[e]);
      this.readBy[given.author[e]].push(given.reader[e]);
    }
  }

  // Links that are drawn where only the strongest tenth is: of links alike some of each model's
  strong() {
    if (this.strongest) return this.strongest;
    const many = this.reader.length, luck = (e) => ((Math.imul(this.reader[e], 2654435761) ^ Math.imul(this.author[e] + 7, 2246822519)) >>> 0);
    const order = Array.from({ length: many }, (_, e) => e).sort((a, b) => this.flow[b] - this.flow[a] || luck(a) - luck(b));
    this.strongest = new Set(order.slice(0, Math.ceil(many * STRONGEST)));
    return this.strongest;
  }

  label(i) { return `${this.groups[this.group[i]].name} ${this.numbers[i]}`; }
}
