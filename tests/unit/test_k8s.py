"""The manifests for Kubernetes: built by kubectl, checked against its schemas and KEDA's, and what is promised."""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject

from settings import Settings

ROOT = Path(__file__).parents[2]
OVERLAYS = ("trial", "production")
# The oldest and the newest that are looked at: pods sleep before they stop since 1.30.
VERSIONS = ("1.32", "1.37")
Object = dict[str, Any]


@cache
def built(overlay: str) -> list[Object]:
    """The objects of an overlay, as ``kubectl apply -k`` would send them."""
    command = [Path(sys.executable).with_name("kubectl"), "kustomize", ROOT / "deploy" / "k8s" / "overlays" / overlay]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(said.stdout))


def named(overlay: str, kind: str) -> dict[str, Object]:
    """The objects of one kind, by name."""
    return {one["metadata"]["name"]: one for one in built(overlay) if one["kind"] == kind}


def pods(overlay: str) -> Iterator[tuple[str, Object]]:
    """The template of every pod, with its owner's name."""
    for one in built(overlay):
        if one["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield one["metadata"]["name"], one["spec"]["template"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_would_take_it(overlay: str, version: str) -> None:
    for one in built(overlay):
        if not one["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_refuse_what_is_wrong() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(named("trial", "Deployment")["api"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["comand"] = ["x"]
    with pytest.raises(kubernetes_validate.ValidationError, match="comand"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_keda_would_take_it() -> None:
    scaled = named("production", "ScaledObject")
    assert set(scaled) == {"worker-cpu", "worker-gpu"}
    for name, one in scaled.items():
        understood = ScaledObject.model_validate(one).model_dump(by_alias=True, exclude_unset=True, mode="json")
        assert understood == one, "a field that KEDA does not know is left out of what it understood"
        assert one["spec"]["scaleTargetRef"]["name"] in named("production", "Deployment"), name
        assert "replicas" not in named("production", "Deployment")[name]["spec"], "two would decide on it"
        (trigger,) = one["spec"]["triggers"]
        assert trigger["type"] == "prometheus"
        assert 'shoebox_shards{state="ready"}' in trigger["metadata"]["query"]
        assert all(isinstance(value, str) for value in trigger["metadata"].values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_meets_the_strictest_standard(overlay: str) -> None:
    space = named(overlay, "Namespace")["shoebox"]
    assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"], name
            assert ":" in container["image"] and not container["image"].endswith(":latest"), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_named_is_there(overlay: str) -> None:
    claims, maps = named(overlay, "PersistentVolumeClaim"), named(overlay, "ConfigMap")
    labels = [pod["metadata"]["labels"] for _, pod in pods(overlay)]
    for name, pod in pods(overlay):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        own = named(overlay, "StatefulSet").get(name, {}).get("spec", {}).get("volumeClaimTemplates", ())
        for container in pod["spec"]["containers"]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == set(volumes) | {claim["metadata"]["name"] for claim in own}, name
            for source in container.get("envFrom", ()):
                assert source["configMapRef"]["name"] in maps, name
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name
            if "secret" in volume:
                assert volume["secret"]["secretName"] == "shoebox", name
    for kind in ("Service", "PodDisruptionBudget"):
        for name, one in named(overlay, kind).items():
            selector = one["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= label.items() for label in labels), f"{kind} {name}"
    for name, one in named(overlay, "Ingress").items():
        for rule in one["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"]["name"] in named(overlay, "Service"), name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_exist_and_hold_no_password(overlay: str) -> None:
    said = {key: value for one in named(overlay, "ConfigMap").values() for key, value in one["data"].items()}
    for _, pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            said |= {one["name"]: one["value"] for one in container.get("env", ()) if "value" in one}
    ours = {key.removeprefix("SHOEBOX_").lower(): value for key, value in said.items() if key.startswith("SHOEBOX_")}
    assert ours and set(ours) <= set(Settings.model_fields)
    settings = Settings(_env_file=None, **{**ours, "database_password": "hush", "redis_password": "hush"})
    assert ":hush@" in settings.database and ":hush@" in settings.redis, "the URLs leave room for the secrets"
    assert not named(overlay, "Secret")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_are_probed_and_stop_in_time(overlay: str) -> None:
    for name, one in named(overlay, "Deployment").items():
        spec = one["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert spec["terminationGracePeriodSeconds"] >= 15, name
        assert container["startupProbe"] and container["readinessProbe"], name
        assert ("livenessProbe" in container) == (not name.startswith("worker")), name
        assert name in named(overlay, "PodDisruptionBudget"), name


def test_nothing_comes_in_but_as_said() -> None:
    for overlay in OVERLAYS:
        policies = named(overlay, "NetworkPolicy")
        closed = policies["nothing-else"]["spec"]
        assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        world = [
            name
            for name, one in policies.items()
            for rule in one["spec"].get("egress", ())
            for peer in rule.get("to", ())
            if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0"
        ]
        assert world == (["messages", "to-s3"] if "to-s3" in policies else ["messages"])
        for name in world:
            assert "10.0.0.0/8" in policies[name]["spec"]["egress"][0]["to"][0]["ipBlock"]["except"]


def test_with_s3_there_is_no_volume_for_uploads() -> None:
    assert "uploads" in named("trial", "PersistentVolumeClaim")
    assert "uploads" not in named("production", "PersistentVolumeClaim")
    for name, pod in pods("production"):
        (container,) = pod["spec"]["containers"]
        assert "uploads" not in {volume["name"] for volume in pod["spec"]["volumes"]}, name
        assert "/data/blobs" not in {mount["mountPath"] for mount in container["volumeMounts"]}, name
    chosen = named("production", "NetworkPolicy")["to-s3"]["spec"]["podSelector"]["matchExpressions"][0]["values"]
    assert set(chosen) == {name for name in named("production", "Deployment") if name != "dashboard"}


def test_one_gpu_for_each_worker_of_its_kind() -> None:
    (container,) = named("production", "Deployment")["worker-gpu"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_job_migrates_and_commands_are_those_of_the_compose_file() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, pod in pods("production"):
        assert pod["spec"]["containers"][0]["command"] == compose[name]["command"], name
