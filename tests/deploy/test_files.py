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
    return [template["spec"] for template in templates()]


def templates() -> list[dict[str, Any]]:
    nightly = [each["spec"]["jobTemplate"]["spec"]["template"] for each in kubernetes() if each["kind"] == "CronJob"]
    return [*nightly, *(each["spec"]["template"] for each in kubernetes() if each["kind"] in {"Deployment", "Job"})]


def variables() -> set[str]:
    of_compose = {name for service in compose()["services"].values() for name in service.get("environment", {})}
    of_pods = {each["name"] for pod in pods() for container in pod["containers"] for each in container["env"]}
    return {name for name in of_compose | of_pods if name.startswith(PREFIX)}


def test_every_variable_is_a_setting_of_the_program() -> None:
    assert len(variables()) > 8
    assert {name.removesuffix(FILE_SUFFIX) for name in variables()} <= SETTINGS


def test_no_secret_stands_in_an_environment() -> None:
    secret = {name for name in SETTINGS if name.endswith(("DATABASE_URL", "SECRET_KEYS", "SMTP_URL"))}
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
    assert len(pods()) == 4
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


def test_behind_a_proxy_failed_sign_ins_are_counted_by_who_it_speaks_for() -> None:
    api = compose()["services"]["api"]
    assert api["environment"]["ACCOUNT_CREDIT_TRUST_FORWARDED"] == "true"
    assert all(port.startswith("127.0.0.1:") for port in api["ports"]), "nobody else may say whom they speak for"
    [container] = [each for pod in pods() for each in pod["containers"] if each["args"] == ["serve"]]
    assert {"name": "ACCOUNT_CREDIT_TRUST_FORWARDED", "value": "true"} in container["env"]


def test_every_shop_is_verified_every_night() -> None:
    [nightly] = [each["spec"] for each in kubernetes() if each["kind"] == "CronJob"]
    minute, hour, *days = nightly["schedule"].split()
    assert minute.isdigit()
    assert hour.isdigit()
    assert days == ["*"] * 3
    pod = nightly["jobTemplate"]["spec"]["template"]["spec"]
    assert [container["args"] for container in pod["containers"]] == [["verify"]]
    [line] = [
        line for line in (DEPLOY / "README.md").read_text().splitlines() if "exec -T api account-credit verify" in line
    ]
    assert line.split()[2:5] == ["*"] * 3


def test_network_policies_are_about_pods_of_ours_alone() -> None:
    ours = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["labels"][0]
    assert ours["includeSelectors"]
    assert ours["includeTemplates"]
    # kustomize adds its labels to selectors that have some already, and to no empty one.
    known = [{**ours["pairs"], **template["metadata"]["labels"]} for template in templates()]
    policies = [each["spec"] for each in kubernetes() if each["kind"] == "NetworkPolicy"]
    assert len(policies) > 2
    for policy in policies:
        chosen = policy["podSelector"]["matchLabels"].items()
        assert any(chosen <= labels.items() for labels in known)
    assert (
        sum(all(each["podSelector"]["matchLabels"].items() <= labels.items() for labels in known) for each in policies)
        == 1
    )


def test_pods_get_out_by_every_port_that_a_setting_may_name() -> None:
    policies = [each["spec"] for each in kubernetes() if each["kind"] == "NetworkPolicy"]
    out = [port for policy in policies for rule in policy.get("egress", ()) for port in rule["ports"]]
    open_ = {number for port in out for number in range(port["port"], port.get("endPort", port["port"]) + 1)}
    # DNS; PostgreSQL and PgBouncer; SMTP with each kind of TLS and with none; OTLP over HTTP.
    assert {53, 5432, 6432, 25, 465, 587, 4318} <= open_


def test_the_base_lists_every_file() -> None:
    listed = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == KUBERNETES
