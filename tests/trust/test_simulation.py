"""The simulation at length; a few of its runs are in the test suite."""

from tests.database import Database
from tests.trust.scenarios import Scale, Scenario
from tests.trust.simulation import sentence, simulate


def test_the_api_agrees_with_the_model_whatever_fails_between(
    database: Database, scenario: Scenario, scale: Scale, seed: int
) -> None:
    counts = simulate(database, runs=scale.of(200, least=5), steps=50, seed_of_run=seed)
    scenario("simulation: the API against a model of the rules, with faults between", figure=sentence(counts))
