"""The panel as a Solara component: on our page, in anyone's SolaraViz, in a notebook."""

from __future__ import annotations

from collections.abc import Callable

import ipyvue
import solara
import solara.lab
import traitlets
from mesa.visualization.utils import update_counter

from ecosystem.model import Ecosystem
from ecosystem.view.feed import Feed
from ecosystem.view.replay import panel_script, panel_style

# Everything stands inside created(): what is outside module.exports is not in scope under ipyvue 3.
TEMPLATE = """
<template>
<div><component is="style">{style}</component><div ref="panel" data-testid="ecosystem-panel"></div></div>
</template>
<script>
module.exports = {{
  created() {{
    if (window.EcosystemLivePanel) return;
    {script}
    window.EcosystemLivePanel = LivePanel;
  }},
  mounted() {{
    this.live = new window.EcosystemLivePanel(this.$refs.panel, (place) => this.pin(place));
    this.live.dark(this.dark);
    if (window.matchMedia("(prefers-color-scheme: dark)").matches) this.prefer_dark();
    this.live.begin(this.start).then(() => this.live.told(this.message));
  }},
  watch: {{
    start(now) {{ this.live.begin(now).then(() => this.live.told(this.message)); }},
    message(now) {{ this.live.told(now); }},
    dark(now) {{ this.live.dark(now); }},
  }},
  beforeDestroy() {{ this.live.close(); }},
  unmounted() {{ this.live.close(); }},
}}
</script>
"""


class PanelWidget(ipyvue.VueTemplate):
    """The renderer of `panel/`; the page sends back one number, the place of the model that was pinned."""

    template = traitlets.Unicode(TEMPLATE.format(style=panel_style(), script=panel_script())).tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    message = traitlets.Dict().tag(sync=True)
    dark = traitlets.Bool(False).tag(sync=True)
    pinned = traitlets.Int(-1)
    prefers_dark = traitlets.Bool(False)

    def vue_pin(self, place) -> None:
        """Called by the page; anything but a whole number is taken for none."""
        self.pinned = place if isinstance(place, int) and not isinstance(place, bool) else -1

    def vue_prefer_dark(self, *_) -> None:
        """Called by the page of a visitor whose system is dark."""
        self.prefers_dark = True


@solara.component
def EcosystemPanel(model: Ecosystem, on_prefers_dark: Callable[[bool], None] | None = None):
    """The panel of a world, drawn anew whenever Mesa says that something has changed.

    `on_prefers_dark`: called where the visitor's system is dark.
    """
    update_counter.get()
    feed = solara.use_memo(lambda: Feed(model), [id(model)])
    pinned, set_pinned = solara.use_state(-1)
    dark = bool(solara.lab.use_dark_effective())
    message = feed.message(pinned)
    PanelWidget.element(
        start=feed.start, message=message, dark=dark, pinned=pinned, on_pinned=set_pinned,
        on_prefers_dark=on_prefers_dark or (lambda _: None),
    )  # fmt: skip


def make_ecosystem_component() -> Callable[[Ecosystem], solara.Element]:
    """For use in one's own page: SolaraViz(model, components=[make_ecosystem_component()])."""
    return EcosystemPanel
