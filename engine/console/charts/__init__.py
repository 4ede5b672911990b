"""Charts as SVG, built on the server by pure functions of what the API answers: no library, no script.

`price_chart` shows a position, `curve_chart` the cumulative result, `columns_chart` results by day, and `bars_chart`
those by token or reason. Each is one `<svg>` that is as wide as its place and keeps its text size at every width: what
lies along the width is given in percent, what lies along the height in pixels. Colours are the theme's `--rc-*`
variables, with defaults for light and dark where there is no theme.
"""

from engine.console.charts.bars import bars_chart
from engine.console.charts.columns import columns_chart
from engine.console.charts.curve import curve_chart
from engine.console.charts.price import price_chart

__all__ = ["bars_chart", "columns_chart", "curve_chart", "price_chart"]
