"""What a month costs is reckoned of the graph, and README.md says what comes of it; each alert has a runbook there."""

import os
import re
from copy import deepcopy
from typing import Any

import pytest
from checks.cost import HOURS, NOT_PRICED, PRICES, Assumed, Line, month, prices, table
from checks.graph import Graph
from checks.runs import job_of

from cryptodudez_assets_tests.deploying.breaking import put
from cryptodudez_assets_tests.deploying.conftest import DEPLOY

README = DEPLOY / "README.md"
ASSUMED = {"dev": Assumed(run_hours=30, gigabytes=50), "prod": Assumed(run_hours=200, gigabytes=1000)}
MADE = re.compile(r"(?<=<!-- made: cost -->\n).*?(?=\n<!-- made -->)", re.DOTALL)


def reckoned(graph: Graph, assumed: Assumed) -> dict[str, float]:
    return {one.what: one.dollars for one in month(graph, job_of(graph), assumed)}


def test_readme_says_what_a_month_costs(graphs: dict[str, Graph]) -> None:
    stacks: dict[str, list[Line]] = {
        f"`{name}`": month(graphs[name], job_of(graphs[name]), assumed) for name, assumed in ASSUMED.items()
    }
    left = "Not in it, since no price of them was found: " + "; ".join(NOT_PRICED) + "."
    text = f"{table(stacks)}\n\n{left}\n\n{prices()}"
    if os.environ.get("RENEW_SNAPSHOT"):
        README.write_text(MADE.sub(lambda _: text, README.read_text()))
    assert MADE.findall(README.read_text()) == [text], "run this test with RENEW_SNAPSHOT=1, and look at `git diff`"


def test_it_is_of_what_the_graph_asks_for(graphs: dict[str, Graph]) -> None:
    dev, assumed = graphs["dev"], ASSUMED["dev"]
    was = reckoned(dev, assumed)
    assert was["database"] == pytest.approx(HOURS * (1 * 0.0413 + 3.75 * 0.007))
    assert was["runs"] == pytest.approx(30 * (1.25 * 0.0445 + 4.5 * 0.0049225)), "with the proxy beside it"
    assert was["cluster"] == 0

    of_daemon = HOURS * (0.75 * PRICES["pod cores"].dollars + 2 * PRICES["pod memory"].dollars)
    two = reckoned(put("kubernetes:apps/v1:Deployment::daemon", "spec.replicas", 2)(dev), assumed)
    assert two["pods"] - was["pods"] == pytest.approx(of_daemon)

    scaled = put("kubernetes:autoscaling/v2:HorizontalPodAutoscaler::serving", "spec.minReplicas", 1)(dev)
    assert reckoned(scaled, assumed)["pods"] < was["pods"]
    doubled = put("gcp:sql/databaseInstance:DatabaseInstance::postgres", "settings.availabilityType", "REGIONAL")(dev)
    assert reckoned(doubled, assumed)["database"] == pytest.approx(2 * was["database"])


def test_a_tier_without_a_price_is_told(graphs: dict[str, Graph]) -> None:
    small = put("gcp:sql/databaseInstance:DatabaseInstance::postgres", "settings.tier", "db-f1-micro")(graphs["dev"])
    with pytest.raises(ValueError, match="db-f1-micro: only tiers"):
        reckoned(small, ASSUMED["dev"])


def runbooks() -> dict[str, list[str]]:
    """By alert, what to look at and what to do."""
    text = README.read_text()
    section = text[text.index("\n## Runbooks\n") :].split("\n## ")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:3] == "| `"
    ]
    return {name.strip("` "): rest for name, *rest in rows}


def test_each_alert_has_a_runbook_and_names_it(graphs: dict[str, Graph]) -> None:
    alerts: dict[str, dict[str, Any]] = {
        one.name: deepcopy(one.properties) for one in graphs["prod"].of("monitoring/alertPolicy:AlertPolicy")
    }
    written = runbooks()
    assert set(written) == set(alerts)
    for name, alert in alerts.items():
        assert f"runbook `{name}`" in alert["documentation"]["content"]
        assert len(written[name]) == 2, name
        assert all(len(cell) > 20 for cell in written[name]), name
