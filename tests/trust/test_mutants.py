"""The proof that the tests bite: see tests/trust/mutants.py, which is a script too."""

from pathlib import Path

import pytest

from tests.database import Cluster
from tests.trust.mutants import MUTANTS, Mutant, Patch, PatchDoesNotApply, copy_of_src, run_tests, try_all
from tests.trust.scenarios import Scenario

JOBS = 2


def test_every_mutant_is_killed_by_the_suite_or_refused_by_the_schema(cluster: Cluster, scenario: Scenario) -> None:
    verdicts = list(try_all(MUTANTS, cluster.superuser_url, JOBS))
    for verdict in verdicts:
        scenario(f"mutant: {verdict.mutant.name}", figure=verdict.sentence.splitlines()[0], passed=verdict.killed)
    survivors = {verdict.mutant.name: verdict.complaint for verdict in verdicts if not verdict.killed}
    assert survivors == {}


def test_the_same_tests_pass_without_a_mutation(cluster: Cluster, tmp_path: Path, scenario: Scenario) -> None:
    tests = sorted({test for mutant in MUTANTS for test in mutant.killers})
    status, output = run_tests(copy_of_src(tmp_path), tests, cluster.superuser_url)
    scenario("mutants: the same tests on the program as it is", figure=output.strip().splitlines()[-1].strip("= "))
    assert status == 0, output


@pytest.mark.parametrize("old", ["not in this file", "from "], ids=["gone", "not one place"])
def test_a_mutant_that_no_longer_fits_the_program_fails(tmp_path: Path, old: str) -> None:
    mutant = Mutant("outdated", (Patch("core/money.py", old, ""),), ())
    with pytest.raises(PatchDoesNotApply):
        copy_of_src(tmp_path, mutant.patches)
