"""What the files in deploy/ set is what the program knows, and what they promise of containers is what they say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from entrypoints.settings import FILE_SUFFIX, PREFIX, Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = sorted(path.name for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
SETTINGS = {PREFIX + name.upper() for name in Settings.__struct_fields__}


def kubernetes() -> Iterator[dict[str, Any]]:
    for name in KUBERNETES:
        yield from yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text())


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def pods() -> list[dict[str, Any]]:
    return [each["spec"]["template"]["spec"] for each in kubernetes() if each["kind"] in {"Deployment", "Job"}]


def variables() -> set[str]:
    of_compose = {name for service in compose()["services"].values() for name in service.get("environment", {})}
    of_pods = {each["name"] for pod in pods() for container in pod["containers"] for each in container["env"]}
    return {name for name in of_compose | of_pods if name.startswith(PREFIX)}


def test_every_variable_is_a_setting_of_the_program() -> None:
    assert len(variables()) > 8
    assert {name.removesuffix(FILE_SUFFIX) for name in variables()} <= SETTINGS


def test_no_secret_stands_in_an_environment() -> None:
    secret = {name for name in SETTINGS if name.endswith(("DATABASE_URL", "SECRET_KEYS"))}
    assert secret & variables() == set()


def test_each_service_gets_the_secrets_that_it_reads_and_no_others() -> None:
    for name, service in compose()["services"].items():
        read = {
            value.removeprefix("/run/secrets/")
            for value in service.get("environment", {}).values()
            if value.startswith("/run/secrets/")
        }
        assert read == set(service.get("secrets", ())), name
    made = (DEPLOY / "make-secrets").read_text()
    for secret in compose()["secrets"]:
        assert f"put {secret} " in made


@pytest.mark.parametrize("service", [name for name in compose()["services"] if name != "database"])
def test_containers_of_compose_have_no_more_rights_than_they_need(service: str) -> None:
    said = compose()["services"][service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "logging"} <= said.keys()


def test_pods_have_no_more_rights_than_they_need() -> None:
    assert len(pods()) == 3
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} <= container["resources"].keys()


def test_only_the_migrations_may_change_the_schema() -> None:
    owners = [pod for pod in pods() if pod["volumes"][0]["secret"]["secretName"] == "account-credit-owner"]
    assert [pod["containers"][0]["args"] for pod in owners] == [["migrate"]]


def test_the_base_lists_every_file() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == KUBERNETES
