from html.parser import HTMLParser

import numpy as np
import pytest

from tfadv.errors import TfadvError
from tfadv.evaluation.results import ExperimentResult, load
from tfadv.reports import evaluation_blocks, figures, html, page
from tfadv.reports.document import Figure, Findings, Table

PNG = figures.roc_curves({})
ROC = Figure("ROC", PNG, "One seed.", "../roc")


class Reader(HTMLParser):
    """Collects what the checks below look at."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def read(path):
    return Reader(path.read_text("utf-8"))


def check_page(path):
    """Every page: nothing loaded from outside, a text for each image, a caption for each table."""
    reader = read(path)
    loads = [value for _, attrs in reader.tags for key, value in attrs.items() if key in ("src", "href", "srcset")]
    assert all(value.startswith("data:") for value in loads)
    assert all(image["alt"] for image in reader.all("img"))
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all(cell["scope"] in ("row", "col") for cell in reader.all("th"))
    assert reader.all("html")[0]["lang"] == "en"
    assert not reader.all("script")
    assert "width=device-width" in str(reader.all("meta"))
    ids = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in reader.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    return reader


def test_one_run_gets_its_verdict(make, tmp_path):
    make().save(tmp_path / "run")
    out = page.write([tmp_path / "run"], tmp_path / "deep" / "report.html")
    reader = check_page(out)
    words = " ".join(reader.words)
    assert "How robust is mlp?" in words
    assert "66.7 %" in words and "33.3 %" in words and "upper bound" in words
    assert "Explain this number" in words and "1 warning: dead" in words and "gradients <b>vanish</b>" in words
    assert "pgd(steps=40, step_size=2/255)" in words
    assert len(reader.all("img")) == 3


def table(document, title):
    return next(block for block in document.blocks if isinstance(block, Table) and block.title.startswith(title))


def test_attacks_from_the_clean_images_down_to_the_worst_case(make, quick):
    attacks = table(page.evaluation_document([make()]), "Attacks")
    # More columns than these eight are wider than the column of text.
    assert attacks.columns[:4] == ["attack", "accuracy so far", "attacked", "fooled"]
    assert attacks.columns[4:] == ["median distance", "seconds", "gradients", "forwards"]
    rows = {row[0]: row[1:] for row in attacks.rows}
    assert list(rows) == ["clean images", "control: uniform", "fgsm", "pgd(steps=40, step_size=2/255)"]
    assert rows["clean images"][0].startswith("66.7 % [") and rows["control: uniform"][0] == "62.5 %"
    assert rows["fgsm"][0].startswith("50.0 % [") and rows["fgsm"][1:] == [20, 5, 0.1, 0.5, "20", "40"]
    assert rows["pgd(steps=40, step_size=2/255)"][-2:] == ["1.23 M", "–"]
    assert attacks.foot[1].startswith("33.3 % [")
    assert attacks.foot[2:] == [None, 10, 0.0875, 12.75, "1.23 M", "–"]


def test_numbers_break_before_their_interval_only():
    assert html._unbroken("1.23 M") == "1.23\xa0M" and html._unbroken("885 k") == "885\xa0k"
    assert html._unbroken("87.4 % [86.7, 88.0]") == '87.4\xa0% <span class="interval">[86.7,\xa088.0]</span>'
    assert html._unbroken("<b>[1]</b>") == "&lt;b&gt;[1]&lt;/b&gt;"


def test_sums_are_in_the_foot_of_the_table(make, quick, tmp_path):
    text = page.write([make()], tmp_path / "report.html").read_text("utf-8")
    foot = text.partition("<tfoot>")[2].partition("</tfoot>")[0]
    assert '<th scope="row">all attacks</th>' in foot and ">12.75</td>" in foot
    assert "| **all attacks** |" in page.write([make()], tmp_path / "report.md").read_text("utf-8")


def test_distances_are_grouped_by_the_attack_that_fooled(make, quick, monkeypatch):
    drawn = {}
    monkeypatch.setattr(figures, "distance_histogram", lambda groups, **options: drawn.update(groups, **options) or PNG)
    blocks = page.evaluation_document([make()]).blocks
    figure = next(block for block in blocks if getattr(block, "id", "") == "distances-mlp")
    assert [len(drawn[name]) for name in ("fgsm", "pgd(steps=40, step_size=2/255)")] == [5, 5]
    assert min(drawn["fgsm"]) > 0.05 and drawn["vertical_lines"] == {"linf:0.1": 0.1}
    assert "10 images: median 0.0875, mean 0.08, max 0.1" in figure.caption
    for threat, eps, what in (("linf(eps=0.1, box=None)", 0.1, "(linf)"), ("patch(area=0.1)", 1, "change of a value")):
        page.evaluation_document([make(threat=threat)])
        assert drawn["vertical_lines"] == {threat: eps} and drawn["xlabel"].endswith(what)


def test_legends_are_short_where_they_can_be():
    long = [f"bpda(attack=apgd(steps=100, loss=margin), layers=('round_{k}',))" for k in (1, 2)]
    assert evaluation_blocks._legend(long[0], ["fgsm", long[0]]) == f"{long[0][:31]}…"
    assert [evaluation_blocks._legend(name, ["fgsm", *long]) for name in ("fgsm", *long)] == ["fgsm", *long]


def test_the_gallery_says_which_attack_fooled(make, quick):
    document = page.evaluation_document([make()])
    caption = next(block for block in document.blocks if getattr(block, "title", "").startswith("Adversarial")).caption
    assert "from the left by fgsm, pgd(steps=40, step_size=2/255) (2)." in caption


def test_nothing_fooled_is_no_figure(make, quick):
    arrays = {"distance": np.zeros(30), "broken_by": np.full(30, -1)}
    ids = [getattr(block, "id", "") for block in page.evaluation_document([make(arrays=arrays)]).blocks]
    assert "distances-mlp" not in ids


def test_curves_have_a_row_each(make, quick):
    numbers = table(page.evaluation_document([make()]), "Accuracy against eps")
    assert numbers.columns == ["eps", "0", "0.1", "0.2", "0.3"]
    assert numbers.rows == [["fgsm", "100.0 %", "50.0 %", "20.0 %", "0.0 %"]]


@pytest.mark.parametrize("threat", ["patch(area=0.05) and patch(area=0.1)", "linf:0.1 and l2:1"])
def test_a_union_has_no_line_in_the_curves(make, threat):
    assert table(
        page.evaluation_document([make(), make("other", threat=threat, arrays={})]), "Accuracy against eps"
    ).rows


def test_hostile_names_are_text(make, tmp_path):
    hostile = "<img src=x onerror=alert(1)>"
    out = page.write([make(hostile), make('"><script>')], tmp_path / "report.html")
    reader = check_page(out)
    assert all("onerror" not in attributes for attributes in reader.all("img"))
    assert hostile in " ".join(reader.words)


def test_several_runs_are_compared(make, tmp_path):
    reader = check_page(page.write([make("plain"), make("robust", channels=3)], tmp_path / "report.html"))
    words = " ".join(reader.words)
    assert "Comparison" in words and "plain, fgsm" in words and "robust, fgsm" in words
    assert "No difference in robust accuracy can be shown" in words and "Two runs on the same images" in words
    assert "Is the difference significant?" in words and "not shown" in words
    assert "not-comparable" not in words


def test_runs_of_one_name_stay_apart(make, quick):
    headings = [getattr(block, "heading", "") for block in page.evaluation_document([make(), make()]).blocks]
    assert "Details: mlp (1)" in headings and "Details: mlp (2)" in headings


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"threat": "linf:8/255"}, "threat model (linf:0.1, linf:8/255)"),
        ({"n": 33}, "number of examples (30, 33)"),
        ({"dataset": {"name": "mnist", "n": 30}}, "data set (digits, mnist)"),
        ({"dataset": {"name": "digits", "n": 30, "split": "train"}}, "split (test, train)"),
    ],
)
def test_incomparable_runs_are_called_so_first_of_all(make, quick, change, word):
    first = page.evaluation_document([make("a"), make("b", **change)]).blocks[0]
    assert isinstance(first, Findings)
    assert first.findings[0]["code"] == "not-comparable" and first.findings[0]["severity"] == "error"
    assert word in first.findings[0]["message"]


def test_other_examples_or_attacks_are_noticed(make, quick):
    unnamed = {"name": "digits", "source": "scikit-learn", "split": "test", "n": 30}
    other = make("b", attacks=[], arrays={}, gallery={}, dataset=unnamed)
    object.__setattr__(other, "arrays", other.arrays | {"labels": other.arrays["labels"][::-1]})
    codes = [finding["code"] for finding in page.evaluation_document([make("a"), other]).blocks[0].findings]
    assert codes == ["not-comparable", "different-attacks"]


def test_a_bare_result_is_enough(make, tmp_path):
    bare = {"rho2": None, "stochastic": None, "control": None, "norms": None, "dataset": {"name": "d", "n": 30}}
    bare = make(attacks=[], curves=[], findings=[], provenance={}, gallery={}, arrays={}, **bare)
    assert "nothing suspicious" in " ".join(check_page(page.write(bare, tmp_path / "report.html")).words)


def test_many_classes_are_cut_to_the_weakest(make, quick):
    rows = [{"name": f"c{k}", "n": 1, "clean": 1.0, "robust": k / 100} for k in range(100)]
    result = make()
    object.__setattr__(result, "class_accuracy", rows)
    table = next(b for b in page.evaluation_document([result]).blocks if getattr(b, "title", "") == "Accuracy by class")
    assert [row[0] for row in table.rows] == [f"c{k}" for k in range(20)] and "20 weakest of 100" in table.note


def test_markdown_has_its_figures_beside_it(make, tmp_path):
    out = page.write([make()], tmp_path / "report.md")
    text = out.read_text("utf-8")
    assert "**33.3 %**" in text and "\\<b\\>vanish" in text
    assert (tmp_path / "report_figures" / "accuracy-against-eps-linf.png").read_bytes().startswith(b"\x89PNG")
    assert "](report_figures/accuracy-against-eps-linf.png)" in text


@pytest.mark.parametrize("out", ["report.pdf", "report", "."])
def test_other_endings_are_refused(make, tmp_path, out):
    with pytest.raises(TfadvError, match="html or .md"):
        page.write([make()], tmp_path / out)


def test_unwritable_output_is_one_sentence(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TfadvError, match="cannot write .*report.html"):
        page.write([make()], tmp_path / "file" / "report.html")


def test_no_runs(tmp_path):
    with pytest.raises(TfadvError, match="at least one run"):
        page.write([], tmp_path / "report.html")


def experiment(**changes):
    facts = {
        "name": "deep-defense",
        "title": "Deep Defense",
        "claims": [
            {
                "id": "a",
                "statement": "A rises.",
                "published": 1.41,
                "measured": 2.6,
                "interval": (2.4, 2.8),
                "holds": True,
            },
            {
                "id": "b",
                "statement": "B < C",
                "published": None,
                "measured": "-3 points",
                "holds": False,
                "note": "PGD.",
            },
            {"id": "c", "statement": "C stays.", "published": 0, "measured": 0.1, "holds": None},
        ],
        "tables": [
            {
                "id": "t",
                "title": "Table 3.4",
                "columns": ["model", "rho_2"],
                "rows": [["a|b", 0.2], ["c", None]],
            }
        ],
        "notes": ["The source is wrong here."],
        "provenance": {"seed": 0},
    }
    return ExperimentResult(**(facts | changes))


def test_experiment_writes_everything(tmp_path):
    out = page.write_experiment(experiment(), [ROC], tmp_path / "run")
    words = " ".join(check_page(out).words)
    for badge in ("✓ holds", "✗ does not hold", "? not resolvable by this run"):
        assert badge in words
    assert "2.6 [2.4, 2.8]" in words and "The source is wrong here." in words
    text = (tmp_path / "run" / "report.md").read_text("utf-8")
    assert "**does not hold**" in text and "a\\|b" in text and "](figures/roc.png)" in text
    result = load(tmp_path / "run")
    assert (
        result.figures[0]["file"] == "figures/roc.png"
        and (tmp_path / "run" / "figures" / "roc.png").read_bytes() == PNG
    )
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name.startswith(".")) == []


def test_experiment_can_be_reported_again(make, tmp_path):
    first = page.write_experiment(experiment(), [ROC], tmp_path / "run").read_bytes()
    assert page.write([tmp_path / "run"], tmp_path / "again.html").read_bytes() == first
    with pytest.raises(TfadvError, match="by itself"):
        page.write([tmp_path / "run", make()], tmp_path / "both.html")
    (tmp_path / "run" / "figures" / "roc.png").unlink()
    with pytest.raises(TfadvError, match="missing"):
        page.write([tmp_path / "run"], tmp_path / "again.html")
