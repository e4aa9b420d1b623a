"""What kubectl says when it fails becomes an error that says what to do."""

from __future__ import annotations

import pytest

from kedge.cli.cluster import refusals

NOISE = 'E1125 19:13:14.256670    5587 memcache.go:265] "Unhandled Error" err="could not get server API group list"\n'
ANSWERS = [
    (
        NOISE * 2 + "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
        refusals.NoCluster,
        "set KUBECONFIG",
    ),
    ('error: context "zip" does not exist', refusals.NoCluster, "get-contexts"),
    ("Error in configuration: context was not found for specified context: zip", refusals.NoCluster, "get-contexts"),
    (
        "error: You must be logged in to the server (the server has asked for the client to provide credentials)",
        refusals.NoCluster,
        "log in",
    ),
    ("error: EOF", refusals.NoCluster, "has no credentials"),
    ("The connection to the server 10.0.0.1:6443 was refused", refusals.Unreachable, "cluster-info"),
    ("Unable to connect to the server: dial tcp: lookup x: no such host", refusals.Unreachable, "cluster-info"),
    ("error: unexpected EOF", refusals.Unreachable, "cluster-info"),
    ("error: read tcp 10.0.0.1:5->10.0.0.2:6443: read: connection reset by peer", refusals.Unreachable, "cluster-info"),
    ("Error from server (ServiceUnavailable): apiserver not ready", refusals.Unreachable, "cluster-info"),
    ("Error from server: etcdserver: leader changed", refusals.Unreachable, "cluster-info"),
    ('error: the server doesn\'t have a resource type "opjobs"', refusals.NotInstalled, "administrator installs"),
    (
        'error: resource mapping not found for name: "x": no matches for kind "OpJob" in version "kedge.dev/v1alpha1"',
        refusals.NotInstalled,
        "not installed",
    ),
    (
        "Error from server (NotFound): the server could not find the requested resource",
        refusals.NotInstalled,
        "not installed",
    ),
    (
        'Error from server (Forbidden): opjobs.kedge.dev is forbidden: User "bob" cannot list resource "opjobs"',
        refusals.NotAllowed,
        "role view",
    ),
    (
        'Error from server (Forbidden): error when creating "STDIN": opjobs.kedge.dev "x" is forbidden: '
        "ValidatingAdmissionPolicy 'kedge-opjobs' with binding 'kedge-opjobs' denied request: op one asks for tokens",
        refusals.NotAllowed,
        "a policy of the cluster",
    ),
    (
        'Error from server (Forbidden): error when creating "STDIN": admission webhook "vet.example" denied the '
        "request: no",
        refusals.NotAllowed,
        "a policy of the cluster",
    ),
    (
        'Error from server (Forbidden): error when creating "STDIN": opjobs.kedge.dev "x" is forbidden: exceeded '
        "quota: few, requested: count/opjobs.kedge.dev=1, used: count/opjobs.kedge.dev=5",
        refusals.NotAllowed,
        "the namespace's quota is used up",
    ),
    ('Error from server (NotFound): opjobs.kedge.dev "nope" not found', refusals.NoSuchOpJob, "kedge runs --cluster"),
    (
        'Error from server (AlreadyExists): error when creating "STDIN": opjobs.kedge.dev "x" already exists',
        refusals.NameTaken,
        "--generate-name",
    ),
    (
        'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found',
        refusals.ClusterError,
        "get namespaces",
    ),
    ('The OpJob "x" is invalid: spec.maxConcurrent: Invalid value: 0', refusals.SpecRefused, "kubectl explain"),
    ("something that nobody foresaw", refusals.ClusterError, "nobody foresaw"),
]


@pytest.mark.parametrize(("said", "kind", "hint"), ANSWERS)
def test_what_kubectl_says_has_its_own_error_and_a_way_out(
    said: str, kind: type[refusals.ClusterError], hint: str
) -> None:
    error = refusals.error_of(said)
    assert type(error) is kind
    assert hint in str(error)


def test_the_servers_words_are_told_without_what_kubectl_puts_around_them() -> None:
    said = (
        NOISE + 'Error from server (AlreadyExists): error when creating "STDIN": opjobs.kedge.dev "x" already exists\n'
    )
    assert str(refusals.error_of(said)).splitlines()[0] == 'opjobs.kedge.dev "x" already exists'


def test_a_failure_without_words_is_still_told() -> None:
    assert "did not say why" in str(refusals.error_of(""))
