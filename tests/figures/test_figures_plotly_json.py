"""Figures become plots, a table of every point, and words."""

from hypothesis import given
from hypothesis import strategies as st

from equalinfo.figures.figure import COLOURS, SYMBOLS, Figure, Panel, Series
from equalinfo.figures.labels import PLACES, label_places
from equalinfo.figures.plotly_json import PATTERNS, shown


def of(panel: Panel) -> dict:
    return shown(Figure("A figure", [panel]), "key").panels[0].plot


def test_lines_keep_values_errors_and_base() -> None:
    series = Series("one", [1, 10], [2.0, 3.0], [1.5, 2.5], [2.5, 4.0], labels=["a", ""], base=[8.0, 8.0])
    panel = shown(Figure("A figure", [Panel("", "n", "bits", [series], x_log=True)]), "key").panels[0]
    stems, tops, main = panel.plot["data"]
    assert main["y"] == [2.0, 3.0]
    assert main["error_y"]["array"] == [0.5, 1.0]
    assert main["error_y"]["arrayminus"] == [0.5, 0.5]
    assert (stems["meta"], tops["meta"]) == ("base", "base")
    assert tops["y"] == [8.0, 8.0]
    assert panel.plot["layout"]["xaxis"]["type"] == "log"
    assert panel.headings == ("series", "n", "bits", "error bar", "note", "open symbol")
    assert panel.points[0] == ("one", "1", "2", "1.5 to 2.5", "a", "8")
    assert panel.text == "Plot of bits by n, from 2 to 3; one. The table of data holds every value."


def test_bars_lie_and_groups_differ_in_pattern() -> None:
    names = ["1e3", "nan"]
    bars = [Series("one", names, [0.1, -0.2], kind="bars"), Series("two", names[:1], [0.4], kind="bars")]
    plot = of(Panel("", "", "share", bars, levels=[(0.3, "chance")]))
    assert [trace["orientation"] for trace in plot["data"]] == ["h", "h"]
    assert plot["data"][0]["y"] == [0, 1]  # names that look like numbers stay names
    assert plot["layout"]["yaxis"]["ticktext"] == names
    assert plot["data"][0]["marker"]["pattern"] != plot["data"][1]["marker"]["pattern"]
    assert plot["layout"]["shapes"][0]["x0"] == 0.3
    assert plot["layout"]["xaxis"]["range"][0] < -0.2


def test_levels_on_a_logarithmic_axis() -> None:
    plot = of(
        Panel(
            "", "n", "bits", [Series("one", [1], [10.0])], y_log=True, levels=[(100.0, "all"), (0.0, "none")]
        )
    )
    assert [shape["y0"] for shape in plot["layout"]["shapes"]] == [100.0]
    assert [note["y"] for note in plot["layout"]["annotations"]] == [2.0]


def test_names_cannot_be_markup() -> None:
    evil = "<b>%{y}</b>"
    panel = Panel(evil, evil, evil, [Series(evil, [evil], [1.0], hover=[evil]), Series("other", [1], [1.0])])
    plot = str(of(panel))
    assert "<b>" not in plot
    assert "%{y}" not in plot


def test_styles_repeat_late() -> None:
    looks = {(COLOURS[i % len(COLOURS)], SYMBOLS[i % len(SYMBOLS)]) for i in range(80)}
    assert len(looks) == 80
    assert len(set(PATTERNS)) == len(COLOURS)


def test_a_group_shares_a_colour_and_names_stand_at_the_points() -> None:
    made = [("AC", "AC"), ("Window[b=16]", "Window"), ("Window[b=32]", "Window")]
    series = [
        Series(name, [1.0], [2.0 + n], labels=[name], group=group) for n, (name, group) in enumerate(made)
    ]
    plot = of(Panel("", "n", "bits", series, levels=[(0.5, "counted")]))
    colours = [trace["marker"]["color"] for trace in plot["data"]]
    assert colours[0] != colours[1] == colours[2]
    assert len({trace["marker"]["symbol"] for trace in plot["data"]}) == 3
    assert [trace["text"] for trace in plot["data"]] == [[name] for name, _ in made]
    assert not plot["layout"]["showlegend"]
    assert plot["layout"]["yaxis"]["autorangeoptions"] == {"include": [0.5]}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12), st.booleans())
def test_labels_have_places(points: list[tuple[int, int]], logarithmic: bool) -> None:
    series = [Series(str(n), [1.0 + x], [1.0 + y], labels=["a label"]) for n, (x, y) in enumerate(points)]
    placed = label_places(Panel("", "", "", series, x_log=logarithmic, y_log=logarithmic))
    assert all(len(own) == 1 and own[0] in PLACES for own in placed)


def test_labels_of_close_points_stand_apart() -> None:
    far = [Series("corner", [0.0], [0.0]), Series("other", [100.0], [100.0])]
    close = [Series(name, [50.0], [50.0 + n], labels=["a long label"]) for n, name in enumerate("abc")]
    placed = label_places(Panel("", "", "", [*far, *close]))
    assert placed[:2] == [[], []]
    assert len({own[0] for own in placed[2:]}) == 3


def test_an_empty_panel_is_said_to_be() -> None:
    assert (
        shown(Figure("A figure", [Panel("", "x", "y", [])]), "key").panels[0].text == "Plot without points."
    )
