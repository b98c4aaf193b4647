"""The simulation at length; a few of its runs are in the test suite."""

from collections import Counter

from tests.database import Database
from tests.trust.scenarios import Progress, Scale, Scenario
from tests.trust.simulation import sentence, simulate

_RUNS_A_DATABASE = 500
"""More would leave so much behind that later runs are about a big database."""


def test_the_api_agrees_with_the_model_whatever_fails_between(
    database: Database, scenario: Scenario, scale: Scale, seed: int, progress: Progress
) -> None:
    runs = scale.of(200, least=5)
    counts: Counter[str] = Counter()
    for number, first in enumerate(range(0, runs, _RUNS_A_DATABASE)):
        several = min(_RUNS_A_DATABASE, runs - first)
        begun = counts["runs"]
        counts += simulate(
            database,
            runs=several,
            steps=50,
            seed_of_run=seed + number,
            tell=lambda more, begun=begun: progress(begun + more, runs, "runs"),  # type: ignore[misc]
        )
    scenario(
        "simulation: the API against a model of the rules, with faults between",
        figure=f"{sentence(counts)}; seed {seed}",
    )
