"""A few runs of the simulation; ``make trust`` does many."""

import secrets

from tests.database import Database
from tests.trust.simulation import simulate


def test_the_api_agrees_with_the_model_whatever_fails_between(database: Database) -> None:
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when the test fails
    assert simulate(database, runs=5, steps=30, seed_of_run=seed)["keys"] > 0
